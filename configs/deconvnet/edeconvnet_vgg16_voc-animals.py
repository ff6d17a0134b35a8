# The ensemble with VGG-16 on the animals of VOC: the mean of DeconvNet's and FCN's probabilities.
# Tests as in edeconvnet_vgg16_voc.py.
_base_ = './deconvnet_vgg16_voc-animals_proposals.py'
model = dict(
    _delete_=True,
    type='EnsembleSegmentor',
    members=[
        dict(
            config='deconvnet/deconvnet_vgg16_voc-animals_proposals',
            cfg_options={'model.test_cfg.mode': 'proposal'},
            checkpoint='work_dirs/deconvnet_vgg16_voc-animals_proposals/iter_400.pth',
        ),
        dict(
            config='deconvnet/fcn_vgg16_voc-animals',
            checkpoint='work_dirs/fcn_vgg16_voc-animals/iter_250.pth',
        ),
    ],
)
# There is nothing to train.
train_dataloader = train_cfg = optim_wrapper = param_scheduler = None
val_dataloader = val_cfg = val_evaluator = None
