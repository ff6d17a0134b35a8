"""Segmentors on backbones of ``timm``."""

from typing import Any

import torch

from ..core.errors import MissingPackageError, UserError
from ..core.suggest import did_you_mean

PREFIX = 'timm/'
VARIANTS: tuple[dict[str, Any], ...] = (
    dict(output_stride=16),
    # Of vision transformers, for images of any size.
    dict(dynamic_img_size=True, dynamic_img_pad=True),
    {},
)
"""Options of backbones, of which the first that works is taken."""


def timm_segmentor(name: str) -> dict[str, Any]:
    """A DeepLabv2 on a backbone of ``timm``.

    Args:
        name (str): ``timm/`` and the name of a model in ``timm``.

    Returns:
        dict[str, Any]: Config of the model.

    Raises:
        MissingPackageError: If ``timm`` is not installed.
        ValueError: If it has no such model, or the model gives no feature maps of images of any
            size.
    """
    try:
        import timm
    except ImportError as error:
        raise MissingPackageError(
            f'network {name!r} needs timm, which is not installed: pip install timm'
        ) from error
    model = name.removeprefix(PREFIX)
    if not timm.is_model(model):
        hint = did_you_mean(model, timm.list_models(), 'timm.list_models() names all of them')
        raise UserError(f'network {name!r} is no model of timm {timm.__version__}; {hint}')
    options, info = _feature_maps(timm, model)
    data = timm.get_pretrained_cfg(model)
    channels, strides = info.channels(), info.reduction()
    return dict(
        type='EncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor',
            mean=[255 * value for value in data.mean],
            std=[255 * value for value in data.std],
            bgr_to_rgb=True,
            pad_val=0,
            seg_pad_val=255,
            size_divisor=1,
        ),
        backbone=dict(
            type='TIMMBackbone', model_name=model, features_only=True, pretrained=True, **options
        ),
        decode_head=dict(
            type='DeepLabV2Head',
            in_channels=channels[-1],
            in_index=len(channels) - 1,
            # As many as the features of small crops have room for.
            dilations=(3, 6, 9, 12) if strides[-1] <= 16 else (1, 2, 3, 4),
            num_classes=2,
            align_corners=False,
            loss_decode=dict(type='MaskedCrossEntropyLoss'),
        ),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    )


def _feature_maps(timm: Any, model: str) -> tuple[dict[str, Any], Any]:
    """Options with which a model gives maps (N, C, h, w) of any images, and what they are."""
    reason = ''
    for options in VARIANTS:
        try:
            backbone = timm.create_model(model, pretrained=False, features_only=True, **options)
            with torch.no_grad():
                maps = backbone.eval()(torch.zeros(1, 3, 97, 129))
        except Exception as error:  # timm raises many types
            reason = str(error) or type(error).__name__
            continue
        if [map_.shape[1] for map_ in maps] == backbone.feature_info.channels():
            return options, backbone.feature_info
        reason = 'its channels are the last dimension'
    raise UserError(
        f"network '{PREFIX}{model}' gives no feature maps of images of any size ({reason}); choose "
        'another one, or a config of MMSegmentation, which has Swin and others of its own'
    )
