"""What the benchmarks of train steps share: models in any size, optimizers, and random batches."""

import argparse

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import MessageHub, MMLogger
from mmengine.optim import OptimWrapper, OptimWrapperDict, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import register_all_modules
from torch import nn

import label_efficient_seg  # noqa: F401 - registers the components
from label_efficient_seg.core.config_index import get_config
from label_efficient_seg.datasets.transforms import PackStrongViews

IGNORED = 255
# Shipped configs of all methods on the toy data, with changes of the model.
TOYS: dict[str, tuple[str, dict]] = {
    'advsemi': ('advsemi/deeplabv2_r18_toy_semi', {}),
    'advent': ('intrada/deeplabv2_r18_toy_advent', {}),
    'intrada': ('intrada/deeplabv2_r18_toy_intrada', {}),
    'minent': ('intrada/deeplabv2_r18_toy_minent', {}),
    'fixmatch': ('unimatch/deeplabv2_r18_toy_unimatch', dict(feature_dropout=0.0)),
    'unimatch': ('unimatch/deeplabv2_r18_toy_unimatch', {}),
    'dacs': ('mic/deeplabv2_r18_toy_mic', dict(mask_ratio=0.0, lambda_feature=0.0)),
    'mic': ('mic/deeplabv2_r18_toy_mic', {}),
    'affinitynet': ('affinitynet/resnet18_toy_affinity', {}),
    'deconvnet': ('deconvnet/deconvnet_toy_objects', {}),
    'sign-training': ('sign/deeplabv2_r18_toy_training', {}),
    'sign-transfer': ('sign/deeplabv2_r18_toy_transfer', {}),
    'sign-self-training': ('sign/deeplabv2_r18_toy_self-training', {}),
}

# The same at the papers' sizes: config, width and height, images of each stream, changes of the
# model.
PAPERS: dict[str, tuple[str, tuple[int, int], int, dict]] = {
    'advsemi': ('advsemi/deeplabv2_r101_voc_semi', (321, 321), 10, {}),
    'advent': ('intrada/deeplabv2_r101_gta5-to-cityscapes_advent', (1024, 512), 1, {}),
    'intrada': ('intrada/deeplabv2_r101_cityscapes_intrada', (1024, 512), 1, {}),
    'minent': ('intrada/deeplabv2_r101_gta5-to-cityscapes_minent', (1024, 512), 1, {}),
    'sign-training': ('sign/deeplabv2_r101_voc_training', (368, 368), 8, dict(scales=(1.0,))),
    'sign-transfer': ('sign/deeplabv2_r101_voc_transfer', (368, 368), 8, {}),
    'sign-self-training': (
        'sign/deeplabv2_r101_voc_self-training',
        (328, 328),
        4,
        dict(scales=(1.0,)),
    ),
    'affinitynet': ('affinitynet/resnet38_voc_affinity', (448, 448), 8, {}),
    'deconvnet': ('deconvnet/deconvnet_vgg16_voc_objects', (224, 224), 8, {}),
    'fixmatch': (
        'unimatch/deeplabv3plus_r101_voc_unimatch',
        (321, 321),
        4,
        dict(feature_dropout=0.0),
    ),
    'unimatch': ('unimatch/deeplabv3plus_r101_voc_unimatch', (321, 321), 4, {}),
    'dacs': ('mic/deeplabv2_r101_gta5-to-cityscapes_dacs', (512, 512), 2, {}),
    'mic': ('mic/daformer_mit-b5_gta5-to-cityscapes_mic', (512, 512), 2, {}),
}


def build(
    config: str, args: argparse.Namespace, amp: bool | str = False, **changes: object
) -> tuple[nn.Module, OptimWrapper | OptimWrapperDict, dict]:
    """Model, optimizers and data of a shipped config.

    Args:
        config (str): Name of the config.
        args (argparse.Namespace): ``threads``, ``size``, ``batch``, ``channels`` (None: those of
            the config), ``device``, ``frozen_bn`` and ``joint``, as in train_step.py.
        amp (bool | str): ``'bf16'`` or ``'fp16'``; True is the former.
        **changes: Of the config of the model.
    """
    # On noise, gradients soon fall below 1e-38, where a processor is several times slower. On
    # images they do not.
    torch.set_flush_denormal(True)
    if args.threads:
        torch.set_num_threads(args.threads)
    register_all_modules(init_default_scope=False)
    init_default_scope('mmseg')
    if not MMLogger.check_instance_created('benchmark'):
        MMLogger.get_instance('benchmark', log_level='WARNING')
    torch.manual_seed(0)
    cfg = get_config(config)
    model_cfg = resized(cfg.model, args.channels)
    model_cfg.update(changes)
    if args.frozen_bn and model_cfg.backbone.type == 'DeepLabV2ResNet':
        model_cfg.backbone.norm_eval = True
    model = MODELS.build(model_cfg)
    model.init_weights()
    model = model.to(args.device).train()
    if args.joint:
        join_streams(model)
    optimizers = build_optim_wrapper(model, optimizers_cfg(cfg.optim_wrapper, amp, args.device))
    return model, optimizers, random_data(model, args)


def resized(cfg: ConfigDict, channels: int | None) -> ConfigDict:
    """The model with so many channels in its first layer, from random weights, learning at once."""
    backbone = cfg.backbone
    backbone.init_cfg = None
    if cfg.type == 'AdvSemiSeg':
        cfg.semi_start = 0
    if cfg.type == 'SIGN':
        cfg.interval = 1
    if channels is None:
        return cfg
    factor = channels / backbone.get('base_channels', 32)
    if backbone.type == 'DeconvNetVGG':
        factor /= 2  # the toy's has 16 where the others have 32
    backbone.base_channels = round(factor * backbone.base_channels)
    if 'stem_channels' in backbone:
        backbone.stem_channels = backbone.base_channels
    for name in ('decode_head', 'auxiliary_head'):
        if name in cfg:
            cfg[name].in_channels = scaled(cfg[name].in_channels, factor)
    if cfg.decode_head.type == 'DeconvNetHead':
        cfg.decode_head.channels = backbone.base_channels
    return cfg


