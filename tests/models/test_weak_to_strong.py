import copy

import pytest
import torch

from label_efficient_seg.core.errors import UserError
from tests.models.loss_parts import all_losses

from . import tiny, tiny_views
from .plain_views import PlainWeakToStrong

METHODS = ('fixmatch', 'unimatch', 'unimatch_v2')


def preprocessed(model, data) -> dict:
    return {k: model.data_preprocessor(copy.deepcopy(v), True) for k, v in data.items()}


def masks(batch) -> torch.Tensor:
    return torch.stack([sample.gt_sem_seg.data[0] for sample in batch['data_samples']])


def median_confidence(model, data) -> float:
    """A threshold that half of the pixels pass."""
    images = preprocessed(copy.deepcopy(model), data)['unlabeled']['inputs']
    copied = copy.deepcopy(model).eval()
    with torch.no_grad():
        scores = copied.upsample(copied.logits(copied.extract_feat(images)), images)
    return float(scores.softmax(1).amax(1).median())


@pytest.mark.parametrize('method', METHODS)
def test_train_step_equals_plain_algorithm(method):
    model = tiny_views.build_model(method)
    model.confidence_threshold = median_confidence(model, tiny_views.batches())
    plain = PlainWeakToStrong(model, method, model.confidence_threshold)
    optimizers = tiny_views.build_optimizers(model)
    ratios = []
    for iteration in range(4):
        data = tiny_views.batches(seed=10 * iteration)
        batches = preprocessed(model, data)
        x, u = batches['labeled'], batches['unlabeled']
        torch.manual_seed(iteration)
        expected, ratio = plain.step(
            iteration, x['inputs'], masks(x), u['inputs'], u['strong'], u['boxes'],
            masks(u) == 255,
        )  # fmt: skip
        torch.manual_seed(iteration)
        log = tiny.train_step(model, iteration, data, optimizers)

        found = {k: v for k, v in log.items() if 'loss' in k and k != 'loss'}
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert float(found[name].detach()) == pytest.approx(float(value.detach()), abs=1e-6), (
                name
            )
        assert float(log['unlabeled.confident_ratio']) == pytest.approx(ratio, abs=1e-6)
        ratios.append(ratio)
        ours = dict(model.backbone.named_parameters()) | dict(
            model.decode_head.convs.named_parameters()
        )
        theirs = dict(plain.student[0].named_parameters()) | dict(
            plain.student[1].named_parameters()
        )
        for name, value in ours.items():
            torch.testing.assert_close(value, theirs[name], atol=1e-6, rtol=0)
    assert all(0.02 < ratio < 0.98 for ratio in ratios), ratios


def test_teacher_equals_the_plain_average_bit_for_bit():
    model = tiny_views.build_model('unimatch_v2')
    optimizers = tiny_views.build_optimizers(model)
    names = [n for n in model.state_dict() if not n.startswith('teacher.')]
    mean = {n: model.state_dict()[n].clone() for n in names}
    for iteration in range(5):
        tiny.train_step(model, iteration, tiny_views.batches(iteration), optimizers)
        state = model.state_dict()
        r = min(1 - 1 / (iteration + 1), 0.7)
        for n in names:
            average = state[n] if mean[n].dtype == torch.int64 else r * mean[n] + (1 - r) * state[n]
            mean[n] = average.clone()
            assert torch.equal(state[f'teacher.network.{n}'], mean[n]), n
        assert any('running_var' in n for n in names)
        # Two batches in each iteration: x, and the strong views.
        assert all(
            state[n] == 2 * iteration + 2 for n in names if n.endswith('num_batches_tracked')
        )
    assert not torch.equal(state['backbone.conv1.weight'], mean['backbone.conv1.weight'])


def test_without_teacher_labels_come_from_training_mode_in_one_batch_with_x():
    model = tiny_views.build_model('fixmatch')
    batches = preprocessed(model, tiny_views.batches())
    seen = []
    model.backbone.register_forward_hook(
        lambda module, inputs, output: seen.append((module.training, inputs[0].shape[0]))
    )
    all_losses(model, batches)
    assert seen == [(True, 2 + 4), (True, 4)]


def test_teacher_predicts_in_evaluation_mode_and_gets_no_gradient():
    model = tiny_views.build_model('unimatch_v2')
    model.train()
    assert model.backbone.training
    assert not any(module.training for module in model.teacher.modules())
    before = {k: v.clone() for k, v in model.teacher.state_dict().items()}
    losses, _ = all_losses(model, preprocessed(model, tiny_views.batches()))
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(p.grad is None and not p.requires_grad for p in model.teacher.parameters())
    assert all(torch.equal(before[k], v) for k, v in model.teacher.state_dict().items())


