# AdvSemiSeg against its baseline on real images with a CPU, with the rates of the paper.
title = 'AdvSemiSeg on the animals of VOC, with the rates of its paper'
introduction = (
    'Of 437 images, 1/8 have labels. `supervised` learns from these alone, `advsemi` also from the '
    'others, and `labeled_only` has its discriminator and no further images. All start from '
    'ImageNet and are judged on 445 other images.'
)
stages = [
    dict(
        name='supervised',
        type='TrainStage',
        config='advsemi/mobilenetv2_voc-animals_supervised_paper-rates',
    ),
    dict(
        name='advsemi',
        type='TrainStage',
        config='advsemi/mobilenetv2_voc-animals_semi_paper-rates',
    ),
    dict(
        name='labeled_only',
        type='TrainStage',
        config='advsemi/mobilenetv2_voc-animals_semi_paper-rates',
        cfg_options={'model.lambda_adv_unlabeled': 0.0, 'model.lambda_semi': 0.0},
    ),
]
results = ['supervised', 'advsemi', 'labeled_only']
