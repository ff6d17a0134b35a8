# DACS and MIC against their baseline on the toy domain pair.
title = 'DACS and MIC on the toy domain pair'
introduction = (
    'From 320 labeled toy images of the source style to a darker, blurred and noisy target style, '
    'of which 1,000 images without labels are there. `source_only` learns from the source alone; '
    '`dacs` and `mic` also from the target, with the predictions of a teacher as labels. The '
    'network, the schedule and the initial weights, which `pretrain` learns from another task on '
    'other images, are the same. Validated on 100 other target images.'
)
pretrained = {'model.backbone.init_cfg.checkpoint': '{pretrain.checkpoint}'}
stages = [
    dict(
        name='pretrain',
        type='TrainStage',
        config='toy/deeplabv2_r18_toy_pretrain',
        per_seed=False,
    ),
    dict(
        name='source_only',
        type='TrainStage',
        config='intrada/deeplabv2_r18_toy_source-only',
        cfg_options=pretrained,
    ),
    dict(
        name='dacs',
        type='TrainStage',
        config='mic/deeplabv2_r18_toy_mic',
        cfg_options={**pretrained, 'model.mask_ratio': 0.0, 'model.lambda_feature': 0.0},
    ),
    dict(
        name='mic',
        type='TrainStage',
        config='mic/deeplabv2_r18_toy_mic',
        cfg_options=pretrained,
    ),
]
results = ['source_only', 'dacs', 'mic']
