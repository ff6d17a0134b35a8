import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.models.segmentors.adversarial_encoder_decoder import frozen
from label_efficient_seg.models.segmentors.stream_encoder_decoder import image_area
from tests.models.loss_parts import all_losses

from . import tiny, tiny_adaptation
from .plain_adaptation import (
    PlainAdaptation,
    assert_equal_weights,
    content,
    images_and_masks,
    losses_of,
)

BOTH = ('main', 'aux')


def build(**kwargs) -> torch.nn.Module:
    return tiny_adaptation.build_model(tiny_adaptation.advent_cfg(**kwargs)).train()


@pytest.mark.parametrize('levels', [BOTH, ('main',), ('aux',)])
def test_train_step_equals_plain_algorithm(levels):
    model = tiny_adaptation.to_double(build(levels=levels))
    plain = PlainAdaptation(model, levels)
    optimizers = tiny_adaptation.build_optimizers(model)
    keep_x = content(tiny_adaptation.SOURCE_SIZES)
    for iteration in range(3):
        data = tiny_adaptation.batches(seed=100 * iteration)
        (x, y), (u, mask) = (images_and_masks(model, data[b]) for b in ('source', 'target'))
        # Some source pixels are void but image, and some of both domains are padding.
        assert ((y == 255) & keep_x).any() and not keep_x.all() and len(x) != len(u)
        expected = plain.advent_step(x, y, keep_x, u, mask != 255)
        log = model.train_step(data, optimizers)
        found = losses_of(log)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name].item() == pytest.approx(value.item(), abs=1e-9), name
        assert_equal_weights(model, plain)
        accuracies = {f'discriminator.acc_{d}_{k}' for d in ('source', 'target') for k in levels}
        assert accuracies == {k for k in log if k.startswith('discriminator.acc_')}
        assert all(0 <= log[name] <= 100 for name in accuracies)


def test_accuracies_say_which_domain_is_recognised():
    model = build(levels=('main',))
    last = model.discriminator['main'].network.layers[-1]
    batches = model.preprocess(tiny_adaptation.batches())
    for bias, source, target in ((-1e3, 100, 0), (1e3, 0, 100)):
        torch.nn.init.constant_(last.bias, bias)  # below 0: everything looks like source
        _, predictions = all_losses(model, batches)
        log = model.discriminator_losses(predictions)
        assert log['acc_source_main'] == source and log['acc_target_main'] == target


def test_padding_is_zero_in_the_maps_and_void_is_not():
    model = build()
    batches = model.preprocess(tiny_adaptation.batches())
    _, predictions = all_losses(model, batches)
    void = model.labels(batches['source']['data_samples']) == 255
    inside = content(tiny_adaptation.SOURCE_SIZES)
    target = model.labels(batches['target']['data_samples']) != 255
    for level in BOTH:
        information = predictions.source.maps[level].sum(1)
        assert not information[~inside].any() and (information[inside] > 0).all()
        assert (void & inside).any()
        information = predictions.target.maps[level].sum(1)
        assert not information[~target].any() and (information[target] > 0).all()
    for domain in (predictions.source, predictions.target):
        assert not any(maps.requires_grad for maps in domain.maps.values())


def test_labels_of_the_target_are_never_read():
    model = build()
    data = tiny_adaptation.batches()
    other = copy.deepcopy(data)
    for sample in other['target']['data_samples']:
        labels = sample.gt_sem_seg.data
        labels[labels != 255] = 2
    first, second = (all_losses(model, model.preprocess(d))[0] for d in (data, other))
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_image_area_is_what_the_preprocessor_did_not_pad():
    model = build()
    sizes = [(5, 9), (8, 4), (8, 9)]
    batch = model.data_preprocessor(tiny_adaptation.batch(sizes, 0, True), True)
    area = image_area(batch)
    assert area.shape == (3, 8, 9) and area.dtype == torch.bool
    for n, (height, width) in enumerate(sizes):
        for y in range(8):
            for x in range(9):
                assert area[n, y, x] == (y < height and x < width)


