# AdvSemiSeg against its baseline and its upper bound on the built-in toy dataset; `make demo`.
title = 'AdvSemiSeg with 1/8 of the labels'
introduction = (
    'Of 320 toy images, 40 have labels (1/8). `supervised` learns from these alone, `advsemi` '
    '(AdvSemiSeg) from these and the 280 others without labels, `oracle` from the labels of all '
    '320. The network, a small ResNet-18, the schedule and the initial weights, which `pretrain` '
    'learns from another task on other images, are the same.'
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
        name='advsemi',
        type='TrainStage',
        config='advsemi/deeplabv2_r18_toy_semi',
        cfg_options=pretrained,
    ),
    dict(
        name='oracle',
        type='TrainStage',
        config='advsemi/deeplabv2_r18_toy_supervised',
        cfg_options={**pretrained, 'train_dataloader.labeled.dataset.split': 'train'},
    ),
]
results = ['supervised', 'advsemi', 'oracle']
