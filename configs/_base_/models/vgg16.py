# Dilated VGG-16 as AffinityNet uses it. Initial weights are DeepLab's, from ImageNet, under this
# package's names; the environment variable VGG16_WEIGHTS names the file.
model = dict(
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        # BGR, as the Caffe weights expect.
        mean=[104.008, 116.669, 122.675],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1,
    ),
    backbone=dict(
        type='DilatedVGG16',
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$VGG16_WEIGHTS:data/weights/vgg16_imagenet.pth}}'
        ),
    ),
)