def test_target_without_valid_pixels_gives_zero_and_no_nan():
    model = build()
    data = tiny_adaptation.batches()
    for sample in data['target']['data_samples']:
        sample.gt_sem_seg.data.fill_(255)
    log = model.train_step(data, tiny_adaptation.build_optimizers(model))
    assert log['target.loss_adv_main'] == 0 and log['target.loss_adv_aux'] == 0
    assert log['discriminator.loss_target_main'] == 0 and log['discriminator.loss_source_aux'] > 0
    assert all(torch.isfinite(p).all() for p in model.parameters())


@pytest.mark.parametrize(('levels', 'aux_passes'), [(BOTH, 2), (('main',), 1), (('aux',), 2)])
def test_each_head_sees_each_image_once(levels, aux_passes):
    model = build(levels=levels)
    calls = []
    for name in ('decode_head', 'auxiliary_head'):
        # Not on the head: its own loss method calls `forward` past the hooks.
        getattr(model, name).convs[0].register_forward_hook(lambda *_, n=name: calls.append(n))
    model.train_step(tiny_adaptation.batches(), tiny_adaptation.build_optimizers(model))
    assert calls.count('auxiliary_head') == aux_passes
    assert calls.count('decode_head') == (2 if 'main' in levels else 1)


def test_discriminators_are_frozen_in_the_segmentors_step_and_freed_after():
    model = build()
    with frozen(model.discriminator):
        losses, _ = all_losses(model, model.preprocess(tiny_adaptation.batches()))
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(p.requires_grad and p.grad is None for p in model.discriminator.parameters())
    for part in (model.backbone, model.decode_head, model.auxiliary_head):
        assert all(p.grad is not None for p in part.parameters() if p.requires_grad)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_keeps_losses_close_and_finite(dtype):
    model = build()
    batches = model.preprocess(tiny_adaptation.batches())
    expected, _ = all_losses(model, batches)
    with torch.autocast('cpu', dtype=dtype):
        losses, predictions = all_losses(model, batches)
        adversarial = model.discriminator_losses(predictions)
    for name, value in losses.items():
        if 'loss' in name:
            assert value.dtype == torch.float32, name
            assert float(value) == pytest.approx(float(expected[name]), rel=0.05), name
    for domain in (predictions.source, predictions.target):
        assert domain.maps['main'].dtype == torch.float32
    assert all(torch.isfinite(v) for v in adversarial.values())


def test_maps_are_computed_in_float32_from_half_precision_scores():
    model = build()
    scores = torch.randn(2, 3, 9, 11).bfloat16()
    inputs, keep = torch.zeros(2, 3, 64, 80), torch.ones(2, 64, 80, dtype=torch.bool)
    for level, aligned in (('main', True), ('aux', False)):
        found = model._information(scores, level, inputs, keep)
        large = F.interpolate(scores.double(), (64, 80), mode='bilinear', align_corners=aligned)
        torch.testing.assert_close(
            found, PlainAdaptation.information(large, keep).float(), atol=1e-6, rtol=0
        )


def test_steps_under_autocast_are_finite_and_move_everything():
    model = build()
    before = {k: v.clone() for k, v in model.named_parameters()}
    optimizers = tiny_adaptation.build_optimizers(model)
    # The first step moves the zero weights with which residual streams start.
    for seed in (0, 100):
        with torch.autocast('cpu', dtype=torch.bfloat16):
            log = model.train_step(tiny_adaptation.batches(seed), optimizers)
        assert all(torch.isfinite(torch.as_tensor(v)) for v in log.values())
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter).all(), name
        assert not torch.equal(parameter, before[name]), name


