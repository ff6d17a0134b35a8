import inspect
import re

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import DefaultOptimWrapperConstructor, build_optim_wrapper
from mmseg.utils import register_all_modules
from torch import nn

from label_efficient_seg.engine.optimizers import MultiOptimWrapperConstructor
from label_efficient_seg.engine.optimizers.checked_optim_wrapper_constructor import RULES

SGD = dict(type='SGD', lr=0.1)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Conv2d(3, 4, 1)
        self.decode_head = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.generator = nn.Linear(2, 2)
        self.discriminator = nn.Linear(2, 1)


def build(model: nn.Module | None = None, paramwise_cfg: dict | None = None, **entries) -> dict:
    constructor = MultiOptimWrapperConstructor(ConfigDict(entries), paramwise_cfg)
    return constructor(model or Model())


def owned(wrapper) -> set:
    return {id(p) for group in wrapper.optimizer.param_groups for p in group['params']}


def test_segmentor_owns_the_rest():
    model = Model()
    wrappers = build(
        model, segmentor=dict(optimizer=SGD), discriminator=dict(optimizer=dict(type='Adam', lr=1)),
        generator=dict(optimizer=SGD))  # fmt: skip
    for name, children in dict(
        segmentor=[model.backbone, model.decode_head],
        discriminator=[model.discriminator],
        generator=[model.generator],
    ).items():
        assert owned(wrappers[name]) == {id(p) for c in children for p in c.parameters()}
    assert isinstance(wrappers['discriminator'].optimizer, torch.optim.Adam)


def test_entries_may_list_modules_and_options():
    model = Model()
    wrappers = build(
        model,
        segmentor=dict(
            optimizer=dict(type='SGD', lr=0.1, weight_decay=0.01),
            clip_grad=dict(max_norm=1),
            accumulative_counts=3,
            paramwise_cfg=dict(norm_decay_mult=0, custom_keys={'decode_head.0': dict(lr_mult=10)}),
        ),
        adversary=dict(optimizer=SGD, modules=['generator', 'discriminator']),
    )
    assert len(owned(wrappers['adversary'])) == 4
    groups = {id(g['params'][0]): g for g in wrappers['segmentor'].optimizer.param_groups}
    assert groups[id(model.decode_head[0].weight)]['lr'] == 1.0
    assert groups[id(model.decode_head[1].weight)]['weight_decay'] == 0
    assert groups[id(model.backbone.weight)]['lr'] == 0.1
    assert wrappers['segmentor'].clip_grad_kwargs == dict(max_norm=1)
    assert wrappers['segmentor']._accumulative_counts == 3


def test_the_config_is_not_changed():
    cfg = ConfigDict(segmentor=dict(optimizer=SGD, paramwise_cfg=dict(bias_lr_mult=2)))
    before = str(cfg)
    MultiOptimWrapperConstructor(cfg)(Model())
    assert str(cfg) == before


def test_faults_are_named():
    with pytest.raises(ValueError, match=r"claims 'critic'.*'discriminator'"):
        build(segmentor=dict(optimizer=SGD), critic=dict(optimizer=SGD))
    with pytest.raises(ValueError, match="'generator' is claimed by the optimizers"):
        build(
            generator=dict(optimizer=SGD),
            adversary=dict(optimizer=SGD, modules=['generator']),
            segmentor=dict(optimizer=SGD),
        )
    with pytest.raises(ValueError, match=r"'backbone\.weight' belongs to 0 optimizers"):
        build(discriminator=dict(optimizer=SGD))
    with pytest.raises(ValueError, match='move it into the entry'):
        build(paramwise_cfg=dict(norm_decay_mult=0), segmentor=dict(optimizer=SGD))
    with pytest.raises(ValueError, match='not of that form'):
        build(segmentor=dict(lr=1))


def test_shared_parameters_and_frozen_ones():
    model = Model()
    model.discriminator.weight = model.generator.weight
    with pytest.raises(ValueError, match=r'belongs to 2 optimizers'):
        build(model, segmentor=dict(optimizer=SGD), discriminator=dict(optimizer=SGD))
    model = Model()
    model.generator.requires_grad_(False)
    build(model, segmentor=dict(optimizer=SGD), discriminator=dict(optimizer=SGD))


def test_an_entry_may_have_a_constructor_of_its_own():
    class ConvNeXt(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.downsample_layers = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(4))

    model = Model()
    model.backbone = ConvNeXt()
    decay = dict(num_layers=6, decay_rate=0.5, decay_type='stage_wise')
    name = 'LearningRateDecayOptimizerConstructor'
    wrappers = build(
        model,
        segmentor=dict(optimizer=SGD, constructor=name, paramwise_cfg=decay),
        discriminator=dict(optimizer=SGD),
        generator=dict(optimizer=SGD),
    )
    rate = {
        id(p): g['lr'] for g in wrappers['segmentor'].optimizer.param_groups for p in g['params']
    }
    head, layer = model.decode_head[0], model.backbone.downsample_layers[3]
    assert rate[id(layer.weight)] < rate[id(head.weight)] == 0.1


@pytest.mark.parametrize(
    ('paramwise_cfg', 'message'),
    [
        (dict(decay_rate=0.9, num_layers=12), "'decay_rate', which .* set `constructor`"),
        (dict(norm_decay=0), "'norm_decay', .* did you mean 'norm_decay_mult'"),
        (dict(custom_keys=dict(backbone=dict(lr_mul=3))), "'lr_mul'.* did you mean 'lr_mult'"),
        (dict(custom_keys=dict(backbone=dict(repeats=3))), "'repeats', which SGD does not read"),
    ],
)
@pytest.mark.parametrize('several', [True, False])
def test_keys_without_effect_are_refused(paramwise_cfg, message, several):
    register_all_modules()
    entry = dict(optimizer=SGD, paramwise_cfg=paramwise_cfg)
    with pytest.raises(ValueError, match=message):
        build(segmentor=entry) if several else build_optim_wrapper(Model(), ConfigDict(entry))


def test_rules_are_those_of_mmengine():
    source = inspect.getsource(DefaultOptimWrapperConstructor)
    read = set(re.findall(r"paramwise_cfg(?:\.get\(|\[)'(\w+)'", source))
    assert read == set(RULES)
