# AffinityNet on the built-in toy dataset, all steps, from tags to a segmentor.
title = 'AffinityNet on the toy dataset'
introduction = (
    'Of 1,000 toy images only the classes in them are known. `cls` learns to predict these, `cam` '
    'finds where it looks, `scores` refines that with a CRF, `affinity` learns from the confident '
    'pixels which neighbours belong together, `masks` spreads the CAMs along these affinities '
    '(`mIoU_walk`) and refines them with a CRF, and `segmentor` learns from the resulting masks. '
    'CAMs and masks are judged on the training images, the segmentor on 100 others.'
)
# The toy's textures have one scale: with (1.0, 0.5, 1.5, 2.0) CAMs are worse and cost seven times.
cams = {'model.type': 'CAMSegmentor', 'model.scales': (1.0,)}
pretrained = {'model.backbone.init_cfg.checkpoint': '{cls.checkpoint}'}
stages = [
    dict(name='cls', type='TrainStage', config='affinitynet/resnet18_toy_cls'),
    dict(
        name='cam',
        type='CAMStage',
        config='affinitynet/resnet18_toy_cls',
        cfg_options=cams,
        checkpoint='{cls.checkpoint}',
    ),
    dict(
        name='scores',
        type='AffinityScoreStage',
        config='affinitynet/resnet18_toy_cls',
        cams='{cam.cams}',
        low_alpha=4,
        high_alpha=32,
    ),
    dict(
        name='affinity',
        type='TrainStage',
        config='affinitynet/resnet18_toy_affinity',
        cfg_options={
            **pretrained,
            'train_dataloader.labeled.dataset.data_prefix.seg_map_path': '{scores.scores}',
        },
    ),
    dict(
        name='masks',
        type='PseudoMaskStage',
        config='affinitynet/resnet18_toy_affinity',
        checkpoint='{affinity.checkpoint}',
        cams='{cam.cams}',
        alpha=16,
    ),
    dict(
        name='segmentor',
        type='TrainStage',
        config='affinitynet/resnet18_toy_segmentor',
        cfg_options={
            **pretrained,
            'train_dataloader.labeled.dataset.data_prefix.seg_map_path': '{masks.pseudo_masks}',
        },
    ),
]
results = ['masks.mIoU_cam', 'masks.mIoU_walk', 'masks', 'segmentor']
