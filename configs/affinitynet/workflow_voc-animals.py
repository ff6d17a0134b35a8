# AffinityNet on real images with a CPU, all steps: the animals of VOC, from tags to a segmentor.
title = 'AffinityNet on the animals of VOC'
introduction = (
    'Of 437 images only the animals in them are known. `walk` follows the affinities from the '
    'CAMs; `cam_par` refines the CAMs by the image, `walk_par` and `walk_crf` the result of the '
    'walk. All are judged on these images. `segmentor` learns from the masks of `walk_par`, '
    '`segmentor_cam`, `segmentor_par` and `segmentor_walk` from those of the CAMs, of `cam_par` '
    'and of `walk`; they are judged on 445 other images, without tags.'
)
# This network's CAMs are wide: background is best where they are below 0.5, which is an alpha
# near 1. Chosen with the masks of training images, as is customary.
alpha = 1.5
masks = dict(
    type='PseudoMaskStage',
    config='affinitynet/mobilenetv2_voc-animals_affinity',
    checkpoint='{affinity.checkpoint}',
    cams='{cam.cams}',
    alpha=alpha,
)


def segmentor(name: str, masks: str) -> dict:
    """A segmentation network that learns from the masks of a stage."""
    folder = 'train_dataloader.labeled.dataset.data_prefix.seg_map_path'
    return dict(
        name=name,
        type='TrainStage',
        config='affinitynet/mobilenetv2_voc-animals_segmentor',
        cfg_options={folder: f'{{{masks}.pseudo_masks}}'},
    )


stages = [
    dict(name='cls', type='TrainStage', config='affinitynet/mobilenetv2_voc-animals_cls'),
    dict(
        name='cam',
        type='CAMStage',
        config='affinitynet/mobilenetv2_voc-animals_cls',
        # A stride of 8 and the scale 2 would take several times as long for a point or two.
        cfg_options={
            'model.type': 'CAMSegmentor',
            'model.backbone.output_stride': 16,
            'model.scales': (1.0, 0.5, 1.5),
        },
        checkpoint='{cls.checkpoint}',
    ),
    dict(
        name='scores',
        type='AffinityScoreStage',
        config='affinitynet/mobilenetv2_voc-animals_cls',
        cams='{cam.cams}',
        # Three quarters of the pixels are certain.
        low_alpha=1,
        high_alpha=4,
        refinement='par',
    ),
    dict(
        name='affinity',
        type='TrainStage',
        config='affinitynet/mobilenetv2_voc-animals_affinity',
        cfg_options={
            'train_dataloader.labeled.dataset.data_prefix.seg_map_path': '{scores.scores}',
        },
    ),
    # A walk of no steps: the CAMs themselves.
    dict(masks, name='cam_masks', refinement='none', cfg_options={'model.steps': 0}),
    dict(masks, name='cam_par', refinement='par', cfg_options={'model.steps': 0}),
    dict(masks, name='walk', refinement='none'),
    dict(masks, name='walk_par', refinement='par'),
    dict(masks, name='walk_crf', refinement='crf'),
    segmentor('segmentor_cam', 'cam_masks'),
    segmentor('segmentor_par', 'cam_par'),
    segmentor('segmentor_walk', 'walk'),
    segmentor('segmentor', 'walk_par'),
]
results = [
    'cam_masks',
    'cam',
    'cam_par',
    'walk',
    'walk_par',
    'walk_crf',
    'segmentor_cam',
    'segmentor_par',
    'segmentor_walk',
    'segmentor',
]
