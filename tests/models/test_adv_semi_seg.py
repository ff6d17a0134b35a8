import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapperDict
from mmseg.models import EncoderDecoder
from mmseg.models.decode_heads import FCNHead

from label_efficient_seg.models.segmentors.adv_semi_seg import one_hot
from label_efficient_seg.models.segmentors.adversarial_encoder_decoder import frozen
from tests.models.loss_parts import all_losses

from . import tiny

LAMBDA = dict(labeled=0.01, unlabeled=0.001, semi=0.1)


class PlainAdvSemiSeg:
    """The paper's algorithm in plain PyTorch, one line after the other."""

    def __init__(self, model, threshold=0.2, adv_start=0, semi_start=0, unlabeled_fakes=False):
        model = copy.deepcopy(model).train()
        self.s = torch.nn.ModuleList([model.backbone, model.decode_head.convs])
        self.d = model.discriminator.network.layers
        self.threshold, self.unlabeled_fakes = threshold, unlabeled_fakes
        self.adv_start, self.semi_start = adv_start, semi_start
        self.sgd = torch.optim.SGD(self.s.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
        self.adam = torch.optim.Adam(self.d.parameters(), 1e-4, betas=(0.9, 0.99))

    def segment(self, images):
        features = self.s[0](images)[3]
        scores = sum(conv(features) for conv in self.s[1])
        return F.interpolate(scores, images.shape[2:], mode='bilinear', align_corners=True)

    def judge(self, maps):
        out = F.interpolate(self.d(maps), maps.shape[2:], mode='bilinear', align_corners=True)
        return torch.sigmoid(out)[:, 0]

    @staticmethod
    def bce(probability, label, keep):
        p = probability[keep].double()
        return -(torch.log(p) if label else torch.log(1 - p)).mean()

    @staticmethod
    def cross_entropy(scores, labels, keep):
        log_p = scores.double().log_softmax(1).permute(0, 2, 3, 1)[keep]
        return -log_p[torch.arange(len(log_p)), labels[keep]].mean()

    def step(self, iteration, x, y, u, u_mask, ground_truth=None):
        """One iteration; returns its losses."""
        keep, keep_u = y != 255, u_mask != 255
        losses = {}
        scores = self.segment(x)
        losses['decode.loss_ce'] = self.cross_entropy(scores, y, keep)
        losses['labeled.loss_adv'] = LAMBDA['labeled'] * self.bce(
            self.judge(scores.softmax(1)), 1, keep
        )
        scores_u = self.segment(u)
        confidence = self.judge(scores_u.softmax(1))
        if iteration >= self.adv_start:
            losses['unlabeled.loss_adv'] = LAMBDA['unlabeled'] * self.bce(confidence, 1, keep_u)
        if iteration >= self.semi_start:
            selected = (confidence > self.threshold) & keep_u
            losses['unlabeled.loss_semi'] = torch.zeros(())
            if selected.any():
                losses['unlabeled.loss_semi'] = LAMBDA['semi'] * self.cross_entropy(
                    scores_u, scores_u.argmax(1), selected
                )
        total = sum(losses.values())
        self.sgd.zero_grad()
        total.backward()
        self.sgd.step()

        z = y if ground_truth is None else ground_truth
        real = torch.zeros(len(z), scores.shape[1], *z.shape[1:], dtype=scores.dtype)
        for c in range(real.shape[1]):
            real[:, c][z == c] = 1
        fake_values = self.judge(scores.detach().softmax(1))[keep]
        if self.unlabeled_fakes:
            fake_u = self.judge(scores_u.detach().softmax(1))[keep_u]
            fake_values = torch.cat([fake_values, fake_u])
        loss_fake = 0.5 * -torch.log(1 - fake_values.double()).mean()
        loss_real = 0.5 * self.bce(self.judge(real), 1, z != 255)
        self.adam.zero_grad()
        (loss_fake + loss_real).backward()
        self.adam.step()
        return dict(
            losses,
            loss=total,
            **{'discriminator.loss_fake': loss_fake, 'discriminator.loss_real': loss_real},
        )


def images_and_masks(model, batch):
    data = model.data_preprocessor(copy.deepcopy(batch), True)
    return data['inputs'], torch.stack([s.gt_sem_seg.data[0] for s in data['data_samples']])


@pytest.mark.parametrize('starts', [(0, 0), (0, 2), (2, 0), (2, 2), (1, 2)])
@pytest.mark.parametrize('unlabeled_fakes', [False, True])
def test_train_step_equals_plain_algorithm(starts, unlabeled_fakes):
    adv_start, semi_start = starts
    model = tiny.build_model(
        adv_start=adv_start, semi_start=semi_start, discriminate_unlabeled=unlabeled_fakes
    ).train()
    images, _ = images_and_masks(model, tiny.batches()['unlabeled'])
    scores = model.upsample(model.logits(model.extract_feat(images)), images)
    model.confidence_threshold = float(model.confidence(scores).median())
    plain = PlainAdvSemiSeg(
        model, model.confidence_threshold, adv_start, semi_start, unlabeled_fakes
    )
    optimizers = tiny.build_optimizers(model)
    ratios = []
    for iteration in range(3):
        data = tiny.batches(seed=10 * iteration)
        (x, y), (u, mask) = (images_and_masks(model, data[b]) for b in ('labeled', 'unlabeled'))
        expected = plain.step(iteration, x, y, u, mask)
        log = tiny.train_step(model, iteration, data, optimizers)

        found = {k: v for k, v in log.items() if 'loss' in k and k != 'discriminator.loss'}
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert float(found[name]) == pytest.approx(float(value), abs=1e-5), name
        if iteration >= semi_start:
            ratios.append(float(log['unlabeled.selected_ratio']))
        for ours, theirs in [
            (model.backbone, plain.s[0]),
            (model.decode_head.convs, plain.s[1]),
            (model.discriminator.network.layers, plain.d),
        ]:
            for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
                torch.testing.assert_close(p, q, atol=1e-6, rtol=0, msg=lambda m, n=name: n + m)
    # The selection is neither everything nor nothing, or its rule was not tested.
    assert all(0.02 < ratio < 0.98 for ratio in ratios), ratios


def test_real_maps_may_come_from_a_stream_of_their_own():
    model = tiny.build_model(ground_truth=True).train()
    assert model.streams == ('labeled', 'unlabeled', 'ground_truth')
    plain, optimizers = PlainAdvSemiSeg(model), tiny.build_optimizers(model)
    for iteration in range(2):
        data = tiny.batches(seed=10 * iteration)
        data['ground_truth'] = tiny.batch((48, 64), 3, 500 + iteration, True)
        parts = {name: images_and_masks(model, batch) for name, batch in data.items()}
        expected = plain.step(
            iteration, *parts['labeled'], *parts['unlabeled'], parts['ground_truth'][1]
        )
        log = tiny.train_step(model, iteration, data, optimizers)
        for name, value in expected.items():
            assert float(log[name]) == pytest.approx(float(value), abs=1e-5), name
        layers = model.discriminator.network.layers
        for p, q in zip(layers.parameters(), plain.d.parameters(), strict=True):
            torch.testing.assert_close(p, q, atol=1e-6, rtol=0)


def test_nothing_selected_gives_zero_loss_and_no_nan():
    model = tiny.build_model(confidence_threshold=1.0).train()
    log = model.train_step(tiny.batches(), tiny.build_optimizers(model))
    assert log['unlabeled.loss_semi'] == 0
    assert log['unlabeled.selected_ratio'] == 0
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_batch_without_labels_moves_only_by_the_other_terms():
    model = tiny.build_model().train()
    data = tiny.batches()
    for sample in data['labeled']['data_samples']:
        sample.gt_sem_seg.data.fill_(255)
    log = model.train_step(data, tiny.build_optimizers(model))
    assert log['decode.loss_ce'] == 0 and log['labeled.loss_adv'] == 0
    assert log['discriminator.loss_real'] == 0
    assert log['unlabeled.loss_adv'] > 0
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_padding_of_unlabeled_images_does_not_matter():
    small = tiny.batch((64, 64), 1, 3, False)
    model = tiny.build_model().eval()
    content = small['data_samples'][0].gt_sem_seg.data != 255

    def losses(labels):
        data = copy.deepcopy(small)
        data['data_samples'][0].gt_sem_seg.data = labels
        return model._unlabeled_losses(model.data_preprocessor(data, True), 0)[0]

    # Any label but the ignore index only says "valid": its value is never read.
    zeros, others = content.long() - 1, content.long() * 3 - 1
    zeros[~content], others[~content] = 255, 255
    for name, value in losses(zeros).items():
        assert torch.equal(value, losses(others)[name]), name


def test_selected_ratio_falls_with_the_threshold():
    ratios = []
    for threshold in (0.0, 0.3, 0.5, 0.7, 1.0):
        torch.manual_seed(0)
        model = tiny.build_model(confidence_threshold=threshold).train()
        batches = {k: model.data_preprocessor(v, True) for k, v in tiny.batches().items()}
        ratios.append(float(all_losses(model, batches)[0]['unlabeled.selected_ratio']))
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] == 1 and ratios[-1] == 0


