# DeconvNet on real images with a CPU: the animals of VOC, both stages, and inference with and
# without proposals, the ensemble and the CRF.
title = 'DeconvNet on the animals of VOC'
introduction = (
    'What is an animal and what is not, learned from 437 images without initial weights. DeconvNet '
    'with a quarter of its channels learns from crops around single objects (`objects`), then '
    'around proposals (`proposals`). `whole` and `inference` are the result, the one on whole '
    'images, the other on 50 proposals of each; `crf` adds a CRF. `ensemble` is the mean of '
    '`inference` and a small FCN (`fcn`), which starts from random weights too. All are judged on '
    'the first 100 validation images. `mIoU_small` is the figure of objects whose area has a root '
    'of less than 48 pixels, `mIoU_large` that of the others.'
)
judged = {'test_dataloader.dataset.indices': 100}
by_proposals = {**judged, 'model.test_cfg.mode': 'proposal'}
members = {
    **judged,
    'model.members.0.checkpoint': '{proposals.checkpoint}',
    'model.members.1.checkpoint': '{fcn.checkpoint}',
}
stages = [
    dict(
        name='boxes',
        type='ProposalStage',
        config='deconvnet/deconvnet_vgg16_voc-animals_objects',
        cfg_options={'test_dataloader.dataset.ann_file': 'splits/voc_animals/train.txt'},
        num=200,
        per_seed=False,
    ),
    dict(name='objects', type='TrainStage', config='deconvnet/deconvnet_vgg16_voc-animals_objects'),
    dict(
        name='proposals',
        type='TrainStage',
        config='deconvnet/deconvnet_vgg16_voc-animals_proposals',
        cfg_options={
            'val_dataloader.dataset.indices': 100,
            'model.init_cfg.checkpoint': '{objects.checkpoint}',
            'train_dataloader.labeled.dataset.proposals': '{boxes.proposals}',
        },
    ),
    dict(
        name='whole',
        type='TestStage',
        config='deconvnet/deconvnet_vgg16_voc-animals_proposals',
        checkpoint='{proposals.checkpoint}',
        cfg_options=judged,
    ),
    dict(
        name='inference',
        type='TestStage',
        config='deconvnet/deconvnet_vgg16_voc-animals_proposals',
        checkpoint='{proposals.checkpoint}',
        cfg_options=by_proposals,
    ),
    dict(
        name='crf',
        type='TestStage',
        config='deconvnet/deconvnet_vgg16_voc-animals_proposals',
        checkpoint='{proposals.checkpoint}',
        cfg_options={**by_proposals, 'model.test_cfg.crf.iterations': 10},
    ),
    dict(
        name='fcn',
        type='TrainStage',
        config='deconvnet/fcn_vgg16_voc-animals',
        cfg_options={'val_dataloader.dataset.indices': 100},
    ),
    dict(
        name='ensemble',
        type='TestStage',
        config='deconvnet/edeconvnet_vgg16_voc-animals',
        checkpoint='{proposals.checkpoint}',
        cfg_options=members,
    ),
]
results = ['whole', 'inference', 'crf', 'fcn', 'ensemble']
results += [
    f'{stage}.mIoU_{size}' for size in ('small', 'large') for stage in ('whole', 'inference')
]
