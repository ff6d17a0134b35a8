# DeconvNet on real images with a CPU: the animals of VOC, both stages, and inference with and
# without proposals, the ensemble and the CRF.
title = 'DeconvNet on the animals of VOC'
introduction = (
    'DeconvNet with a quarter of its channels learns from crops around single objects '
    '(`objects`), then around proposals (`proposals`). `whole` and `inference` are the result, the '
    'one on whole images, the other on 50 proposals of each; `crf` adds a CRF. `ensemble` is the '
    'mean of `inference` and a small FCN (`fcn`). All learn from 437 images and are judged on 445 '
    'others; FCN starts from the weights of ImageNet, DeconvNet from random ones. `mIoU_small` is '
    'the figure of objects whose area has a root of less than 96 pixels, `mIoU_large` that of the '
    'others.'
)
by_proposals = {'model.test_cfg.mode': 'proposal'}
members = {
    'model.members.0.checkpoint': '{proposals.checkpoint}',
    'model.members.1.checkpoint': '{fcn.checkpoint}',
}
stages = [
    dict(
        name='boxes',
        type='ProposalStage',
        config='deconvnet/deconvnet_small_voc-animals_objects',
        cfg_options={'test_dataloader.dataset.ann_file': 'splits/voc_animals/train.txt'},
        num=200,
        per_seed=False,
    ),
    dict(name='objects', type='TrainStage', config='deconvnet/deconvnet_small_voc-animals_objects'),
    dict(
        name='proposals',
        type='TrainStage',
        config='deconvnet/deconvnet_small_voc-animals_proposals',
        cfg_options={
            'model.init_cfg.checkpoint': '{objects.checkpoint}',
            'train_dataloader.labeled.dataset.proposals': '{boxes.proposals}',
        },
    ),
    dict(
        name='whole',
        type='TestStage',
        config='deconvnet/deconvnet_small_voc-animals_proposals',
        checkpoint='{proposals.checkpoint}',
    ),
    dict(
        name='inference',
        type='TestStage',
        config='deconvnet/deconvnet_small_voc-animals_proposals',
        checkpoint='{proposals.checkpoint}',
        cfg_options=by_proposals,
    ),
    dict(
        name='crf',
        type='TestStage',
        config='deconvnet/deconvnet_small_voc-animals_proposals',
        checkpoint='{proposals.checkpoint}',
        cfg_options={**by_proposals, 'model.test_cfg.crf.iterations': 10},
    ),
    dict(name='fcn', type='TrainStage', config='deconvnet/fcn_r18_voc-animals'),
    dict(
        name='ensemble',
        type='TestStage',
        config='deconvnet/edeconvnet_small_voc-animals',
        checkpoint='{proposals.checkpoint}',
        cfg_options=members,
    ),
    dict(
        name='ensemble_crf',
        type='TestStage',
        config='deconvnet/edeconvnet_small_voc-animals',
        checkpoint='{proposals.checkpoint}',
        cfg_options={**members, 'model.crf.iterations': 10},
    ),
]
results = ['objects', 'whole', 'inference', 'crf', 'fcn', 'ensemble', 'ensemble_crf']
results += [
    f'{stage}.mIoU_{size}' for size in ('small', 'large') for stage in ('whole', 'inference')
]
