# SIGN on COCO-Stuff, all three steps.
title = 'SIGN on COCO-Stuff'
introduction = (
    '`training` learns from the seen classes, `transfer` shows the classifier generated features '
    'of all, and `self_training` learns from its own predictions of the pixels without a label, '
    'weighted by annealing. hIoU is the harmonic mean of the mIoU of seen and of unseen classes.'
)
stages = [
    dict(name='training', type='TrainStage', config='sign/deeplabv2_r101_coco-stuff_training'),
    dict(
        name='transfer',
        type='TrainStage',
        config='sign/deeplabv2_r101_coco-stuff_transfer',
        cfg_options={'load_from': '{training.checkpoint}'},
    ),
    dict(
        name='self_training',
        type='TrainStage',
        config='sign/deeplabv2_r101_coco-stuff_self-training',
        cfg_options={'load_from': '{transfer.checkpoint}'},
    ),
]
results = [
    f'{stage}.{figure}'
    for figure in ('hIoU', 'mIoU_seen', 'mIoU_unseen')
    for stage in ('training', 'transfer', 'self_training')
]