def scaled(widths: int | tuple[int, ...], factor: float) -> int | tuple[int, ...]:
    """Numbers of channels, multiplied."""
    if isinstance(widths, int):
        return round(factor * widths)
    return tuple(round(factor * width) for width in widths)


def optimizers_cfg(cfg: ConfigDict, amp: bool | str, device: str) -> ConfigDict:
    """The config's optimizers, in half precision if it is asked for."""
    if device == 'cpu':
        half = dict(type='AutocastOptimWrapper')
    elif amp == 'fp16':
        half = dict(type='AmpOptimWrapper', dtype='float16', loss_scale='dynamic')
    else:
        half = dict(type='AmpOptimWrapper', dtype='bfloat16', loss_scale=1.0)
    for entry in cfg.values() if 'constructor' in cfg else [cfg]:
        if amp and isinstance(entry, dict):
            entry.update(half)
    return cfg


def wrappers_of(optimizers: OptimWrapper | OptimWrapperDict) -> dict[str, OptimWrapper]:
    """The single wrappers by name."""
    if isinstance(optimizers, OptimWrapperDict):
        return dict(optimizers.items())
    return dict(segmentor=optimizers)


def networks(model: nn.Module) -> list[nn.Module]:
    """The networks of a model that have parameters and run as modules."""
    names = ('backbone', 'decode_head', 'auxiliary_head', 'spatial_information', 'generator')
    found = [getattr(model, name) for name in names if getattr(model, name, None) is not None]
    found += discriminators(model)
    found += getattr(model, '_initial', ())  # of the feature distance
    if (teacher := getattr(model, 'teacher', None)) is not None:
        found += networks(getattr(teacher, 'network', teacher))
    return found


def discriminators(model: nn.Module) -> list[nn.Module]:
    """D, or those of several levels."""
    found = getattr(model, 'discriminator', None)
    if found is None:
        return []
    levels = list(found.values()) if isinstance(found, nn.ModuleDict) else [found]
    return [getattr(level, 'network', level) for level in levels]


def streams_of(data: dict) -> list[dict]:
    """The batches of the streams."""
    return [data] if 'inputs' in data else list(data.values())


def random_data(model: nn.Module, args: argparse.Namespace) -> dict:
    """A batch of each stream, as the loader gives it: noise, and labels in blocks."""
    width, height = args.size
    generator = torch.Generator().manual_seed(0)
    stride = getattr(model, 'stride', None)
    if stride:  # AffinityNet's labels are those of its grid
        width, height = width // 8 * 8, height // 8 * 8

    def labels(labeled: bool) -> torch.Tensor:
        shape = (height // (stride or 1), width // (stride or 1))
        if not labeled:
            return torch.zeros(1, *shape, dtype=torch.long)
        block = 16 // (stride or 1)
        # Classes of the toy; one more stands for pixels without a label.
        cells = torch.randint(8, [-(-n // block) for n in shape], generator=generator)
        cells[cells == 7] = IGNORED
        maps = cells.repeat_interleave(block, 0).repeat_interleave(block, 1)
        return maps[None, : shape[0], : shape[1]]

    def batch(labeled: bool) -> dict:
        shape = (args.batch, 3, height, width)
        images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        samples = [
            SegDataSample(
                gt_sem_seg=PixelData(data=labels(labeled)), metainfo=dict(img_shape=(height, width))
            )
            for _ in range(args.batch)
        ]
        return dict(inputs=list(images), data_samples=samples)

    streams = getattr(model, 'streams', None)
    if streams is None:
        return batch(True)
    data = {name: batch(position == 0) for position, name in enumerate(streams)}
    if hasattr(model.data_preprocessor, 'strong_view'):
        draw_views(data[streams[1]]['data_samples'], (height, width))
    return data


def draw_views(samples: list[SegDataSample], size: tuple[int, int]) -> None:
    """How the unlabeled images are augmented strongly."""
    np.random.seed(0)
    pack = PackStrongViews()
    empty = np.zeros((*size, 3), dtype=np.uint8)
    for sample in samples:
        packed = pack(dict(img=empty, gt_seg_map=empty[..., 0], img_shape=size))
        sample.set_data(dict(strong_views=packed['data_samples'].strong_views))


def train_step(model: nn.Module, iteration: int, data: dict, optimizers: OptimWrapperDict) -> dict:
    """One iteration, of which the loop would tell the number."""
    MessageHub.get_current_instance().update_info('iter', iteration)
    return model.train_step(data, optimizers)


def join_streams(model: nn.Module) -> None:
    """Let the images of both streams go through the backbone as one batch."""
    preprocess, extract = model.preprocess, model.extract_feat
    inputs, features = [], []

    def preprocess_both(data: dict) -> dict:
        batches = preprocess(data)
        inputs[:] = [batches[name]['inputs'] for name in model.streams]
        return batches

    def extract_both(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if not features:
            levels = extract(torch.cat(inputs))
            sizes = [len(batch) for batch in inputs]
            features.extend(zip(*(level.split(sizes) for level in levels), strict=True))
        return features.pop(0)

    model.preprocess, model.extract_feat = preprocess_both, extract_both
