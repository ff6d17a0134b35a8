# FixMatch and UniMatch against their baseline on the built-in toy dataset.
title = 'FixMatch and UniMatch with 1/8 of the labels'
introduction = (
    'Of 320 toy images, 40 have labels (1/8). `supervised` learns from these alone, `fixmatch` and '
    '`unimatch` also from the 280 others without labels. The network, a small ResNet-18, the '
    'schedule and the initial weights, which `pretrain` learns from another task on other images, '
    'are the same.'
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
        name='supervised',
        type='TrainStage',
        config='advsemi/deeplabv2_r18_toy_supervised',
        cfg_options=pretrained,
    ),
    dict(
        name='fixmatch',
        type='TrainStage',
        config='unimatch/deeplabv2_r18_toy_unimatch',
        cfg_options={
            **pretrained,
            'model.data_preprocessor.views': 1,
            'model.feature_dropout': 0.0,
            'model.lambda_strong': 1.0,
        },
    ),
    dict(
        name='unimatch',
        type='TrainStage',
        config='unimatch/deeplabv2_r18_toy_unimatch',
        cfg_options=pretrained,
    ),
]
results = ['supervised', 'fixmatch', 'unimatch']
