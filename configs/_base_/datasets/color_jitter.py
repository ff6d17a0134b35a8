# AffinityNet's changes of color, made of PIL images by torchvision, as in the released code.
color_jitter = [
    dict(type='mmpretrain.NumpyToPIL', to_rgb=True),
    dict(
        type='mmpretrain.torchvision/ColorJitter',
        brightness=0.3,
        contrast=0.3,
        saturation=0.3,
        hue=0.1,
    ),
    dict(type='mmpretrain.PILToNumpy', to_bgr=True),
]
