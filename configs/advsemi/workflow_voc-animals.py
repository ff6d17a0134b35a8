# AdvSemiSeg against its baseline and its upper bound on real images with a CPU: the animals of VOC.
title = 'AdvSemiSeg on the animals of VOC'
introduction = (
    'Of 437 images, 55 have labels (1/8). `supervised` learns from these alone, `advsemi` '
    '(AdvSemiSeg) from these and the 382 others without labels, `oracle` from the labels of all '
    '437. All start from the weights of ImageNet and are judged on 445 other images.'
)
stages = [
    dict(name='supervised', type='TrainStage', config='advsemi/mobilenetv2_voc-animals_supervised'),
    dict(name='advsemi', type='TrainStage', config='advsemi/mobilenetv2_voc-animals_semi'),
    dict(
        name='oracle',
        type='TrainStage',
        config='advsemi/mobilenetv2_voc-animals_supervised',
        cfg_options=dict(labeled_list='splits/voc_animals/train.txt'),
    ),
]
results = ['supervised', 'advsemi', 'oracle']
