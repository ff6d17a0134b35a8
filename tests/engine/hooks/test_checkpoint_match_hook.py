from types import SimpleNamespace

import pytest
import torch
from mmseg.models import EncoderDecoder, SegTTAModel
from torch import nn

from label_efficient_seg.engine.hooks import CheckpointMatchHook
from label_efficient_seg.models.wrappers import StreamDataParallel
from tests.engine.small_run import build_runner
from tests.models import tiny


def load(model: nn.Module, checkpoint: dict, training: bool = False, resume: bool = False) -> None:
    """What the runner does with a checkpoint that is already in memory."""
    runner = SimpleNamespace(
        model=model, _train_loop={} if training else None, _resume=resume, _load_from='file.pth'
    )
    CheckpointMatchHook().after_load_checkpoint(runner, checkpoint)


def plain_model() -> EncoderDecoder:
    keys = 'backbone', 'decode_head', 'data_preprocessor', 'test_cfg'
    return EncoderDecoder(**{key: tiny.model_cfg()[key] for key in keys})


@pytest.fixture(scope='module')
def weights() -> dict:
    return tiny.build_model().state_dict()


@pytest.mark.parametrize('wrap', [lambda m: m, StreamDataParallel, SegTTAModel])
def test_own_checkpoint_is_accepted_by_wrapped_models(weights, wrap):
    model = wrap(tiny.build_model())
    load(model, dict(state_dict=weights))
    load(model, dict(state_dict={f'module.{name}': t for name, t in weights.items()}))
    load(model, weights)  # without the checkpoint around it


def test_plain_model_loads_an_adversarial_checkpoint(weights):
    load(plain_model(), dict(state_dict=weights))


def test_counters_of_batch_norm_may_be_missing(weights):
    load(tiny.build_model(), {n: t for n, t in weights.items() if 'num_batches' not in n})


@pytest.mark.parametrize('training_and_resume', [(False, False), (True, True)])
def test_missing_and_differing_tensors_are_named(weights, training_and_resume):
    state = dict(weights)
    del state['backbone.conv1.weight']
    state['decode_head.convs.0.weight'] = torch.zeros(5, 32, 3, 3)
    with pytest.raises(ValueError) as error:
        load(tiny.build_model(), dict(state_dict=state), *training_and_resume)
    message = str(error.value)
    assert "'file.pth' is of another model than AdvSemiSeg" in message
    assert '1 of ' in message and 'are missing, 1 differ' in message
    assert 'backbone.conv1.weight is missing' in message
    assert 'is (5, 32, 3, 3), the model has (3, 32, 3, 3)' in message


def test_layers_that_a_part_of_the_model_lacks_are_named(weights):
    more = dict(weights, **{'decode_head.convs.9.weight': torch.zeros(3, 32, 3, 3)})
    with pytest.raises(ValueError, match=r'1 are too many \(decode_head.convs.9.weight is not in'):
        load(tiny.build_model(), dict(state_dict=more))
    load(tiny.build_model(), dict(state_dict=more), training=True)  # fine-tuning


def test_plain_checkpoint_is_refused_by_an_adversarial_model():
    # Testing would be harmless, resuming would start a new discriminator without a word.
    with pytest.raises(ValueError, match='discriminator'):
        load(tiny.build_model(), dict(state_dict=plain_model().state_dict()), True, True)


def test_fine_tuning_needs_one_match(weights):
    other_classes = dict(weights)
    other_classes['decode_head.convs.0.weight'] = torch.zeros(5, 32, 3, 3)
    load(tiny.build_model(), dict(state_dict=other_classes), training=True)
    load(tiny.build_model(), dict(state_dict=plain_model().state_dict()), training=True)
    foreign = {f'other.{name}': t for name, t in weights.items()}
    with pytest.raises(ValueError, match=r'another model.*model\.backbone\.init_cfg'):
        load(tiny.build_model(), dict(state_dict=foreign), training=True)


def test_fine_tuning_needs_most_of_the_backbone(weights):
    kernels = [n for n, t in weights.items() if n.startswith('backbone.') and t.ndim > 1]
    few = {n: t for n, t in weights.items() if n not in kernels[: len(kernels) // 4 + 1]}
    message = (
        rf"'file.pth' is of another network: \d of the {len(kernels)} kernels of the backbone .* "
        rf'such as {kernels[0]}; use the config it was trained with'
    )
    with pytest.raises(ValueError, match=message):
        load(tiny.build_model(), dict(state_dict=few), training=True)
    # A head alone may come to a backbone that has weights of its own.
    head = {n: t for n, t in weights.items() if n.startswith('decode_head.')}
    load(tiny.build_model(), dict(state_dict=head), training=True)


def test_runner_stops_before_training(tmp_path):
    torch.save(dict(state_dict=dict(weight=torch.zeros(7))), tmp_path / 'other.pth')
    runner = build_runner(
        tmp_path / 'run',
        hooks=[dict(type='CheckpointMatchHook')],
        load_from=str(tmp_path / 'other.pth'),
    )
    with pytest.raises(ValueError, match=r'other.pth.*weight is \(7,\), the model has \(1,\)'):
        runner.train()
    assert not list((tmp_path / 'run').glob('*.pth'))
