"""Rates, decay and resizing of AffinityNet's and DeconvNet's releases."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS, TRANSFORMS
from PIL import Image
from torch import nn

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.engine.optimizers import MultiOptimWrapperConstructor

CONFIGS = resource_root() / 'configs'
NORMS = nn.BatchNorm2d | nn.GroupNorm


def groups(model, optim_wrapper):
    """(rate, decay) of each parameter by its name, in units of the config's."""
    cfg = dict(optim_wrapper)
    base = cfg['optimizer']
    wrapper = MultiOptimWrapperConstructor(dict(segmentor=cfg))(model)['segmentor']
    names = {id(p): name for name, p in model.named_parameters()}
    return {
        names[id(group['params'][0])]: (
            round(group['lr'] / base['lr'], 9),
            round(group['weight_decay'] / base['weight_decay'], 9),
        )
        for group in wrapper.optimizer.param_groups
    }


def network(cfg, *parts):
    with torch.device('meta'):
        model = nn.Module()
        for part in parts:
            model.add_module(part, MODELS.build(dict(cfg.model[part], init_cfg=None)))
    return model


def test_affinitynet_with_vgg16():
    cfg = Config.fromfile(CONFIGS / 'affinitynet' / 'vgg16_voc_affinity.py')
    model = network(cfg, 'backbone', 'decode_head')
    found = groups(model, cfg.optim_wrapper)
    # As released: weights once, biases twice without decay, new convolutions ten times,
    # to which the group norms do not belong.
    new = ('decode_head.reduce', 'decode_head.fuse')
    seen = set()
    for name, rates in found.items():
        expected = (2, 0) if name.endswith('bias') else (1, 1)
        if name.startswith(new):
            expected = (10, 1)
        assert rates == expected, name
        seen.add((name.split('.')[1] if 'head' in name else 'backbone', *expected))
    assert {('norms', 1, 1), ('norms', 2, 0), ('reduce', 10, 1), ('backbone', 2, 0)} <= seen


def test_deconvnet():
    cfg = Config.fromfile(CONFIGS / 'deconvnet' / 'deconvnet_vgg16_voc_objects.py')
    cfg.optim_wrapper.pop('accumulative_counts')
    model = network(cfg, 'backbone', 'decode_head')
    found = groups(model, cfg.optim_wrapper)
    norms = {name for name, module in model.named_modules() if isinstance(module, NORMS)}
    biases = 0
    for name, rates in found.items():
        bias = name.endswith('bias') and name.rpartition('.')[0] not in norms
        assert rates == ((2, 0) if bias else (1, 1)), name
        biases += bias
    assert biases == 30  # as many lines of the prototxt have the rate 2


@pytest.mark.parametrize('size', [(375, 500), (500, 333), (120, 90)])
def test_images_of_the_classifier_are_resized_by_pillow(size):
    cfg = Config.fromfile(CONFIGS / 'affinitynet' / 'vgg16_voc_cls.py')
    (step,) = (
        s for s in cfg.train_dataloader.tagged.dataset.get('pipeline')
        or cfg.train_dataloader.tagged.dataset.dataset.pipeline
        if s.type == 'RandomResize'
    )  # fmt: skip
    transform = TRANSFORMS.build(step)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    results = transform(dict(img=image.copy(), img_shape=size))
    height, width = results['img'].shape[:2]
    assert 256 <= max(height, width) <= 512
    assert height / width == pytest.approx(size[0] / size[1], rel=0.01)
    expected = Image.fromarray(image).resize((width, height), resample=Image.BICUBIC)
    np.testing.assert_array_equal(results['img'], np.asarray(expected))
