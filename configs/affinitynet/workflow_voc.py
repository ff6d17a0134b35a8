# AffinityNet at the settings of its release, ResNet-38, all steps: from the tags of the 10,582
# training images of VOC to a segmentor. The paper has high_alpha=24. NETWORK=vgg16 in the
# environment for the release's other network.
network = '{{$NETWORK:resnet38}}'
# The release takes square roots with VGG-16 only.
cams = {'model.type': 'CAMSegmentor', 'model.square_root': network == 'vgg16'}
title = f'AffinityNet: VOC, {network}'
introduction = (
    'From the tags of the 10,582 training images to their pseudo masks, on which a segmentor is '
    'trained. CAMs and masks are judged on these images, the segmentor on the validation set.'
)
stages = [
    dict(name='cls', type='TrainStage', config=f'affinitynet/{network}_voc_cls'),
    dict(
        name='cam',
        type='CAMStage',
        config=f'affinitynet/{network}_voc_cls',
        cfg_options=cams,
        checkpoint='{cls.checkpoint}',
    ),
    dict(
        name='scores',
        type='AffinityScoreStage',
        config=f'affinitynet/{network}_voc_cls',
        cams='{cam.cams}',
        low_alpha=4,
        high_alpha=32,
    ),
    dict(
        name='affinity',
        type='TrainStage',
        config=f'affinitynet/{network}_voc_affinity',
        cfg_options={
            'train_dataloader.labeled.dataset.data_prefix.seg_map_path': '{scores.scores}',
        },
    ),
    dict(
        name='masks',
        type='PseudoMaskStage',
        config=f'affinitynet/{network}_voc_affinity',
        checkpoint='{affinity.checkpoint}',
        cams='{cam.cams}',
        alpha=16,
    ),
    dict(
        name='segmentor',
        type='TrainStage',
        config=f'affinitynet/{network}_voc_segmentor',
        cfg_options={
            'train_dataloader.labeled.dataset.data_prefix.seg_map_path': '{masks.pseudo_masks}',
        },
    ),
]
results = ['masks.mIoU_cam', 'masks.mIoU_walk', 'masks', 'segmentor']
