# The ensemble on the animals of VOC, the mean of DeconvNet's and FCN's probabilities. It takes its
# members' checkpoints from `model.members`, and any as the CHECKPOINT of tools/test.py.
_base_ = './deconvnet_small_voc-animals_inference.py'
model = dict(
    _delete_=True,
    type='EnsembleSegmentor',
    members=[
        dict(
            config='deconvnet/deconvnet_small_voc-animals_inference',
            checkpoint='work_dirs/deconvnet_small_voc-animals_proposals/iter_3000.pth',
        ),
        dict(
            config='deconvnet/fcn_mobilenetv2_voc-animals',
            checkpoint='work_dirs/fcn_mobilenetv2_voc-animals/iter_400.pth',
        ),
    ],
)
