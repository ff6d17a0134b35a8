# DeconvNet on PASCAL VOC 2012 with the paper's settings, all steps.
title = 'DeconvNet on PASCAL VOC 2012'
introduction = (
    'DeconvNet learns from crops around single objects (`objects`), then around proposals '
    '(`proposals`), and predicts from 50 proposals of each image (`inference`). `ensemble` is the '
    'mean with FCN-8s (`fcn`). `crf` and `ensemble_crf` are the same with a CRF.'
)
members = {
    'model.members.0.checkpoint': '{proposals.checkpoint}',
    'model.members.1.checkpoint': '{fcn.checkpoint}',
}
boxes = {'test_dataloader.dataset.pipeline.1.folder': '{boxes_val.proposals}'}
by_proposals = {**boxes, 'model.test_cfg.mode': 'proposal'}
stages = [
    dict(
        name='boxes_train',
        type='ProposalStage',
        config='deconvnet/deconvnet_vgg16_voc_objects',
        cfg_options={'test_dataloader.dataset.ann_file': 'splits/voc/train_aug.txt'},
        per_seed=False,
    ),
    dict(
        name='boxes_val',
        type='ProposalStage',
        config='deconvnet/deconvnet_vgg16_voc_objects',
        per_seed=False,
    ),
    dict(name='objects', type='TrainStage', config='deconvnet/deconvnet_vgg16_voc_objects'),
    dict(
        name='proposals',
        type='TrainStage',
        config='deconvnet/deconvnet_vgg16_voc_proposals',
        cfg_options={
            'model.init_cfg.checkpoint': '{objects.checkpoint}',
            'train_dataloader.labeled.dataset.proposals': '{boxes_train.proposals}',
        },
    ),
    dict(
        name='inference',
        type='TestStage',
        config='deconvnet/deconvnet_vgg16_voc_proposals',
        checkpoint='{proposals.checkpoint}',
        cfg_options=by_proposals,
    ),
    dict(
        name='crf',
        type='TestStage',
        config='deconvnet/deconvnet_vgg16_voc_proposals',
        checkpoint='{proposals.checkpoint}',
        cfg_options={**by_proposals, 'model.test_cfg.crf.iterations': 10},
    ),
    dict(name='fcn', type='TrainStage', config='deconvnet/fcn8s_vgg16_voc'),
    dict(
        name='ensemble',
        type='TestStage',
        config='deconvnet/edeconvnet_vgg16_voc',
        checkpoint='{proposals.checkpoint}',
        cfg_options={**members, **boxes},
    ),
    dict(
        name='ensemble_crf',
        type='TestStage',
        config='deconvnet/edeconvnet_vgg16_voc',
        checkpoint='{proposals.checkpoint}',
        cfg_options={**members, **boxes, 'model.crf.iterations': 10},
    ),
]
results = ['objects', 'proposals', 'inference', 'crf', 'fcn', 'ensemble', 'ensemble_crf']