@pytest.mark.parametrize('method', METHODS)
def test_partner_of_a_mixture_is_another_image(method):
    # Constant images, so that the colour of each pixel says which image it comes from.
    model = tiny_views.build_model(method).eval()
    batch = preprocessed(model, tiny_views.batches())['unlabeled']
    batch['strong'] = torch.arange(4.0).view(1, 4, 1, 1, 1).expand_as(batch['strong'])
    batch['boxes'] = torch.tensor([5, 5, 20, 20]).expand_as(batch['boxes'])
    seen = []
    model.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    batches = dict(preprocessed(model, tiny_views.batches()), unlabeled=batch)
    all_losses(model, batches)
    mixed = seen[-1].unflatten(0, (-1, 4))
    for view in mixed:
        assert view[:, 0, 10, 10].tolist() == [3, 2, 1, 0]
        assert view[:, 0, 30, 30].tolist() == [0, 1, 2, 3]


def test_loss_is_divided_by_valid_pixels_not_by_confident_ones():
    model = tiny_views.build_model('fixmatch')
    batches = preprocessed(model, tiny_views.batches())
    losses = {}
    model.confidence_threshold = 0.0
    losses['all'] = all_losses(model, batches)[0]
    model.confidence_threshold = median_confidence(model, tiny_views.batches())
    losses['half'] = all_losses(model, batches)[0]
    model.confidence_threshold = 1.1
    losses['none'] = all_losses(model, batches)[0]
    strong = {
        name: float(value['unlabeled.loss_strong'].detach()) for name, value in losses.items()
    }
    assert losses['all']['unlabeled.confident_ratio'] == pytest.approx(1)
    assert strong['none'] == 0 and losses['none']['unlabeled.confident_ratio'] == 0
    # Dividing by the confident pixels would leave about the same loss.
    assert 0 < strong['half'] < 0.9 * strong['all']


@pytest.mark.parametrize('method', METHODS)
def test_content_of_padding_does_not_matter_to_unlabeled_losses(method):
    model = tiny_views.build_model(method, confidence_threshold=0.0).eval()
    batch = preprocessed(model, tiny_views.batches())
    # Everything is padding: no unlabeled term may be left, nor NaN.
    for sample in batch['unlabeled']['data_samples']:
        sample.gt_sem_seg.data.fill_(255)
    losses, _ = all_losses(model, batch)
    for name, value in losses.items():
        if name.startswith('unlabeled'):
            assert value == 0, name


@pytest.mark.parametrize('method', METHODS)
def test_autocast_compares_confidences_in_single_precision(method):
    model = tiny_views.build_model(method, confidence_threshold=0.0)
    batches = preprocessed(model, tiny_views.batches())
    torch.manual_seed(0)
    expected, _ = all_losses(model, batches)
    torch.manual_seed(0)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses, _ = all_losses(model, batches)
    for name, value in losses.items():
        if 'loss' in name:
            assert value.dtype == torch.float32
            assert float(value) == pytest.approx(float(expected[name]), rel=0.2), name


def test_teacher_moves_only_with_the_student_under_accumulation():
    model = tiny_views.build_model('unimatch_v2')
    optimizers = tiny_views.build_optimizers(model, accumulative_counts=2)
    optimizers['segmentor'].initialize_count_status(model, 0, 10)
    start = model.backbone.conv1.weight.clone()
    tiny.train_step(model, 0, tiny_views.batches(0), optimizers)
    assert torch.equal(model.teacher.network.backbone.conv1.weight, start)
    tiny.train_step(model, 1, tiny_views.batches(5), optimizers)
    moved = model.teacher.network.backbone.conv1.weight
    assert torch.equal(moved, 0.5 * start + 0.5 * model.backbone.conv1.weight)


def test_checkpoint_of_a_plain_segmentor_starts_the_teacher_too():
    model = tiny_views.build_model('unimatch_v2')
    other = tiny_views.build_model('fixmatch')
    model.load_state_dict(other.state_dict(), strict=False)
    seen = []
    model.teacher.network.backbone.register_forward_pre_hook(
        lambda module, _: seen.append(module.conv1.weight.clone())
    )
    tiny.train_step(model, 0, tiny_views.batches(), tiny_views.build_optimizers(model))
    assert torch.equal(seen[0], other.backbone.conv1.weight)


def test_mistakes_are_named():
    model = tiny_views.build_model('fixmatch')
    data = tiny_views.batches()
    with pytest.raises(UserError, match='batch of one unlabeled image'):
        all_losses(model, preprocessed(model, tiny_views.batches(number=1)))
    with pytest.raises(UserError, match='PackStrongViews'):
        all_losses(model, preprocessed(model, dict(data, unlabeled=data['labeled'])))
    other = dict(data, labeled=tiny.batch((30, 30), 2, 0, True))
    with pytest.raises(UserError, match='same size'):
        all_losses(model, preprocessed(model, other))
    with pytest.raises(UserError, match='feature_dropout'):
        tiny_views.build_model('unimatch', teacher_momentum=0.9)
    with pytest.raises(UserError, match='views=3'):
        model.data_preprocessor.views = 3
        preprocessed(model, data)