@pytest.mark.parametrize('share', [0.2, 0.5, 1])
def test_selected_ratio_is_the_share(share):
    model = tiny.build_model(confident_share=share, confidence_threshold=1.0).train()
    batches = {k: model.data_preprocessor(v, True) for k, v in tiny.batches().items()}
    ratio = float(all_losses(model, batches)[0]['unlabeled.selected_ratio'])
    assert ratio == pytest.approx(share, abs=0.01)


def test_discriminator_is_frozen_in_the_segmentors_step_and_freed_after():
    model = tiny.build_model().train()
    batches = {k: model.data_preprocessor(v, True) for k, v in tiny.batches().items()}
    before = [p.clone() for p in model.discriminator.parameters()]
    with frozen(model.discriminator):
        losses, predictions = all_losses(model, batches)
        assert not any(p.requires_grad for p in model.discriminator.parameters())
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(p.requires_grad and p.grad is None for p in model.discriminator.parameters())
    assert all(
        torch.equal(p, q) for p, q in zip(before, model.discriminator.parameters(), strict=True)
    )
    assert not any(t is not None and t.requires_grad for t in vars(predictions).values())


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_keeps_losses_close_and_finite(dtype):
    # Every pixel is selected: which ones pass a threshold may differ by rounding.
    model = tiny.build_model(confidence_threshold=0.0).train()
    batches = {k: model.data_preprocessor(v, True) for k, v in tiny.batches().items()}
    expected, _ = all_losses(model, batches)
    with torch.autocast('cpu', dtype=dtype):
        losses, predictions = all_losses(model, batches)
        adversarial = model.discriminator_losses(predictions)
    for name, value in losses.items():
        if 'loss' in name:
            assert value.dtype == torch.float32, name
            assert float(value) == pytest.approx(float(expected[name]), rel=0.05), name
    assert all(torch.isfinite(v) for v in adversarial.values())


