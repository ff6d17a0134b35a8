"""SIGN against its algorithm in plain PyTorch; who moves, what leaks, and resuming."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.dataset import BaseDataset
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.models.segmentors.stream_encoder_decoder import image_area

from . import tiny, tiny_adaptation, tiny_sign
from .plain_sign import PlainSIGN
from .tiny_sign import HIDDEN, SEEN, UNSEEN

# Arguments of the model, settings of the plain algorithm.
CASES = {
    'training': (dict(), dict(step='training')),
    'released losses': (
        dict(
            lambda_fake=0.25,
            discriminator=dict(tiny_sign.model_cfg().discriminator,
                               loss_adv=dict(type='SigmoidL1Loss')),
        ),
        dict(step='training', fake=0.25, released_loss=True),
    ),
    'GMMN': (
        dict(spatial_information=None, lambda_adv=0.0),
        dict(step='training', spatial=False, adversarial=False),
    ),
    'transfer': (
        dict(step='transfer', lambda_real=0.75, lambda_fake=0.25, interval=1, unseen_rate=4),
        dict(step='transfer', real=0.75, fake=0.25, unseen_rate=4, generator_transfer=0),
    ),
    'transfer with G': (
        dict(step='transfer', lambda_generator_transfer=1.0, interval=2),
        dict(step='transfer', unseen_rate=9, generator_transfer=1),
    ),
    'annealed': (
        dict(step='self_training', lambda_real=0.75, lambda_fake=0.25, temperature=3),
        dict(step='self_training', real=0.75, fake=0.25, temperature=3),
    ),
    'online teacher': (
        dict(step='self_training', teacher='online', temperature=3),
        dict(step='self_training', teacher='online', temperature=3),
    ),
    'three scales': (
        dict(scales=(1.0, 0.75, 0.5)),
        dict(step='training', scales=(0.75, 0.5)),
    ),
    'three scales in self-training': (
        dict(step='self_training', scales=(1.0, 0.75, 0.5), temperature=3),
        dict(step='self_training', scales=(0.75, 0.5), temperature=3),
    ),
    'no adversary for G': (
        dict(lambda_adv=0.0, lambda_adv_discriminator=1.0),
        dict(step='training', adversarial_generator=False),
    ),
    'thresholded': (
        dict(step='self_training', confidence_threshold=0.25),
        dict(step='self_training', threshold=0.25),
    ),
}  # fmt: skip


@pytest.mark.parametrize('case', CASES)
def test_iterations_equal_plain_algorithm(case):
    arguments, settings = CASES[case]
    exact = dict(type='MMDLoss', max_samples=None)
    model = tiny_sign.build_model(loss_mmd=exact, **arguments)
    model = tiny_adaptation.to_double(model).train()
    plain = PlainSIGN(model, SEEN, UNSEEN, **settings)
    optimizers = tiny_sign.build_optimizers(model)
    for iteration in range(4):
        data = tiny_sign.batch(10 * iteration)
        batch = model.data_preprocessor(copy.deepcopy(data['labeled']), True)
        torch.manual_seed(iteration)
        if settings['step'] == 'transfer' and iteration // model.interval % 2:
            expected = plain.transfer(batch['inputs'])
        else:
            sizes = [image.shape[1:] for image in data['labeled']['inputs']]
            labels = model.labels(batch['data_samples'])
            expected = plain.train(batch['inputs'], labels, sizes)
        torch.manual_seed(iteration)
        log = tiny.train_step(model, iteration, data, optimizers)

        found = {n: float(value.detach()) for n, value in log.items() if 'loss_' in n}
        if not plain.spatial:
            assert found.pop('decode.loss_kl') == 0
        assert found == pytest.approx(expected, rel=1e-8)
        for name, parameter in model.named_parameters():
            # Adam divides by gradients that may be tiny.
            torch.testing.assert_close(
                parameter, plain.p[name], atol=1e-7, rtol=1e-7, msg=lambda m, n=name: f'{n}: {m}'
            )


E_AND_SIM = {'backbone', 'decode_head', 'spatial_information'}


@pytest.mark.parametrize(
    ('arguments', 'moving'),
    [
        (dict(), [E_AND_SIM | {'generator', 'shared', 'judge', 'classifier'}]),
        (dict(lambda_adv=0.0), [E_AND_SIM | {'generator', 'shared', 'classifier'}]),
        (
            dict(step='transfer', interval=1),
            [{'generator', 'shared', 'judge', 'classifier'}, {'shared', 'classifier'}],
        ),
        (
            dict(step='transfer', interval=1, lambda_generator_transfer=1.0),
            [
                {'generator', 'shared', 'judge', 'classifier'},
                {'generator', 'shared', 'classifier'},
            ],
        ),
        (
            dict(step='self_training'),
            [E_AND_SIM | {'generator', 'shared', 'judge', 'classifier'}],
        ),
    ],
)
def test_right_parameters_move_and_all_others_stay(arguments, moving):
    # With running statistics: they are no business of the transfer step either.
    backbone = dict(tiny.model_cfg().backbone, norm_eval=False, zero_init_residual=False)
    model = tiny_sign.build_model(backbone=backbone, **arguments).train()
    optimizers = tiny_sign.build_optimizers(model)
    for iteration in range(4):
        before = copy.deepcopy(model.state_dict())
        # As the loop does.
        model.train()
        tiny.train_step(model, iteration, tiny_sign.batch(iteration), optimizers)
        moved = {
            n for n, tensor in model.state_dict().items() if not torch.equal(tensor, before[n])
        }
        expected = moving[iteration % len(moving)]
        parts = {n.split('.')[n.startswith('discriminator')] for n in moved}
        assert parts == expected
        still = {n for n, _ in model.named_parameters() if n not in moved and n != 'embeddings'}
        assert not {n for n in still if n.split('.')[n.startswith('discriminator')] in expected}


def states_after(model, batches, iterations=4):
    """State of a model after iterations with dropout, capped MMD and noise."""
    model = copy.deepcopy(model).train()
    optimizers = tiny_sign.build_optimizers(model)
    for iteration in range(iterations):
        torch.manual_seed(iteration)
        tiny.train_step(model, iteration, copy.deepcopy(batches[iteration]), optimizers)
    return model.state_dict()


@pytest.mark.parametrize('step', ['training', 'transfer', 'self_training'])
def test_labels_of_unseen_classes_do_not_leak(step):
    model = tiny_sign.build_model(
        step=step,
        interval=1,
        lambda_fake=0.25,
        lambda_generator_transfer=0.5,
        loss_mmd=dict(type='MMDLoss', max_samples=3),
        generator=dict(type='FeatureGenerator', hidden_channels=(12, 10), dropout=(0.3, 0.3)),
        discriminator=dict(type='FeatureDiscriminator', channels=14, dropout=0.5),
    )
    batches = [tiny_sign.batch(seed) for seed in range(4)]
    others = copy.deepcopy(batches)
    replaced = 0
    for batch in others:
        for sample in batch['labeled']['data_samples']:
            labels = sample.gt_sem_seg.data
            hidden = ~torch.isin(labels, torch.tensor(SEEN))
            assert hidden.any() and not hidden.all()
            random = torch.tensor(HIDDEN)[torch.randint(len(HIDDEN), labels.shape)]
            sample.gt_sem_seg.data = torch.where(hidden, random, labels)
            replaced += int((sample.gt_sem_seg.data != labels).sum())
    assert replaced > 1000
    first, second = states_after(model, batches), states_after(model, others)
    assert all(torch.equal(first[name], second[name]) for name in first)

    # The test can fail: labels of seen classes do matter.
    for sample in others[0]['labeled']['data_samples']:
        labels = sample.gt_sem_seg.data
        sample.gt_sem_seg.data = labels.masked_fill(labels == SEEN[0], SEEN[1])
    third = states_after(model, others)
    assert not torch.equal(
        first['discriminator.classifier.weight'], third['discriminator.classifier.weight']
    )


@DATASETS.register_module()
class BlocksDataset(BaseDataset):
    """Images of noise with labels in blocks."""

    METAINFO = dict(classes=('a',))

    def load_data_list(self) -> list[dict]:
        return [dict(seed=seed) for seed in range(6)]

    def prepare_data(self, idx: int) -> dict:
        batch = tiny_sign.batch(idx)['labeled']
        return {name: values[0] for name, values in batch.items()}


def run(work_dir, model, max_iters, resume=False, load_from=None):
    runner = Runner(
        load_from=load_from,
        model=model,
        work_dir=str(work_dir),
        train_dataloader=dict(
            labeled=dict(
                batch_size=2,
                num_workers=0,
                collate_fn=dict(type='pseudo_collate'),
                sampler=dict(type='InfiniteSampler', shuffle=True),
                dataset=dict(type='BlocksDataset'),
            )
        ),
        train_cfg=dict(type='StreamIterTrainLoop', max_iters=max_iters),
        optim_wrapper=tiny_sign.optimizers_cfg(),
        default_hooks=dict(checkpoint=dict(type='SafeCheckpointHook', by_epoch=False, interval=1)),
        randomness=dict(seed=3),
        resume=resume,
        log_level='WARNING',
        default_scope='mmseg',
        experiment_name=f'{work_dir.name}-{max_iters}',
    )
    runner.train()
    checkpoint = torch.load(work_dir / f'iter_{max_iters}.pth', weights_only=False)
    return checkpoint['state_dict'], checkpoint['optimizer']


@pytest.mark.parametrize(
    ('step', 'stop'), [('transfer', 3), ('transfer', 4), ('transfer', 5), ('self_training', 3)]
)
def test_resumed_run_ends_in_the_same_weights(step, stop, tmp_path):
    model = tiny_sign.model_cfg(step=step, interval=2, loss_mmd=dict(type='MMDLoss', max_samples=4))
    expected = run(tmp_path / 'whole', model, 6)
    run(tmp_path / 'parts', model, stop)
    found = run(tmp_path / 'parts', model, 6, resume=True)
    assert all(torch.equal(found[0][name], tensor) for name, tensor in expected[0].items())
    for name, optimizer in expected[1].items():
        for key, state in optimizer['state'].items():
            other = found[1][name]['state'][key]
            assert all(torch.equal(torch.as_tensor(other[k]), torch.as_tensor(v))
                       for k, v in state.items())  # fmt: skip


def test_teacher_is_the_loaded_model_and_stays_it_when_a_run_resumes(tmp_path):
    start = tmp_path / 'transfer.pth'
    before = tiny_sign.build_model(step='transfer').state_dict()
    torch.save(dict(state_dict=before), start)
    model = tiny_sign.model_cfg(step='self_training', temperature=3)
    expected, _ = run(tmp_path / 'whole', model, 4, load_from=str(start))
    run(tmp_path / 'parts', model, 2, load_from=str(start))
    found, _ = run(tmp_path / 'parts', model, 4, resume=True)
    teacher = {n for n in expected if n.startswith('teacher.')}
    parts = {name.split('.')[1] for name in teacher}
    assert parts == {'backbone', 'decode_head', 'spatial_information', 'discriminator'}
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
        if name in teacher:
            assert torch.equal(value, before[name.removeprefix('teacher.')]), name
    assert not torch.equal(expected['discriminator.classifier.weight'],
                           expected['teacher.discriminator.classifier.weight'])  # fmt: skip
    online, _ = run(tmp_path / 'online', dict(model, teacher='online'), 4, load_from=str(start))
    assert not any(name.startswith('teacher.') for name in online)
    assert not torch.equal(online['discriminator.classifier.weight'],
                           expected['discriminator.classifier.weight'])  # fmt: skip


def test_model_without_a_checkpoint_is_its_own_first_teacher():
    model = MODELS.build(tiny_sign.model_cfg(step='self_training'))
    model.init_weights()
    state = model.state_dict()
    names = [name for name in state if name.startswith('teacher.')]
    assert names
    assert all(torch.equal(state[n], state[n.removeprefix('teacher.')]) for n in names)


@torch.no_grad()
def test_prediction_by_three_scales_is_the_maximum_of_their_features():
    one, three = (tiny_sign.build_model(test_scales=s) for s in ((1.0,), (1.0, 0.75, 0.5)))
    three.load_state_dict(one.state_dict())
    one, three, images = one.eval(), three.eval(), torch.randn(2, 3, 64, 80)
    maps = []
    for size in ((64, 80), (48, 60), (32, 40)):
        resized = F.interpolate(images, size, mode='bilinear')
        maps.append(one.encode(one.extract_feat(resized)).features)
    size = maps[0].shape[2:]
    largest = torch.stack([F.interpolate(m, size, mode='bilinear') for m in maps]).max(0).values
    expected = one.discriminator(largest)[1]
    torch.testing.assert_close(three(images, mode='tensor'), expected, rtol=0, atol=1e-6)
    assert (expected - one(images, mode='tensor')).abs().max() > 0.01


def test_batch_without_seen_pixels_changes_nothing_but_by_decay():
    for step in ('training', 'self_training'):
        model = tiny_sign.build_model(step=step).train()
        data = tiny_sign.batch()
        for sample in data['labeled']['data_samples']:
            sample.gt_sem_seg.data.fill_(255)
        log = model.train_step(data, tiny_sign.build_optimizers(model))
        # All that self-training has are then its own pseudo labels.
        assert (log['decode.loss_ce'] > 0) == (step == 'self_training')
        assert all(torch.isfinite(p).all() for p in model.parameters())
        if step == 'training':
            assert all((v == 0).all() for k, v in log.items() if 'loss' in k)


def test_padding_gets_no_pseudo_label():
    model = tiny_sign.build_model(step='self_training').train()
    batch = model.data_preprocessor(tiny_sign.batch()['labeled'], True)
    size = model.encode(model.extract_feat(batch['inputs'])).features.shape[2:]
    labels, weight = model.targets(batch, size)
    rows, columns = (
        torch.arange(n) * length // n
        for n, length in zip(size, batch['inputs'].shape[2:], strict=True)
    )
    area = image_area(batch)[:, rows[:, None], columns]
    assert area.shape == labels.shape and not area.all()
    assert (labels[~area] == 255).all() and (labels[area] != 255).all()
    assert model.training
    assert weight.max() == 1 and 0 < weight.min() < 1


def test_threshold_keeps_confident_pseudo_labels_only():
    model = tiny_sign.build_model(step='self_training').train()
    batch = model.data_preprocessor(tiny_sign.batch()['labeled'], True)
    size = model.encode(model.extract_feat(batch['inputs'])).features.shape[2:]
    every, _ = model.targets(batch, size)
    numbers = []
    for threshold in (0, 0.1, 0.25, 0.5, 1):
        model.confidence_threshold = threshold
        labels, weight = model.targets(batch, size)
        assert (weight == 1).all()
        assert ((labels == every) | (labels == 255)).all()
        seen = torch.isin(every, torch.tensor(SEEN))
        assert torch.equal(labels[seen], every[seen])
        numbers.append(int((labels != 255).sum() - seen.sum()))
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) > 2
    assert numbers[-1] == 0 and numbers[0] == int((every != 255).sum() - seen.sum())


def test_prediction_is_ordinary_and_calibrated():
    model = tiny_sign.build_model().eval()
    data = tiny.batch((44, 60), 1, 0, True)
    data['data_samples'][0].set_metainfo(
        dict(ori_shape=(44, 60), img_shape=(44, 60), pad_shape=(44, 60))
    )
    # What ClassCountHook compares with the dataset.
    assert model.num_classes == model.out_channels == 7
    assert model.decode_head.num_classes == tiny_sign.CHANNELS
    result = model.test_step(copy.deepcopy(data))[0]
    assert result.seg_logits.data.shape == (7, 44, 60)
    assert result.pred_sem_seg.data.shape == (1, 44, 60)
    model.seen_bias = 2.5
    shift = result.seg_logits.data - model.test_step(copy.deepcopy(data))[0].seg_logits.data
    for label in range(7):
        expected = torch.full((44, 60), 2.5 if label in SEEN else 0.0)
        torch.testing.assert_close(shift[label], expected, atol=1e-5, rtol=0)
    # In windows as large as the image, sliding changes nothing.
    model.test_cfg = type(model.test_cfg)(mode='slide', crop_size=(44, 60), stride=(44, 60))
    slid = model.test_step(copy.deepcopy(data))[0].seg_logits.data
    torch.testing.assert_close(slid, result.seg_logits.data - shift)


@pytest.mark.parametrize(('rate', 'share'), [(0, 1 / 6), (9, 10 / 24)])
def test_unseen_classes_are_drawn_more_often(rate, share):
    labels = tiny_sign.build_model(unseen_rate=rate)._random_labels(4, 100, 100)
    counts = labels.flatten().bincount(minlength=7) / labels.numel()
    assert counts[0] == 0
    assert counts[list(UNSEEN)] == pytest.approx([share] * 2, abs=0.01)
    assert counts[list(SEEN)] == pytest.approx([(1 - 2 * share) / 4] * 4, abs=0.01)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_keeps_losses_close_and_finite(dtype):
    model = tiny_sign.build_model().train()
    # Noise in half precision is other noise.
    model.spatial_information.eval()
    batches = dict(labeled=model.data_preprocessor(tiny_sign.batch()['labeled'], True))
    logs = []
    for enabled in (False, True):
        torch.manual_seed(0)
        with torch.autocast('cpu', dtype=dtype, enabled=enabled):
            losses, encoded = model.segmentor_losses(batches, 0)
            generator, fake = model.generator_losses(encoded)
            logs.append(losses | generator | model.discriminator_losses(encoded, fake))
    for name, value in logs[1].items():
        if 'loss' in name:
            assert value.dtype == torch.float32, name
            assert float(value) == pytest.approx(float(logs[0][name]), rel=0.1, abs=0.02), name


def test_wrong_arguments_are_named():
    build = tiny_sign.build_model
    with pytest.raises(ValueError, match=r"step 'transfr' is unknown.*transfer"):
        build(step='transfr')
    for wrong in (dict(interval=0), dict(unseen_rate=-1), dict(confidence_threshold=-0.1)):
        with pytest.raises(ValueError, match='interval must be at least 1'):
            build(**wrong)
    with pytest.raises(ValueError, match='auxiliary_head=None'):
        build(auxiliary_head=tiny_sign.model_cfg().decode_head)
    with pytest.raises(ValueError, match='7 names.*num_classes=5'):
        build(decode_head=dict(tiny_sign.model_cfg().decode_head, num_classes=5))
    with pytest.raises(ValueError, match='both in unseen and in seen'):
        build(split=dict(seen=['dotted-disc'], unseen=['dotted-disc']))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(teacher='other'), "teacher 'other' is unknown; choose one of frozen, online"),
        (
            dict(scales=(0.5, 1)),
            'sizes of the image, the first of them 1',
        ),
        (dict(test_scales=()), 'test_scales of SIGN are positive sizes'),
        (dict(step='transferr'), "step 'transferr' is unknown"),
        (dict(interval=0), 'interval must be at least 1'),
        (dict(temperature=-1.0), 'interval must be at least 1, and unseen_rate, temperature'),
        (dict(auxiliary_head=dict(type='FCNHead')), 'no loss for an auxiliary head'),
    ],
)
def test_wrong_settings_are_named(options, message):
    with pytest.raises(UserError, match=message):
        tiny_sign.build_model(**options)


def test_an_image_is_encoded_for_the_size_of_its_map_only_once():
    model = tiny_sign.build_model(step='transfer', interval=1).train()
    optimizers = tiny_sign.build_optimizers(model)
    encoded = []
    model.backbone.register_forward_hook(lambda *_: encoded.append(True))
    counts = []
    for iteration in (1, 3, 2):
        encoded.clear()
        tiny.train_step(model, iteration, tiny_sign.batch(iteration), optimizers)
        counts.append(len(encoded))
    assert counts == [1, 0, 1]


def test_transfer_must_reach_generated_features():
    model = tiny_sign.build_model(step='transfer', interval=5)
    with pytest.raises(UserError, match='interval is 5, but training ends after 5 iterations'):
        model.check_schedule(5)
    model.check_schedule(6)
