# Semi-supervised methods against their baseline on real images with a CPU: the animals of VOC.
title = 'Semi-supervised segmentation of the animals of VOC'
introduction = (
    'Of 437 images, 1/8 or 1/16 have labels. `fit` learns from these alone. All others start from '
    'its weights and train equally long: `supervised` goes on as before; `advsemi` (AdvSemiSeg), '
    '`fixmatch`, `unimatch` and `unimatch_v2` also use the images without labels. They are judged '
    'on 445 other images.'
)
fitted = dict(load_from='{fit.checkpoint}')
stages = [
    dict(
        name='fit',
        type='TrainStage',
        config='advsemi/mobilenetv2_voc-animals_supervised',
        seed_offset=1000,
        cfg_options={
            'train_cfg.max_iters': 300,
            'train_cfg.val_interval': 300,
            'default_hooks.checkpoint.interval': 300,
        },
    ),
    dict(
        name='supervised',
        type='TrainStage',
        config='advsemi/mobilenetv2_voc-animals_supervised',
        cfg_options=fitted,
    ),
    dict(
        name='unimatch',
        type='TrainStage',
        config='unimatch/mobilenetv2_voc-animals_unimatch',
        cfg_options=fitted,
    ),
    dict(
        name='unimatch_v2',
        type='TrainStage',
        config='unimatch/mobilenetv2_voc-animals_unimatch',
        cfg_options={
            **fitted,
            'model.feature_dropout': 0.0,
            'model.lambda_strong': 1.0,
            'model.teacher_momentum': 0.996,
            'model.complementary': True,
        },
    ),
    dict(
        name='fixmatch',
        type='TrainStage',
        config='unimatch/mobilenetv2_voc-animals_unimatch',
        cfg_options={
            **fitted,
            'model.data_preprocessor.views': 1,
            'model.feature_dropout': 0.0,
            'model.lambda_strong': 1.0,
        },
    ),
    dict(
        name='advsemi',
        type='TrainStage',
        config='advsemi/mobilenetv2_voc-animals_semi',
        cfg_options=fitted,
    ),
]
results = ['supervised', 'fit', 'advsemi', 'fixmatch', 'unimatch', 'unimatch_v2']
