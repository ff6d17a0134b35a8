# EDeconvNet on PASCAL VOC 2012, the mean of DeconvNet's and FCN-8s's probabilities; the release
# multiplies their scores, `mode='product'`. It takes its members' checkpoints from `model.members`,
# and any as the CHECKPOINT of tools/test.py.
_base_ = './deconvnet_vgg16_voc_inference.py'
model = dict(
    _delete_=True,
    type='EnsembleSegmentor',
    members=[
        dict(
            config='deconvnet/deconvnet_vgg16_voc_inference',
            checkpoint='work_dirs/deconvnet_vgg16_voc_proposals/iter_320000.pth',
        ),
        dict(
            config='deconvnet/fcn8s_vgg16_voc',
            checkpoint='work_dirs/fcn8s_vgg16_voc/iter_20000.pth',
        ),
    ],
)
