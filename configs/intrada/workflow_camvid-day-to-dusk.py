# IntraDA on real images with a CPU, all steps: CamVid by day to CamVid at dusk.
title = 'IntraDA: CamVid, day to dusk'
introduction = (
    'From 577 labeled images of three sequences by day to one sequence at dusk, of which the first '
    '62 images are there without labels. Validated on its other 62 images.'
)
stages = [
    dict(
        name='source_only',
        type='TrainStage',
        config='intrada/mobilenetv2_camvid-day-to-dusk_source-only',
    ),
    dict(
        name='advent',
        type='TrainStage',
        config='intrada/mobilenetv2_camvid-day-to-dusk_advent',
    ),
    dict(
        name='rank',
        type='EntropyRankStage',
        config='intrada/mobilenetv2_camvid-day-to-dusk_advent',
        checkpoint='{advent.checkpoint}',
        ratio=0.67,
    ),
    dict(
        name='intrada',
        type='TrainStage',
        config='intrada/mobilenetv2_camvid-dusk_intrada',
        cfg_options={
            'train_dataloader.easy.dataset.ann_file': '{rank.easy}',
            'train_dataloader.easy.dataset.data_prefix.seg_map_path': '{rank.pseudo_masks}',
            'train_dataloader.hard.dataset.ann_file': '{rank.hard}',
        },
    ),
]
results = ['source_only', 'advent', 'intrada']
