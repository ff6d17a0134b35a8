# Semi-supervised methods against their baseline on real images with a CPU: the animals of VOC.
title = 'Semi-supervised segmentation of the animals of VOC'
introduction = (
    'Of 437 images, 55 have labels (1/8). `fit` learns from these alone. All others start from its '
    'weights and train equally long: `supervised` goes on as before; `advsemi` (AdvSemiSeg) and '
    '`unimatch` also use the 382 images without labels. They are judged on 445 other images.'
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
        name='advsemi',
        type='TrainStage',
        config='advsemi/mobilenetv2_voc-animals_semi',
        cfg_options=fitted,
    ),
]
results = ['supervised', 'fit', 'advsemi', 'unimatch']