def test_gradient_accumulation_equals_the_mean_of_the_gradients():
    model = tiny.build_model().train()
    plain = copy.deepcopy(model)
    optimizers = tiny.build_optimizers(model, accumulative_counts=2)
    for wrapper in optimizers.values():
        wrapper.initialize_count_status(model, 0, 10)
    before = [p.clone() for p in model.backbone.parameters()]
    model.train_step(tiny.batches(0), optimizers)
    assert all(torch.equal(p, q) for p, q in zip(before, model.backbone.parameters(), strict=True))
    model.train_step(tiny.batches(5), optimizers)

    total = 0
    # The discriminator moves between the two steps, as without accumulation.
    discriminators = tiny.build_optimizers(plain)
    for seed in (0, 5):
        batches = {k: plain.data_preprocessor(v, True) for k, v in tiny.batches(seed).items()}
        losses, predictions = all_losses(plain, batches)
        total = total + sum(v for k, v in losses.items() if 'loss' in k) / 2
        if seed == 0:
            sum_d = sum(
                v for k, v in plain.discriminator_losses(predictions).items() if 'loss' in k
            )
            gradients = torch.autograd.grad(
                total, list(plain.backbone.parameters()), retain_graph=True
            )
            plain.discriminator.zero_grad()
            sum_d.backward()
            discriminators['discriminator'].step()
    second = torch.autograd.grad(
        sum(v for k, v in losses.items() if 'loss' in k) / 2, list(plain.backbone.parameters())
    )
    optimizer = torch.optim.SGD(plain.backbone.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    for p, g, h in zip(plain.backbone.parameters(), gradients, second, strict=True):
        p.grad = g + h
    optimizer.step()
    for p, q in zip(model.backbone.parameters(), plain.backbone.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-6, rtol=0)


def test_predict_and_keys_are_those_of_encoder_decoder():
    model = tiny.build_model().eval()
    cfg = {
        k: v
        for k, v in tiny.model_cfg().items()
        if k in ('backbone', 'decode_head', 'data_preprocessor', 'test_cfg')
    }
    plain = EncoderDecoder(**cfg).eval()
    missing, unexpected = plain.load_state_dict(model.state_dict(), strict=False)
    assert not missing and all(k.startswith('discriminator.') for k in unexpected)
    data = tiny.batch((64, 80), 1, 0, True)
    data['data_samples'][0].set_metainfo(
        dict(ori_shape=(64, 80), img_shape=(64, 80), pad_shape=(64, 80))
    )
    ours = model.test_step(copy.deepcopy(data))[0].seg_logits.data
    theirs = plain.test_step(copy.deepcopy(data))[0].seg_logits.data
    assert torch.equal(ours, theirs)


def test_one_hot_against_loops():
    labels = torch.tensor([[[0, 2, 255], [1, 1, 0]]])
    maps = one_hot(labels, 3)
    assert maps.shape == (1, 3, 2, 3)
    for y in range(2):
        for x in range(3):
            for c in range(3):
                assert maps[0, c, y, x] == float(labels[0, y, x] == c)


def test_confidence_lies_in_unit_interval_at_image_size():
    model = tiny.build_model().eval()
    confidence = model.confidence(torch.randn(1, 3, 50, 61))
    assert confidence.shape == (1, 1, 50, 61)
    assert 0 <= confidence.min() and confidence.max() <= 1


class HeadWithOwnLoss(FCNHead):
    def loss(self, *args):
        return {}


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match='confidence_threshold.*1.5'):
        tiny.build_model(confidence_threshold=1.5)
    with pytest.raises(ValueError, match='confident_share.*1.5'):
        tiny.build_model(confident_share=1.5)
    with pytest.raises(TypeError, match='lambda_sime'):
        tiny.build_model(lambda_sime=0.1)
    own_loss = dict(type=HeadWithOwnLoss, in_channels=32, channels=8, num_classes=3)
    with pytest.raises(TypeError, match='head HeadWithOwnLoss does not give each pixel one score'):
        tiny.build_model(decode_head=own_loss)
    one_of_three = dict(tiny.model_cfg().decode_head, out_channels=1, threshold=0.5)
    with pytest.raises(ValueError, match='out_channels=1 for num_classes=3; .* or set num_cl'):
        tiny.build_model(decode_head=one_of_three)


def test_optimizers_are_a_wrapper_dict():
    assert isinstance(tiny.build_optimizers(tiny.build_model()), OptimWrapperDict)


@pytest.mark.parametrize(
    ('start', 'weight'), [('adv_start', 'lambda_adv_unlabeled'), ('semi_start', 'lambda_semi')]
)
def test_losses_that_start_after_the_end(start, weight):
    model = tiny.build_model(**{start: 20})
    model.check_schedule(21)
    with pytest.raises(
        ValueError, match=rf'{start} is 20, but training ends after 20 .* {weight}=0'
    ):
        model.check_schedule(20)
    tiny.build_model(**{start: 20, weight: 0}).check_schedule(20)
