# The other member of the ensemble with VGG-16 on the animals of VOC: MMSeg's FCN head on the same
# convolutions, of which the first four stages stay as they are.
_base_ = './fcn_r18_voc-animals.py'
model = dict(
    data_preprocessor=dict(
        # BGR, as the Caffe weights expect.
        mean=[104.008, 116.669, 122.675],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
    ),
    backbone=dict(
        _delete_=True,
        type='DilatedVGG16',
        fc6_dilation=4,
        out_indices=(5,),
        frozen_stages=4,
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$VGG16_WEIGHTS:data/weights/vgg16_imagenet.pth}}'
        ),
    ),
    decode_head=dict(in_channels=1024, in_index=0, channels=1024, num_convs=0),
)
train_dataloader = dict(labeled=dict(batch_size=4))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_iters=250, val_interval=250)
default_hooks = dict(checkpoint=dict(interval=250))
