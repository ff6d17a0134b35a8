import copy

import pytest
import torch
from mmseg.models import EncoderDecoder
from mmseg.models.decode_heads import FCNHead

from label_efficient_seg.models.segmentors import StreamEncoderDecoder
from tests.models.loss_parts import all_losses, gathered

from . import tiny, tiny_adaptation, tiny_sign, tiny_views


class TwoMaps(FCNHead):
    def forward(self, inputs):
        return [super().forward(inputs), super().forward(inputs)]


def build(**kwargs) -> StreamEncoderDecoder:
    return tiny_adaptation.build_model(
        tiny_adaptation.segmentor_cfg(**{'type': 'StreamEncoderDecoder', **kwargs})
    )


@pytest.mark.parametrize('levels', [('main',), ('main', 'aux'), ('aux',)])
def test_supervised_losses_are_those_of_encoder_decoder(levels):
    model = build().train()
    plain = EncoderDecoder(**tiny_adaptation.segmentor_cfg()).train()
    plain.load_state_dict(model.state_dict())
    batch = model.data_preprocessor(tiny.batch((64, 80), 2, 0, True), True)
    features = model.extract_feat(batch['inputs'])
    found, logits = model.supervised_losses(features, batch['data_samples'], levels)
    expected = plain.loss(batch['inputs'], batch['data_samples'])
    assert list(found) == list(expected) and 'aux.loss_ce' in found
    for name, value in expected.items():
        if 'loss' in name:
            assert torch.equal(found[name], value)
        else:  # a quotient of the same numbers
            torch.testing.assert_close(found[name].reshape(-1), value)
    assert logits.keys() == {'main', *levels}


def test_each_level_is_resized_as_its_head_does():
    model = build().eval()
    batch = model.data_preprocessor(tiny.batch((64, 80), 1, 0, True), True)
    features = model.extract_feat(batch['inputs'])
    metas = [dict(img_shape=(64, 80), pad_shape=(64, 80))]
    for level, head in (('main', model.decode_head), ('aux', model.auxiliary_head)):
        found = model.upsample(model.logits(features, level), batch['inputs'], level)
        assert torch.equal(found, head.predict(features, metas, {})), level
    # They differ in align_corners, so the right one was taken.
    logits = model.logits(features)
    assert not torch.equal(*(model.upsample(logits, batch['inputs'], k) for k in ('main', 'aux')))


class OnlySupervised(StreamEncoderDecoder):
    def segmentor_losses(self, batches, iteration):
        losses = {'unlabeled.iteration': torch.tensor(float(iteration))}
        batch = batches['labeled']
        features = self.extract_feat(batch['inputs'])
        losses.update(self.supervised_losses(features, batch['data_samples'])[0])
        return losses, None


