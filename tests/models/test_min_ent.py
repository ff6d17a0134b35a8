import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config, ConfigDict
from mmseg.registry import MODELS

from label_efficient_seg.core.config_index import resource_root

from . import tiny_adaptation
from .plain_adaptation import (
    ENTROPY,
    PlainAdaptation,
    assert_equal_weights,
    images_and_masks,
    losses_of,
)


def cfg(levels: tuple[str, ...] = ('main', 'aux')) -> ConfigDict:
    weights = {f'lambda_entropy_{k}': v if k in levels else 0 for k, v in ENTROPY.items()}
    return tiny_adaptation.segmentor_cfg(type='MinEnt', **weights)


@pytest.mark.parametrize('levels', [('main', 'aux'), ('main',), ('aux',)])
def test_train_step_equals_plain_algorithm(levels):
    model = tiny_adaptation.to_double(tiny_adaptation.build_model(cfg(levels)).train())
    plain = PlainAdaptation(model, levels)
    optimizers = tiny_adaptation.build_optimizers(model)
    assert list(optimizers.keys()) == ['segmentor']
    for iteration in range(3):
        data = tiny_adaptation.batches(seed=100 * iteration)
        (x, y), (u, mask) = (images_and_masks(model, data[b]) for b in ('source', 'target'))
        expected = plain.minent_step(x, y, u, mask != 255)
        found = losses_of(model.train_step(data, optimizers))
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name].item() == pytest.approx(value.item(), abs=1e-9), name
        assert_equal_weights(model, plain)


def test_entropy_falls_when_it_is_minimised():
    model = tiny_adaptation.build_model(cfg(('main',))).train()
    optimizers = tiny_adaptation.build_optimizers(model)
    data = tiny_adaptation.batches()
    for sample in data['source']['data_samples']:
        sample.gt_sem_seg.data.fill_(255)  # nothing else to learn
    found = []
    for _ in range(10):
        log = model.train_step(copy.deepcopy(data), optimizers)
        found.append(float(log['target.loss_entropy_main']))
    assert found[-1] < 0.7 * found[0]


def test_target_without_valid_pixels_gives_zero_and_no_nan():
    model = tiny_adaptation.build_model(cfg()).train()
    data = tiny_adaptation.batches()
    for sample in data['target']['data_samples']:
        sample.gt_sem_seg.data.fill_(255)
    log = model.train_step(data, tiny_adaptation.build_optimizers(model))
    assert log['target.loss_entropy_main'] == 0 and log['target.loss_entropy_aux'] == 0
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_step_under_autocast_is_finite_and_takes_entropy_in_float32():
    model = tiny_adaptation.build_model(cfg()).train()
    data, seen = tiny_adaptation.batches(), {}
    original = model.logits

    def logits(features, level='main'):
        seen[level] = original(features, level)  # the last pass is that of the target
        return seen[level]

    model.logits = logits
    _, mask = images_and_masks(model, data['target'])
    keep = mask != 255
    with torch.autocast('cpu', dtype=torch.bfloat16):
        log = model.train_step(data, tiny_adaptation.build_optimizers(model))
    for level, aligned in (('main', True), ('aux', False)):
        assert seen[level].dtype == torch.bfloat16
        large = F.interpolate(
            seen[level].double(), keep.shape[1:], mode='bilinear', align_corners=aligned
        )
        entropy = PlainAdaptation.information(large, keep).sum(1)[keep].mean()
        found = float(log[f'target.loss_entropy_{level}'])
        assert found == pytest.approx(ENTROPY[level] * entropy.item(), rel=1e-5)
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_level_that_cannot_be():
    with pytest.raises(ValueError, match=r'MinEnt works on the levels .* is given \[\]'):
        tiny_adaptation.build_model(cfg(()))
    without = cfg()
    without.auxiliary_head = None
    with pytest.raises(ValueError, match="MinEnt .*'aux'.* has none"):
        MODELS.build(without)
    without.lambda_entropy_aux = 0
    assert MODELS.build(without).lambda_entropy == dict(main=ENTROPY['main'])


def test_method_base_has_the_papers_settings():
    base = Config.fromfile(resource_root() / 'configs/_base_/methods/minent.py')
    model = MODELS.build(tiny_adaptation.segmentor_cfg(**base.minent))
    assert model.lambda_entropy == dict(main=0.001, aux=0.0002)
    assert base.model_wrapper_cfg.type == 'StreamDataParallel'
