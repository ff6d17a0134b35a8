# SIGN on PASCAL-Context, all three steps; with DATASET=coco-stuff in the environment on COCO-Stuff.
dataset = '{{$DATASET:context}}'
title = f'SIGN on {dataset}'
introduction = (
    '`training` learns from the seen classes, `transfer` shows the classifier generated features '
    'of all, and `self_training` learns from its own predictions of the pixels without a label, '
    'weighted by annealing. hIoU is the harmonic mean of the mIoU of seen and of unseen classes.'
)
stages = [
    dict(name='training', type='TrainStage', config=f'sign/deeplabv2_r101_{dataset}_training'),
    dict(
        name='transfer',
        type='TrainStage',
        config=f'sign/deeplabv2_r101_{dataset}_transfer',
        cfg_options={'load_from': '{training.checkpoint}'},
    ),
    dict(
        name='self_training',
        type='TrainStage',
        config=f'sign/deeplabv2_r101_{dataset}_self-training',
        cfg_options={'load_from': '{transfer.checkpoint}'},
    ),
]
results = [
    f'{stage}.{figure}'
    for figure in ('hIoU', 'mIoU_seen', 'mIoU_unseen')
    for stage in ('training', 'transfer', 'self_training')
]