@pytest.mark.parametrize('accumulative_counts', [1, 2])
def test_train_step_updates_the_segmentor(accumulative_counts):
    torch.manual_seed(0)
    model = OnlySupervised(**tiny_adaptation.segmentor_cfg()).train()
    model.init_weights()
    plain = copy.deepcopy(model)
    optimizers = tiny_adaptation.build_optimizers(model, accumulative_counts=accumulative_counts)
    optimizers['segmentor'].initialize_count_status(model, 0, 4)
    sgd = torch.optim.SGD(plain.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    for step in range(4):
        data = tiny.batches(seed=10 * step)
        batch = plain.data_preprocessor(copy.deepcopy(data['labeled']), True)
        losses = plain.loss(batch['inputs'], batch['data_samples'])
        total = losses['decode.loss_ce'] + losses['aux.loss_ce']
        (total / accumulative_counts).backward()
        if (step + 1) % accumulative_counts == 0:
            sgd.step()
            sgd.zero_grad()
        log = tiny.train_step(model, step, data, optimizers)
        assert float(log['loss']) == pytest.approx(total.item(), abs=1e-6)
        assert log['unlabeled.iteration'] == step
        for (name, p), q in zip(model.named_parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(p, q, atol=1e-7, rtol=0, msg=lambda m, n=name: n + m)


@pytest.mark.parametrize('count', [1, 2])
@pytest.mark.parametrize(
    ('build_model', 'batches'),
    [
        (lambda: tiny.build_model(semi_start=0), tiny.batches),
        (
            lambda: tiny_adaptation.build_model(tiny_adaptation.advent_cfg()),
            tiny_adaptation.batches,
        ),
        (lambda: build(type='MinEnt'), tiny_adaptation.batches),
        (lambda: tiny_views.build_model('unimatch'), tiny_views.batches),
    ],
)
def test_streams_that_go_backward_one_by_one_move_weights_as_their_sum_does(
    build_model, batches, count, monkeypatch
):
    states, logs, order = [], [], []
    for at_once in (False, True):
        torch.manual_seed(0)
        model = build_model().train()
        optimizers = tiny_adaptation.build_optimizers(model, accumulative_counts=count)
        segmentor = optimizers['segmentor']
        segmentor.initialize_count_status(model, 0, 2)
        if at_once:
            parts = model.segmentor_losses
            monkeypatch.setattr(model, 'segmentor_losses', lambda *a, p=parts: gathered(p(*a)))
        order.append([])
        for name, owner in (('extract_feat', model), ('backward', segmentor)):
            call = getattr(owner, name)

            def noted(*args, call=call, name=name, noted=order[-1], **kwargs):
                noted.append(name)
                return call(*args, **kwargs)

            monkeypatch.setattr(owner, name, noted)
        for step in range(2):
            logs.append(tiny.train_step(model, step, batches(seed=step), optimizers))
        states.append(model.state_dict())
    assert order[0] == ['extract_feat', 'backward'] * 4
    assert order[1] == ['extract_feat', 'extract_feat', 'backward'] * 2
    # Accumulated gradients are added up in another order.
    tolerance = dict(atol=0, rtol=0) if count == 1 else dict(atol=1e-6, rtol=0)
    torch.testing.assert_close(*states, **tolerance)
    for one, other in zip(logs[:2], logs[2:], strict=True):
        assert one.keys() == other.keys()
        assert all(float(one[k]) == pytest.approx(float(other[k]), rel=1e-6) for k in one)


def test_a_method_must_say_its_losses():
    model = build().train()
    with pytest.raises(NotImplementedError, match='StreamEncoderDecoder must implement segmentor_'):
        model.train_step(tiny.batches(), tiny_adaptation.build_optimizers(model))


def test_head_with_several_maps_is_named():
    head = TwoMaps(in_channels=32, in_index=3, channels=8, num_classes=3)
    model = build()
    model.decode_head = head
    features = model.extract_feat(torch.randn(1, 3, 64, 64))
    with pytest.raises(
        TypeError, match='TwoMaps returns 2 tensors, of which its layer conv_seg gave 2'
    ):
        model.logits(features)


@pytest.mark.parametrize(
    ('build_model', 'batches', 'unlabeled'),
    [
        (tiny.build_model, tiny.batches, 'unlabeled'),
        (lambda: tiny_adaptation.build_model(tiny_adaptation.advent_cfg()), None, 'target'),
        (
            lambda: tiny_adaptation.build_model(
                tiny_adaptation.segmentor_cfg(
                    type='MinEnt', lambda_entropy_main=0.5, lambda_entropy_aux=0.2
                )
            ),
            None,
            'target',
        ),
    ],
    ids=['AdvSemiSeg', 'ADVENT', 'MinEnt'],
)
def test_padding_of_unlabeled_images_does_not_depend_on_the_label_that_the_head_ignores(
    build_model, batches, unlabeled
):
    found = []
    for ignored in (255, 0):
        torch.manual_seed(0)
        model = build_model().train()
        heads = [model.decode_head, getattr(model, 'auxiliary_head', model.decode_head)]
        for head in heads:
            head.ignore_index = ignored
        data = model.preprocess((batches or tiny_adaptation.batches)())
        for name in data.keys() - {unlabeled}:  # neither ignores any of these labels
            for sample in data[name]['data_samples']:
                sample.gt_sem_seg.data.fill_(1)
        losses, _ = all_losses(model, data)
        found.append({k: v.item() for k, v in losses.items() if k.startswith(f'{unlabeled}.')})
    assert found[0] == pytest.approx(found[1], abs=1e-6) and len(found[0]) > 1
    assert all(value > 0 for name, value in found[0].items() if 'loss' in name)


def test_sign_refuses_another_label_of_void_pixels():
    head = dict(tiny_sign.model_cfg().decode_head, ignore_index=0)
    with pytest.raises(ValueError, match='decode_head.ignore_index is 0, .* are 255; remove'):
        tiny_sign.build_model(decode_head=head)
