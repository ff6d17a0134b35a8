# DeconvNet of the paper's width on the animals of VOC, its first stage. The convolutions of VGG-16
# up to the fourth pooling stay as they are, without batch norm in effect; les convert caffe-vgg16
# writes them, and the environment variable VGG16_WEIGHTS names the file. Crops have 64 pixels, of
# which fc6 makes one position.
_base_ = './deconvnet_small_voc-animals_objects.py'
model = dict(
    data_preprocessor=dict(
        # BGR, as the Caffe weights expect.
        mean=[104.008, 116.669, 122.675],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
    ),
    backbone=dict(
        base_channels=64,
        fc6_kernel_size=2,
        frozen_stages=4,
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$VGG16_WEIGHTS:data/weights/vgg16_imagenet.pth}}'
        ),
    ),
    decode_head=dict(in_channels=4096, channels=64, fc6_kernel_size=2),
    test_cfg=dict(crop_size=(64, 64)),
)
crop_pipeline = [
    dict(type='Resize', scale=(72, 72)),
    dict(type='RandomCrop', crop_size=(64, 64)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(labeled=dict(dataset=dict(pipeline=crop_pipeline)))
train_cfg = dict(max_iters=200, val_interval=200)
default_hooks = dict(checkpoint=dict(interval=200))
