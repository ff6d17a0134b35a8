import copy

import pytest
import torch
from mmengine.config import ConfigDict

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.models.segmentors.norm_statistics import frozen_statistics

from . import tiny, tiny_mixed
from .plain_adaptation import images_and_masks
from .plain_mixed import PlainMixedSelfTraining


def build(method: str, **kwargs) -> tuple:
    model = tiny_mixed.build_model(method, **kwargs)
    return model, tiny_mixed.build_optimizers(model)


def assert_equal_parameters(model, plain) -> None:
    ours = [*model.backbone.named_parameters(), *model.decode_head.convs.named_parameters()]
    for (name, p), q in zip(ours, plain.student.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-6, rtol=0, msg=lambda m, n=name: f'{n}: {m}')


def state(model) -> dict:
    return {n: v.clone() for n, v in model.state_dict().items() if not n.startswith('teacher.')}


@pytest.mark.parametrize('method', tiny_mixed.METHODS)
def test_train_step_equals_plain_algorithm(method):
    model, optimizers = build(method)
    plain = PlainMixedSelfTraining(
        model, lambda images, view: model.data_preprocessor.strong_view(images, samples, view)
    )
    for iteration in range(3):
        data = tiny_mixed.batches(10 * iteration, streams=model.streams)
        samples = model.data_preprocessor(copy.deepcopy(data['target']), True)['data_samples']
        seen = {name: images_and_masks(model, batch) for name, batch in data.items()}
        (x, y), (u, mask) = seen['source'], seen['target']
        torch.manual_seed(iteration)
        expected, q, blocks = plain.step(
            iteration, x, y, u, mask == 255, seen.get('labeled_target')
        )
        torch.manual_seed(iteration)
        log = tiny.train_step(model, iteration, data, optimizers)

        found = {k: v for k, v in log.items() if 'loss' in k and k != 'loss'}
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name].item() == pytest.approx(value.item(), abs=1e-6), name
        assert log['loss'].item() == pytest.approx(sum(expected.values()).item(), abs=1e-5)
        assert_equal_parameters(model, plain)
        # The cases are worth comparing.
        assert all(0.02 < value < 0.98 for value in q) and len(set(q)) == len(q), q
        assert not model.lambda_feature or 0 < blocks < 3 * 42
    for (name, ours), theirs in zip(
        model.backbone.named_buffers(), plain.student[0].buffers(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0, msg=name)


def test_teacher_equals_the_plain_average_bit_for_bit():
    model, optimizers = build('mic')
    mean = state(model)
    for iteration in range(4):
        tiny.train_step(model, iteration, tiny_mixed.batches(iteration), optimizers)
        student, r = state(model), min(1 - 1 / (iteration + 2), 0.7)
        for name, value in student.items():
            whole = value.dtype == torch.int64
            mean[name] = value if whole else r * mean[name] + (1 - r) * value
            assert torch.equal(model.state_dict()[f'teacher.network.{name}'], mean[name]), name


def test_teacher_predicts_in_evaluation_mode_and_gets_no_gradient():
    model, _ = build('mic')
    assert model.backbone.training
    assert not any(module.training for module in model.teacher.modules())
    before = {k: v.clone() for k, v in model.teacher.state_dict().items()}
    batches = model.preprocess(tiny_mixed.batches())
    y_u, q = model.pseudo_labels(batches['target'])
    assert not q.requires_grad
    model.mixed_losses(batches['source'], batches['target'], y_u, q)['mixed.loss_ce'].backward()
    assert all(p.grad is None and not p.requires_grad for p in model.teacher.parameters())
    assert all(torch.equal(before[k], v) for k, v in model.teacher.state_dict().items())


def test_mixed_loss_is_divided_by_all_pixels():
    model, _ = build('dacs')
    batches = model.preprocess(tiny_mixed.batches())
    source, target = batches['source'], batches['target']
    for sample in source['data_samples']:
        sample.gt_sem_seg.data.fill_(255)  # nothing is pasted
    y_u, _ = model.pseudo_labels(target)
    ones = torch.ones(y_u.shape)
    few = ones.clone()
    few[:, 10:] = 0
    whole, part = (
        model.mixed_losses(source, target, y_u, q)['mixed.loss_ce'].item() for q in (ones, few)
    )
    # Dividing by the pixels that count would leave about the same loss.
    assert 0 < part < 0.5 * whole
    none = model.mixed_losses(source, target, y_u, 0 * ones)['mixed.loss_ce']
    assert none.item() == 0


def test_classes_are_drawn_for_each_image():
    # Were they drawn for the batch, both images with the same two classes would paste the same.
    model, _ = build('dacs')
    seen = []
    model.data_preprocessor.strong_view = lambda images, samples, view: (
        seen.append(images) or images
    )
    batches = model.preprocess(tiny_mixed.batches(number=8))
    batches['source']['inputs'].fill_(7)
    batches['target']['inputs'].fill_(-7)
    for sample in batches['source']['data_samples']:
        sample.gt_sem_seg.data[:, :20], sample.gt_sem_seg.data[:, 20:] = 0, 1
        sample.gt_sem_seg.data[:, :, :2] = 255
    y_u, q = model.pseudo_labels(batches['target'])
    model.mixed_losses(batches['source'], batches['target'], y_u, q)
    upper, lower = seen[0][:, 0, 5, 9], seen[0][:, 0, 30, 9]
    assert set(upper.tolist()) == {7, -7} and torch.equal(upper, -lower)
    assert (seen[0][:, 0, :, :2] == -7).all()  # unlabeled pixels are no class


def test_weight_is_one_share_for_each_image_and_0_in_margins():
    model, _ = build('dacs')
    model.teacher.copy(model)
    batches = model.preprocess(tiny_mixed.batches())
    _, q = model.pseudo_labels(batches['target'])
    valid = torch.stack([s.gt_sem_seg.data[0] != 255 for s in batches['target']['data_samples']])
    assert (q[~valid] == 0).all() and (~valid).any()
    shares = {image[mask].unique().item() for image, mask in zip(q, valid, strict=True)}
    assert len(shares) == 3
    for sample in batches['target']['data_samples']:
        sample.gt_sem_seg.data.fill_(255)
    _, q = model.pseudo_labels(batches['target'])
    assert (q == 0).all()


def test_initial_network_is_neither_trained_nor_saved_and_survives_a_checkpoint():
    model, optimizers = build('daformer')
    initial = model._initial[0]
    start = copy.deepcopy(initial.state_dict())
    other = tiny_mixed.build_model('dacs')
    model.load_state_dict(other.state_dict(), strict=False)
    tiny.train_step(model, 0, tiny_mixed.batches(), optimizers)
    assert all(torch.equal(start[k], v) for k, v in initial.state_dict().items())
    assert not initial.training
    assert not any('initial' in name for name in model.state_dict())
    assert other._initial == ()


def test_running_statistics_are_those_of_clean_images_on_request():
    def mean_after_step(method: str) -> torch.Tensor:
        model, optimizers = build(method, mask_ratio=0.0)
        model.load_state_dict(weights, strict=False)
        norm = model.backbone.bn1
        norm.momentum = 1.0  # keeps the last batch only
        tiny.train_step(model, 0, tiny_mixed.batches(), optimizers)
        return norm.running_mean

    model, _ = build('dacs')
    weights = copy.deepcopy(model.state_dict())
    batches = model.preprocess(tiny_mixed.batches())
    outputs = []
    model.backbone.conv1.register_forward_hook(lambda module, inputs, y: outputs.append(y))
    model.extract_feat(batches['source']['inputs'])
    x = outputs[0].mean((0, 2, 3))
    torch.testing.assert_close(mean_after_step('clean_statistics'), x)
    assert not torch.allclose(mean_after_step('dacs'), x, atol=1e-3)


def test_frozen_statistics_normalise_by_the_batch():
    norm = torch.nn.BatchNorm2d(2)
    x = torch.randn(4, 2, 3, 3) + 5
    with frozen_statistics(norm):
        y = norm(x)
    assert abs(y.mean()) < 1e-5
    assert (norm.running_mean == 0).all() and norm.num_batches_tracked == 0
    norm(x)
    assert (norm.running_mean != 0).all()


def test_accumulated_gradients_count_iterations_not_terms():
    model = tiny_mixed.build_model('mic')
    optimizers = tiny_mixed.build_optimizers(model, accumulative_counts=2)
    optimizers['segmentor'].initialize_count_status(model, 0, 10)
    start = state(model)
    tiny.train_step(model, 0, tiny_mixed.batches(0), optimizers)
    assert torch.equal(model.backbone.conv1.weight, start['backbone.conv1.weight'])
    assert torch.equal(model.teacher.network.backbone.conv1.weight, model.backbone.conv1.weight)
    tiny.train_step(model, 1, tiny_mixed.batches(5), optimizers)
    assert not torch.equal(model.backbone.conv1.weight, start['backbone.conv1.weight'])
    mean = 1 - 1 / 3
    expected = mean * start['backbone.conv1.weight'] + (1 - mean) * model.backbone.conv1.weight
    assert torch.equal(model.teacher.network.backbone.conv1.weight, expected)


def test_autocast_keeps_losses_in_single_precision():
    model, _ = build('mic')
    batches = model.preprocess(tiny_mixed.batches())

    def losses() -> dict:
        torch.manual_seed(0)
        y_u, q = model.pseudo_labels(batches['target'])
        arguments = batches['source'], batches['target'], y_u, q
        found = model.labeled_losses('source', batches['source'])
        return {**found, **model.mixed_losses(*arguments), **model.masked_losses(*arguments)}

    expected = losses()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = losses()
    for name, value in found.items():
        if 'loss' in name:
            assert value.dtype == torch.float32
            assert value.item() == pytest.approx(expected[name].item(), rel=0.2), name


def test_mistakes_are_named():
    model, optimizers = build('dacs')
    data = tiny_mixed.batches()
    with pytest.raises(UserError, match='same batch_size and crop size'):
        two = tiny_mixed.batches(number=2)['target']
        tiny.train_step(model, 0, dict(data, target=two), optimizers)
    with pytest.raises(UserError, match=r'PackStrongViews\(views=1\)'):
        plain = tiny.batch(tiny_mixed.SIZE, 3, 0, False)
        tiny.train_step(model, 0, dict(data, target=plain), optimizers)
    assert model.streams == ('source', 'target')
    assert isinstance(tiny.model_cfg(), ConfigDict)


@pytest.mark.parametrize('options', [dict(feature_classes=()), dict(neck=dict(type='FPN'))])
def test_features_are_those_of_the_backbone_where_things_are(options):
    with pytest.raises(UserError, match='set feature_classes to the indices of things'):
        if 'neck' in options:
            options['neck'].update(in_channels=[4, 8, 16, 32], out_channels=32, num_outs=4)
        tiny_mixed.build_model('daformer', **options)
