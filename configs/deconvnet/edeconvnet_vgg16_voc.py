# EDeconvNet on PASCAL VOC 2012: the mean of DeconvNet's and FCN-8s's probabilities; the release
# multiplies their scores, `mode='product'`. `model.members` names the checkpoints of its members;
# les test takes any as its CHECKPOINT. `--cfg-options model.crf.iterations=10` adds
# a CRF.
_base_ = './deconvnet_vgg16_voc_proposals.py'
model = dict(
    _delete_=True,
    type='EnsembleSegmentor',
    members=[
        dict(
            config='deconvnet/deconvnet_vgg16_voc_proposals',
            cfg_options={'model.test_cfg.mode': 'proposal'},
            checkpoint='work_dirs/deconvnet_vgg16_voc_proposals/iter_320000.pth',
        ),
        dict(
            config='deconvnet/fcn8s_vgg16_voc',
            checkpoint='work_dirs/fcn8s_vgg16_voc/iter_20000.pth',
        ),
    ],
)
# There is nothing to train.
train_dataloader = train_cfg = optim_wrapper = param_scheduler = None
val_dataloader = val_cfg = val_evaluator = None
