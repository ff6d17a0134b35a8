# DeconvNet on real images with a CPU: the animals of VOC, both stages, and inference with and
# without proposals, the ensemble and the CRF. A quarter of the channels from random weights, or
# with NETWORK=vgg16 in the environment the paper's width on the first stages of VGG-16.
network = '{{$NETWORK:small}}'
deconvnet = f'deconvnet/deconvnet_{network}_voc-animals'
fcn = f'deconvnet/fcn_{"r18" if network == "small" else network}_voc-animals'
title = f'DeconvNet on the animals of VOC, {network}'
introduction = (
    'What is an animal and what is not, learned from 437 images. DeconvNet learns from crops '
    'around single objects (`objects`), then around proposals (`proposals`). `whole` and '
    '`inference` are the result, the one on whole images, the other on 50 proposals of each; `crf` '
    'adds a CRF. `ensemble` is the mean of `inference` and an FCN (`fcn`), which starts from '
    'weights of the same kind. All are judged on the first validation images: 100 with the small '
    'network, 50 with another one. `mIoU_small` is the figure of objects whose area has a root of '
    'less than 48 pixels, `mIoU_large` that of the others.'
)
number = 100 if network == 'small' else 50
validated = {'val_dataloader.dataset.indices': number}
judged = {'test_dataloader.dataset.indices': number}
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
        config=f'{deconvnet}_objects',
        cfg_options={'test_dataloader.dataset.ann_file': 'splits/voc_animals/train.txt'},
        num=200,
        per_seed=False,
    ),
    dict(
        name='objects',
        type='TrainStage',
        config=f'{deconvnet}_objects',
        cfg_options=validated,
    ),
    dict(
        name='proposals',
        type='TrainStage',
        config=f'{deconvnet}_proposals',
        cfg_options={
            **validated,
            'model.init_cfg.checkpoint': '{objects.checkpoint}',
            'train_dataloader.labeled.dataset.proposals': '{boxes.proposals}',
        },
    ),
    dict(
        name='whole',
        type='TestStage',
        config=f'{deconvnet}_proposals',
        checkpoint='{proposals.checkpoint}',
        cfg_options=judged,
    ),
    dict(
        name='inference',
        type='TestStage',
        config=f'{deconvnet}_proposals',
        checkpoint='{proposals.checkpoint}',
        cfg_options=by_proposals,
    ),
    dict(
        name='crf',
        type='TestStage',
        config=f'{deconvnet}_proposals',
        checkpoint='{proposals.checkpoint}',
        cfg_options={**by_proposals, 'model.test_cfg.crf.iterations': 10},
    ),
    dict(
        name='fcn',
        type='TrainStage',
        config=fcn,
        cfg_options=validated,
    ),
    dict(
        name='ensemble',
        type='TestStage',
        config=f'deconvnet/edeconvnet_{network}_voc-animals',
        checkpoint='{proposals.checkpoint}',
        cfg_options=members,
    ),
]
results = ['whole', 'inference', 'crf', 'fcn', 'ensemble']
results += [
    f'{stage}.mIoU_{size}' for size in ('small', 'large') for stage in ('whole', 'inference')
]
