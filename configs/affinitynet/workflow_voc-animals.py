# AffinityNet on real images with a CPU, all steps: the animals of VOC, from tags to a segmentor.
title = 'AffinityNet on the animals of VOC'
introduction = (
    'Of 437 images only the animals in them are known. CAMs, walk and CRF are judged on these '
    'and, with `_val`, on the 445 validation images, whose tags are given as well; the segmentor '
    'is judged on the validation images without tags.'
)
# A stride of 8 and the scale 2 would take several times as long for a point or two.
cams = {
    'model.type': 'CAMSegmentor',
    'model.backbone.output_stride': 16,
    'model.scales': (1.0, 0.5, 1.5),
}
val_images = {'test_dataloader.dataset.ann_file': 'splits/voc_animals/val.txt'}
stages = [
    dict(name='cls', type='TrainStage', config='affinitynet/mobilenetv2_voc-animals_cls'),
    dict(
        name='cam',
        type='CAMStage',
        config='affinitynet/mobilenetv2_voc-animals_cls',
        cfg_options=cams,
        checkpoint='{cls.checkpoint}',
    ),
    dict(
        name='scores',
        type='AffinityScoreStage',
        config='affinitynet/mobilenetv2_voc-animals_cls',
        cams='{cam.cams}',
        # This network's CAMs are wide: background is best where they are below 0.3, which is an
        # alpha near 4. Chosen with the masks of training images, as is customary.
        low_alpha=2,
        high_alpha=12,
    ),
    dict(
        name='affinity',
        type='TrainStage',
        config='affinitynet/mobilenetv2_voc-animals_affinity',
        cfg_options={
            'train_dataloader.labeled.dataset.data_prefix.seg_map_path': '{scores.scores}',
        },
    ),
    dict(
        name='masks',
        type='PseudoMaskStage',
        config='affinitynet/mobilenetv2_voc-animals_affinity',
        checkpoint='{affinity.checkpoint}',
        cams='{cam.cams}',
        alpha=6,
    ),
    dict(
        name='segmentor',
        type='TrainStage',
        config='affinitynet/mobilenetv2_voc-animals_segmentor',
        cfg_options={
            'train_dataloader.labeled.dataset.data_prefix.seg_map_path': '{masks.pseudo_masks}',
        },
    ),
    dict(
        name='cam_val',
        type='CAMStage',
        config='affinitynet/mobilenetv2_voc-animals_cls',
        checkpoint='{cls.checkpoint}',
        cfg_options={**cams, **val_images},
    ),
    dict(
        name='masks_val',
        type='PseudoMaskStage',
        config='affinitynet/mobilenetv2_voc-animals_affinity',
        checkpoint='{affinity.checkpoint}',
        cams='{cam_val.cams}',
        alpha=6,
        cfg_options={'test_dataloader.dataset.ann_file': 'splits/voc_animals/val.txt'},
    ),
]
results = [
    'masks.mIoU_cam',
    'masks.mIoU_walk',
    'masks',
    'masks_val.mIoU_cam',
    'masks_val.mIoU_walk',
    'masks_val',
    'segmentor',
]
