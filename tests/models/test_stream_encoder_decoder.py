import copy

import pytest
import torch
from mmseg.models import EncoderDecoder
from mmseg.models.decode_heads import FCNHead

from label_efficient_seg.models.segmentors import StreamEncoderDecoder

from . import tiny, tiny_adaptation


class TwoMaps(FCNHead):
    def forward(self, inputs):
        return [super().forward(inputs)] * 2


def build(**kwargs) -> StreamEncoderDecoder:
    return tiny_adaptation.build_model(
        tiny_adaptation.segmentor_cfg(type='StreamEncoderDecoder', **kwargs)
    )


@pytest.mark.parametrize('share', [False, True])
def test_supervised_losses_are_those_of_encoder_decoder(share):
    model = build().train()
    plain = EncoderDecoder(**tiny_adaptation.segmentor_cfg()).train()
    plain.load_state_dict(model.state_dict())
    batch = model.data_preprocessor(tiny.batch((64, 80), 2, 0, True), True)
    features = model.extract_feat(batch['inputs'])
    found = model.supervised_losses(
        features,
        model.logits(features),
        batch['data_samples'],
        model.logits(features, 'aux') if share else None,
    )
    expected = plain.loss(batch['inputs'], batch['data_samples'])
    assert list(found) == list(expected) and 'aux.loss_ce' in found
    assert all(torch.equal(found[name], value) for name, value in expected.items())


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
        losses.update(
            self.supervised_losses(features, self.logits(features), batch['data_samples'])
        )
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


def test_a_method_must_say_its_losses():
    model = build().train()
    with pytest.raises(NotImplementedError, match='StreamEncoderDecoder must implement segmentor_'):
        model.train_step(tiny.batches(), tiny_adaptation.build_optimizers(model))


def test_head_with_several_maps_is_named():
    head = TwoMaps(in_channels=32, in_index=3, channels=8, num_classes=3)
    model = build()
    model.decode_head = head
    features = model.extract_feat(torch.randn(1, 3, 64, 64))
    with pytest.raises(TypeError, match='head TwoMaps returns list where StreamEncoderDecoder'):
        model.logits(features)
