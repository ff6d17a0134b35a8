# The ensemble on the built-in toy dataset: the mean of DeconvNet's and FCN's probabilities. The
# checkpoints are those of `members`; tools/test.py takes any as its CHECKPOINT.
_base_ = './deconvnet_toy_inference.py'
model = dict(
    _delete_=True,
    type='EnsembleSegmentor',
    members=[
        dict(
            config='deconvnet/deconvnet_toy_inference',
            checkpoint='work_dirs/deconvnet_toy_proposals/iter_1500.pth',
        ),
        dict(config='deconvnet/fcn_r18_toy', checkpoint='work_dirs/fcn_r18_toy/iter_300.pth'),
    ],
)
