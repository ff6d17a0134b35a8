"""The updates of AdvSemiSeg's and ADVENT's released loops, with their parameter groups."""

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.engine.optimizers import MultiOptimWrapperConstructor

from .. import tiny, tiny_adaptation
from ..plain_adaptation import PlainAdaptation, content, images_and_masks
from ..test_adv_semi_seg import PlainAdvSemiSeg

LR, MOMENTUM, DECAY, STEPS = 0.002, 0.9, 5e-4, 5
BASES = resource_root() / 'configs' / '_base_'
REPEATED = Config.fromfile(BASES / 'schedules' / 'repeated_updates.py').repeated_updates
BOTH = ('main', 'aux')
# As released: batch norm has no trainable weights.
FROZEN_NORM = dict(norm_cfg=dict(type='BN', requires_grad=False))


def backbone_entries(backbone):
    """Entries of the releases' group of the backbone: modules, their children, and so on."""
    entries = []
    for part in (
        backbone.conv1, backbone.bn1,
        backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4,
    ):  # fmt: skip
        for module in part.modules():
            entries += [p for p in module.parameters() if p.requires_grad]
    return entries


class ReleasedSGD:
    """SGD of PyTorch 0.2 and 0.4 on groups of (entries, rate): one update for each entry."""

    def __init__(self, *groups):
        self.groups, self.buffers = groups, {}

    def zero_grad(self):
        for entries, _ in self.groups:
            for p in entries:
                p.grad = None

    @torch.no_grad()
    def step(self):
        for entries, rate in self.groups:
            for p in entries:
                if p.grad is None:
                    continue
                p.grad += DECAY * p  # in place, as there
                buffer = self.buffers.setdefault(id(p), torch.zeros_like(p))
                buffer *= MOMENTUM
                buffer += p.grad
                p -= rate * buffer


def with_living_residuals(model):
    """MMSeg starts the last norm of a block at 0, without gradients for its convolutions."""
    for module in model.backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)
    return model


def optimizers(model, repeated=True):
    """Our optimizers, with the switch of the primitive configs or without."""
    heads = {name: dict(lr_mult=10) for name in ('decode_head', 'auxiliary_head')}
    keys = dict(heads, **REPEATED.paramwise_cfg.custom_keys) if repeated else heads
    optimizer = dict(type='SGD', lr=LR, momentum=MOMENTUM, weight_decay=DECAY)
    if repeated:
        optimizer.update(REPEATED.optimizer)
    return MultiOptimWrapperConstructor(
        dict(
            segmentor=dict(optimizer=optimizer, paramwise_cfg=dict(custom_keys=keys)),
            discriminator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99))),
        )
    )(model)


def travelled(module, start):
    """Largest distance of each weight of a module from its start."""
    return {
        name: float((p.detach() - start[name]).norm())
        for name, p in module.named_parameters()
        if p.requires_grad
    }


def run_advsemi(repeated):
    cfg = tiny.model_cfg()
    cfg.backbone.update(FROZEN_NORM)
    model = with_living_residuals(tiny.build_model(backbone=cfg.backbone)).double().train()
    plain = PlainAdvSemiSeg(model)
    plain.sgd = ReleasedSGD(
        (backbone_entries(plain.s[0]), LR), (list(plain.s[1].parameters()), 10 * LR)
    )
    ours = optimizers(model, repeated)
    start = {name: p.detach().clone() for name, p in model.backbone.named_parameters()}
    for iteration in range(STEPS):
        data = tiny.batches(seed=10 * iteration)
        (x, y), (u, mask) = (images_and_masks(model, data[b]) for b in ('labeled', 'unlabeled'))
        plain.step(iteration, x.double(), y, u.double(), mask)
        model.train_step(data, ours)
    return start, [(model.backbone, plain.s[0]), (model.decode_head.convs, plain.s[1])]


def run_advent(repeated):
    cfg = tiny_adaptation.advent_cfg()
    cfg.backbone.update(FROZEN_NORM)
    model = with_living_residuals(tiny_adaptation.build_model(cfg)).train()
    model = tiny_adaptation.to_double(model)
    plain = PlainAdaptation(model, BOTH)
    heads = [p for level in ('aux', 'main') for p in plain.heads[level].parameters()]
    plain.sgd = ReleasedSGD((backbone_entries(plain.backbone), LR), (heads, 10 * LR))
    ours = optimizers(model, repeated)
    start = {name: p.detach().clone() for name, p in model.backbone.named_parameters()}
    keep_x = content(tiny_adaptation.SOURCE_SIZES)
    for iteration in range(STEPS):
        data = tiny_adaptation.batches(seed=100 * iteration)
        (x, y), (u, mask) = (images_and_masks(model, data[b]) for b in ('source', 'target'))
        plain.advent_step(x, y, keep_x, u, mask != 255)
        model.train_step(data, ours)
    pairs = [(model.decode_head.convs, plain.heads['main'])]
    return start, [
        (model.backbone, plain.backbone),
        *pairs,
        (model.auxiliary_head.convs, plain.heads['aux']),
    ]


@pytest.mark.parametrize('run', [run_advsemi, run_advent])
def test_five_steps_with_the_switch_are_the_releases(run):
    start, pairs = run(repeated=True)
    for ours, theirs in pairs:
        for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(p, q, atol=1e-12, rtol=0, msg=lambda m, n=name: n + m)
    found, expected = (travelled(backbone, start) for backbone in pairs[0])
    ratios = {name: found[name] / expected[name] for name in found}
    assert ratios and all(ratio == pytest.approx(1, abs=1e-9) for ratio in ratios.values()), ratios


@pytest.mark.parametrize('run', [run_advsemi, run_advent])
def test_five_steps_without_the_switch_go_less_far(run):
    start, pairs = run(repeated=False)
    found, expected = (travelled(backbone, start) for backbone in pairs[0])
    ratios = {name: found[name] / expected[name] for name in found}
    assert ratios['conv1.weight'] == pytest.approx(1, abs=0.3)  # listed once there, too
    assert all(ratio < 0.5 for name, ratio in ratios.items() if name != 'conv1.weight'), ratios


def test_repeats_of_resnet101_are_the_entries_of_the_release():
    cfg = Config.fromfile(
        resource_root() / 'configs' / '_base_' / 'models' / 'deeplabv2_r101-d8.py'
    )
    with torch.device('meta'):
        backbone = MODELS.build(dict(cfg.model.backbone, init_cfg=None))
    model = torch.nn.Module()
    model.backbone = backbone
    wrapper = MultiOptimWrapperConstructor(
        dict(
            segmentor=dict(
                optimizer=dict(REPEATED.optimizer, lr=LR), paramwise_cfg=REPEATED.paramwise_cfg
            )
        )
    )(model)['segmentor']
    repeats = {id(p): g['repeats'] for g in wrapper.optimizer.param_groups for p in g['params']}
    entries = [id(p) for p in backbone_entries(backbone)]
    assert (len(repeats), len(entries)) == (104, 314)
    assert repeats == {entry: entries.count(entry) for entry in set(entries)}
