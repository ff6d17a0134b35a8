# IntraDA at the paper's settings, all steps: GTA5 to Cityscapes. The environment variable SOURCE
# names another source: synthia or synscapes.
source = '{{$SOURCE:gta5}}'
# SYNTHIA has 16 of the 19 classes.
target = 'cityscapes-16' if source == 'synthia' else 'cityscapes'
title = f'IntraDA: {source} to Cityscapes'
introduction = (
    'Inter-domain adaptation by ADVENT, ranking of the target images by entropy, and intra-domain '
    'adaptation from the easy to the hard ones. Checkpoints are the last ones, so that no label of '
    'the target takes part in the choice.'
)
stages = [
    dict(
        name='inter',
        type='TrainStage',
        config=f'intrada/deeplabv2_r101_{source}-to-cityscapes_advent',
    ),
    dict(
        name='rank',
        type='EntropyRankStage',
        config=f'intrada/deeplabv2_r101_{source}-to-cityscapes_advent',
        checkpoint='{inter.checkpoint}',
        ratio=0.67,
    ),
    dict(
        name='intra',
        type='TrainStage',
        config=f'intrada/deeplabv2_r101_{target}_intrada',
        cfg_options={
            'train_dataloader.easy.dataset.ann_file': '{rank.easy}',
            'train_dataloader.easy.dataset.data_prefix.seg_map_path': '{rank.pseudo_masks}',
            'train_dataloader.hard.dataset.ann_file': '{rank.hard}',
        },
    ),
    dict(
        name='test',
        type='TestStage',
        config=f'intrada/deeplabv2_r101_{target}_intrada',
        checkpoint='{intra.checkpoint}',
    ),
]
results = ['inter', 'intra']
