# IntraDA on the toy domain pair, all steps: source style to target style, four networks to train.
title = 'IntraDA on the toy domain pair'
introduction = (
    'From 320 labeled toy images of the source style to a darker, blurred and noisy target style, '
    'of which 1,000 images without labels are there. `source_only` learns from the source alone, '
    '`advent` aligns the entropy of both domains, `rank` splits the target images by the entropy '
    'of its predictions, and `intrada` learns from the easy ones with its predictions as labels '
    'and aligns the hard ones with them. Validated on 100 other target images.'
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
        name='advent',
        type='TrainStage',
        config='intrada/deeplabv2_r18_toy_advent',
        cfg_options=pretrained,
    ),
    dict(
        name='rank',
        type='EntropyRankStage',
        config='intrada/deeplabv2_r18_toy_advent',
        checkpoint='{advent.checkpoint}',
        ratio=0.67,
    ),
    dict(
        name='intrada',
        type='TrainStage',
        config='intrada/deeplabv2_r18_toy_intrada',
        cfg_options={
            **pretrained,
            'train_dataloader.easy.dataset.ann_file': '{rank.easy}',
            'train_dataloader.easy.dataset.data_prefix.seg_map_path': '{rank.pseudo_masks}',
            'train_dataloader.hard.dataset.ann_file': '{rank.hard}',
        },
    ),
]
results = ['source_only', 'advent', 'intrada']
