# Adaptation on real images with a CPU: CamVid by day to IDD-Lite. CAMVID_TARGET=weather in the
# environment is CamVid to CamVid in fog or at night; the two stages with 20 labels are not for it.
title = 'Domain adaptation from CamVid by day'
introduction = (
    'From labeled images of CamVid by day to images without labels, 7 classes: 400 of IDD-Lite, or '
    'with CAMVID_TARGET=weather 171 of CamVid in fog or at night. `fit` learns from the source '
    'alone. All others go on from it, equally long: `source_only` without adaptation, `adabn` with '
    'target images for the statistics of batch norm alone, and `minent`, `advent`, `dacs` and '
    '`mic`; `dacs_20_labels` has masks for 20 target images of IDD-Lite, and `only_20_labels` uses '
    'no others of the target. `intrada` and `advent_continued` go on from `advent`.'
)
prefix = 'mic/efficientnet-lite0_camvid-to-idd-lite'
fitted = {'load_from': '{fit.checkpoint}'}
stages = [
    dict(
        name='fit',
        type='TrainStage',
        config=f'{prefix}_source-only',
        cfg_options={
            'train_cfg.max_iters': 150,
            'train_cfg.val_interval': 75,
            'default_hooks.checkpoint.interval': 150,
            # A constant rate.
            'param_scheduler.1.eta_min': 3e-4,
        },
    ),
    dict(
        name='source_only',
        type='TrainStage',
        config=f'{prefix}_source-only',
        cfg_options=fitted,
    ),
    dict(
        name='adabn',
        type='TrainStage',
        config=f'{prefix}_advent',
        cfg_options={**fitted, 'model.lambda_adv_main': 0.0},
    ),
    dict(name='minent', type='TrainStage', config=f'{prefix}_minent', cfg_options=fitted),
    dict(name='advent', type='TrainStage', config=f'{prefix}_advent', cfg_options=fitted),
    dict(
        name='advent_continued',
        type='TrainStage',
        config=f'{prefix}_advent',
        cfg_options={'load_from': '{advent.checkpoint}'},
    ),
    dict(
        name='rank',
        type='EntropyRankStage',
        config=f'{prefix}_advent',
        checkpoint='{advent.checkpoint}',
        ratio=0.67,
    ),
    dict(
        name='intrada',
        type='TrainStage',
        config='mic/efficientnet-lite0_idd-lite_intrada',
        cfg_options={
            'load_from': '{advent.checkpoint}',
            'train_dataloader.easy.dataset.ann_file': '{rank.easy}',
            'train_dataloader.easy.dataset.data_prefix.seg_map_path': '{rank.pseudo_masks}',
            'train_dataloader.hard.dataset.ann_file': '{rank.hard}',
        },
    ),
    dict(name='dacs', type='TrainStage', config=f'{prefix}_dacs', cfg_options=fitted),
    dict(
        name='mic',
        type='TrainStage',
        config=f'{prefix}_dacs',
        cfg_options={**fitted, 'model.mask_ratio': 0.7, 'model.mask_block': 16},
    ),
    dict(
        name='dacs_20_labels',
        type='TrainStage',
        config=f'{prefix}_dacs_20-labels',
        cfg_options=fitted,
    ),
    dict(
        name='only_20_labels',
        type='TrainStage',
        config=f'{prefix}_dacs_20-labels',
        # No pseudo label is certain enough to count.
        cfg_options={**fitted, 'model.confidence_threshold': 1.0},
    ),
]
results = [
    'source_only',
    'adabn',
    'minent',
    'advent',
    'advent_continued',
    'intrada',
    'dacs',
    'mic',
    'dacs_20_labels',
    'only_20_labels',
]