def test_intrada_is_advent_on_other_streams():
    logs, states = [], []
    for kind, names in (('ADVENT', ('source', 'target')), ('IntraDA', ('easy', 'hard'))):
        torch.manual_seed(0)
        model = build(type=kind)
        assert model.streams == names
        optimizers = tiny_adaptation.build_optimizers(model)
        for seed in (0, 100):
            log = model.train_step(tiny_adaptation.batches(seed, names), optimizers)
        logs.append({k.replace('easy', 'source').replace('hard', 'target'): log[k] for k in log})
        states.append(model.state_dict())
        assert any(names[0] in key for key in log)
    assert logs[0] == logs[1]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_predict_and_keys_are_those_of_encoder_decoder():
    model = build().eval()
    plain = EncoderDecoder(**tiny_adaptation.segmentor_cfg()).eval()
    missing, unexpected = plain.load_state_dict(model.state_dict(), strict=False)
    assert not missing
    assert {k.rpartition('.network.')[0] for k in unexpected} == {
        'discriminator.main',
        'discriminator.aux',
    }
    data = tiny.batch((64, 80), 1, 0, True)
    data['data_samples'][0].set_metainfo(
        dict(ori_shape=(64, 80), img_shape=(64, 80), pad_shape=(64, 80))
    )
    ours, theirs = (m.test_step(copy.deepcopy(data))[0].seg_logits.data for m in (model, plain))
    assert torch.equal(ours, theirs)


def test_initialisation_reaches_every_discriminator():
    init_cfg = dict(type='Constant', layer='Conv2d', val=0.25)
    network = dict(tiny_adaptation.DISCRIMINATOR['network'], init_cfg=init_cfg)
    level = dict(tiny_adaptation.DISCRIMINATOR, network=network)
    model = MODELS.build(tiny_adaptation.advent_cfg(discriminator=dict(main=level, aux=level)))
    model.init_weights()
    for discriminator in model.discriminator.values():
        assert all((layer.weight == 0.25).all() for layer in discriminator.network.layers[::2])


class TestErrors:
    def test_unknown_or_no_level(self):
        with pytest.raises(ValueError, match=r"'main'.*'aux'.*is given \['auxiliary', 'main'\]"):
            build(levels=('main', 'auxiliary'))
        # The form that AdvSemiSeg takes.
        with pytest.raises(ValueError, match=r"is given \['network', 'type', 'upsample'\]"):
            build(discriminator=tiny_adaptation.DISCRIMINATOR)
        for nothing in ({}, dict(main=None, aux=None)):
            with pytest.raises(ValueError, match=r'ADVENT works on .* is given \[\]'):
                build(discriminator=nothing)

    @pytest.mark.parametrize(
        ('head', 'number'),
        [
            (None, 'none'),
            ([tiny_adaptation.AUXILIARY_HEAD], 'a list of 1'),
            ([tiny_adaptation.AUXILIARY_HEAD] * 2, 'a list of 2'),
        ],
    )
    def test_level_without_exactly_one_auxiliary_head(self, head, number):
        cfg = tiny_adaptation.advent_cfg()
        cfg.auxiliary_head = head
        with pytest.raises(ValueError, match=f"ADVENT .*'aux'.*exactly one .* has {number};"):
            MODELS.build(cfg)
        cfg.discriminator.aux = None  # off
        model = MODELS.build(cfg)
        assert list(model.discriminator) == ['main']

    def test_auxiliary_head_with_one_score_for_three_classes(self):
        head = dict(tiny_adaptation.AUXILIARY_HEAD, out_channels=1, threshold=0.5)
        cfg = tiny_adaptation.advent_cfg()
        cfg.auxiliary_head = head
        with pytest.raises(ValueError, match='out_channels=1'):
            MODELS.build(cfg)

    def test_unknown_argument(self):
        with pytest.raises(TypeError, match='lambda_adv_axu'):
            build(lambda_adv_axu=0.1)


@pytest.mark.parametrize('name', ['ADVENT', 'IntraDA'])
def test_method_base_has_the_papers_settings(name):
    cfg = Config.fromfile(resource_root() / 'configs/_base_/methods/advent.py')
    model = MODELS.build(tiny_adaptation.segmentor_cfg(**dict(cfg.advent, type=name)))
    assert type(model).__name__ == name
    assert model.lambda_adv == dict(main=0.001, aux=0.0002)
    assert cfg.model_wrapper_cfg.type == 'StreamDataParallel'
    for discriminator in model.discriminator.values():
        assert not discriminator.upsample and discriminator.loss_adv.mode == 'bce'
        widths = [layer.weight.shape[:2] for layer in discriminator.network.layers[::2]]
        assert widths == [(64, 3), (128, 64), (256, 128), (512, 256), (1, 512)]
