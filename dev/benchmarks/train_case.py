"""What train_step.py measures: the toy models in any size, their optimizers, and random batches."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

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

IGNORED = 255


def build(
    config: str, args: argparse.Namespace, amp: bool
) -> tuple[nn.Module, OptimWrapper | OptimWrapperDict, dict]:
    """Model, optimizers and data of a shipped config; ``args`` are those of train_step.py."""
    if args.threads:
        torch.set_num_threads(args.threads)
    register_all_modules(init_default_scope=False)
    init_default_scope('mmseg')
    MMLogger.get_instance('benchmark', log_level='WARNING')
    torch.manual_seed(0)
    cfg = get_config(config)
    model_cfg = resized(cfg.model, args.channels)
    if args.frozen_bn and model_cfg.backbone.type == 'DeepLabV2ResNet':
        model_cfg.backbone.norm_eval = True
    model = MODELS.build(model_cfg)
    model.init_weights()
    model = model.to(args.device).train()
    if args.joint:
        join_streams(model)
    optimizers = build_optim_wrapper(model, optimizers_cfg(cfg.optim_wrapper, amp))
    return model, optimizers, random_data(model, args)


def resized(cfg: ConfigDict, channels: int) -> ConfigDict:
    """The model with so many channels in its first layer, from random weights, learning at once."""
    backbone = cfg.backbone
    factor = channels / backbone.get('base_channels', 32)
    backbone.init_cfg = None
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
    if cfg.type == 'AdvSemiSeg':
        cfg.semi_start = 0
    if cfg.type == 'SIGN':
        cfg.interval = 1
    return cfg


def scaled(widths: int | tuple[int, ...], factor: float) -> int | tuple[int, ...]:
    """Numbers of channels, multiplied."""
    if isinstance(widths, int):
        return round(factor * widths)
    return tuple(round(factor * width) for width in widths)


class AutocastOptimWrapper(OptimWrapper):
    """Runs the networks in bfloat16, which needs no scaling of the loss, on a CPU as well."""

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, torch.bfloat16):
            yield


def optimizers_cfg(cfg: ConfigDict, amp: bool) -> ConfigDict:
    """The config's optimizers, in bfloat16 if it is asked for."""
    if amp:
        for entry in cfg.values() if 'constructor' in cfg else [cfg]:
            if isinstance(entry, dict):
                entry['type'] = AutocastOptimWrapper
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
    return found + discriminators(model)


def discriminators(model: nn.Module) -> list[nn.Module]:
    """D, or those of several levels."""
    found = getattr(model, 'discriminator', None)
    if found is None:
        return []
    levels = found.values() if isinstance(found, nn.ModuleDict) else [found]
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
    return {name: batch(position == 0) for position, name in enumerate(streams)}


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
