"""Private names and messages of the stack: these tests fail first when it changes."""

import multiprocessing
import os
import pickle
import signal
from fractions import Fraction

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.optim import OptimWrapper
from mmengine.runner import CheckpointLoader, Runner
from mmseg.models import SegDataPreProcessor
from mmseg.registry import HOOKS
from torch.utils.data import DataLoader, Dataset

from label_efficient_seg.core import stack_internals
from tests.engine.small_run import build_runner


def refusal(path) -> Exception:
    with pytest.raises((pickle.UnpicklingError, RuntimeError)) as error:
        torch.load(path, weights_only=True)
    return error.value


def test_what_pytorch_refused(tmp_path):
    torch.save(dict(a=Fraction(1, 2)), tmp_path / 'a.pth')
    error = refusal(tmp_path / 'a.pth')
    assert stack_internals.refusal_reason(error) == (
        'Unsupported global: GLOBAL fractions.Fraction was not an allowed global by default.'
    )
    assert not stack_internals.is_unsupported_format(error)


def test_formats_that_pytorch_refuses(tmp_path):
    torch.jit.script(torch.nn.Linear(1, 1)).save(tmp_path / 'a.pth')
    error = refusal(tmp_path / 'a.pth')
    assert stack_internals.is_unsupported_format(error)
    assert stack_internals.refusal_reason(error).startswith('Cannot use safe loading with Torch')


class Broken(Dataset):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> None:
        raise FloatingPointError('a message')


class Dead(Broken):
    def __getitem__(self, index: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_errors_of_workers():
    with pytest.raises(FloatingPointError) as error:
        next(iter(DataLoader(Broken(), num_workers=1)))
    assert stack_internals.original_message(str(error.value), FloatingPointError) == 'a message'
    with pytest.raises(RuntimeError) as error:
        next(iter(DataLoader(Dead(), num_workers=1)))
    assert stack_internals.is_dead_worker(error.value)
    assert not stack_internals.is_dead_process(error.value)


def leave(rank: int, address: str) -> None:
    torch.distributed.init_process_group('gloo', init_method=address, rank=rank, world_size=2)
    if rank == 0:
        os._exit(0)
    try:
        for _ in range(100):
            torch.distributed.all_reduce(torch.zeros(1))
    except Exception as error:
        os._exit(10 + stack_internals.is_dead_process(error))


def test_errors_of_processes_that_lose_another(tmp_path):
    context = multiprocessing.get_context('fork')
    address = f'file://{tmp_path}/store'
    processes = [context.Process(target=leave, args=(rank, address)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert processes[1].exitcode == 11


def test_text_that_mmengine_puts_before_a_message():
    text = 'class `A` in mmseg/a.py: class `B` in b/c.py: a message: class `C` in d.py: e'
    found = stack_internals.original_message(text, ValueError)
    assert found == 'a message: class `C` in d.py: e'


@pytest.mark.parametrize(
    ('kind', 'name'),
    [
        ('torchvision', 'resnet50'),
        ('modelzoo', 'vgg16_bn'),
        ('open-mmlab', 'resnet50_v1c'),
        ('openmmlab', 'detectron2/resnet101_caffe'),
        ('mmcls', 'vgg16'),
    ],
)
def test_lists_of_weights(kind, name):
    assert stack_internals.zoo_urls(kind)[name].startswith('https://')


def test_files_beside_a_list_of_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path))
    (tmp_path / 'open_mmlab.json').write_text('{"mine": "my/net.pth"}')
    assert stack_internals.zoo_urls('open-mmlab')['mine'] == str(tmp_path / 'my' / 'net.pth')


def test_schemes_of_checkpoints():
    """A scheme that MMEngine adds would be read by its own loader."""
    assert set(CheckpointLoader._schemes) == {
        '',
        'http://',
        'https://',
        'modelzoo://',
        'torchvision://',
        'open-mmlab://',
        'openmmlab://',
        'mmcls://',
        'pavi://',
        r'(\S+\:)?s3://',
        r'(\S+\:)?petrel://',
    }


def test_dictionary_of_a_config():
    cfg = Config(dict(model=dict(a=1)))
    stack_internals.config_dict(cfg)['model']['a'] = 2
    assert cfg.model.a == 2


@pytest.mark.parametrize(
    ('text', 'value'), [('1', 1), ('a', 'a'), ('[1,(a,b)]', [1, ('a', 'b')]), ('True', True)]
)
def test_values_of_options(text, value):
    assert stack_internals.parse_option(text) == value


def test_unbalanced_options():
    with pytest.raises(AssertionError):
        stack_internals.parse_option('[1,(a]')


@pytest.mark.parametrize('resume', [False, True])
def test_what_a_runner_loads(tmp_path, resume):
    runner = build_runner(tmp_path, load_from='a.pth', resume=resume)
    assert stack_internals.is_finetuning(runner) is not resume
    assert stack_internals.is_resuming(runner) is resume
    assert stack_internals.loaded_from(runner) == 'a.pth'


def test_parts_of_the_checkpoint_hook_that_ours_replaces(tmp_path):
    """Their names, their arguments and the state that they leave."""
    calls = []

    class Hook(CheckpointHook):
        def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
            calls.append(step)
            super()._save_checkpoint_with_step(runner, step, meta)

        def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
            calls.append(metrics)
            super()._save_best_checkpoint(runner, metrics)

    HOOKS.register_module(name='WatchedCheckpointHook', module=Hook, force=True)
    options = dict(type='WatchedCheckpointHook', max_keep_ckpts=2, save_best=['mIoU', 'aAcc'])
    runner = build_runner(
        tmp_path, checkpoint=dict(options, rule='greater'), scores=[1.0, 2.0, 1.0]
    )
    runner.train()
    # Saved, validated, and saved again with what the validation found.
    scores = [dict(mIoU=score, aAcc=score) for score in (1.0, 2.0, 1.0)]
    assert calls == [2, scores[0], 2, 4, scores[1], 4, 6, scores[2]]
    hook = next(hook for hook in runner.hooks if isinstance(hook, Hook))
    assert list(hook.keep_ckpt_ids) == runner.message_hub.get_info('keep_ckpt_ids') == [4, 6]
    assert hook.out_dir == str(tmp_path) and hook.last_ckpt == str(tmp_path / 'iter_6.pth')
    best = {key: str(tmp_path / f'best_{key}_iter_4.pth') for key in ('mIoU', 'aAcc')}
    assert hook.best_ckpt_path_dict == best and hook.key_indicators == ['mIoU', 'aAcc']
    assert runner.message_hub.get_info('best_ckpt_mIoU') == best['mIoU']
    assert hook.file_backend.isfile(best['mIoU'])


def test_counters_of_the_train_loop_that_ours_reads(tmp_path):
    runner = build_runner(tmp_path)
    runner.train()
    assert runner.train_loop._iter == runner.train_loop._max_iters == 6


def test_single_value_of_batch_norm():
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is what is tested
        torch.nn.BatchNorm2d(2)(torch.zeros(1, 2, 1, 1))
    assert stack_internals.is_single_value(error.value)
    assert not stack_internals.is_single_value(ValueError('another'))


def test_mixed_sizes_of_an_evaluation():
    with pytest.raises(AssertionError) as error:
        SegDataPreProcessor()(dict(inputs=[torch.zeros(3, 4, 4), torch.zeros(3, 4, 5)]))
    assert stack_internals.is_mixed_sizes(error.value)
    assert not stack_internals.is_mixed_sizes(AssertionError('another'))


def test_backward_passes_that_accumulation_does_not_count():
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = OptimWrapper(torch.optim.SGD([weight], 1.0), accumulative_counts=2)
    optimizer.initialize_count_status(torch.nn.Linear(1, 1), 0, 10)
    optimizer.backward(weight.sum())
    with stack_internals.uncounted(optimizer):
        optimizer.backward(weight.sum())
    assert weight.grad.item() == 2 and not optimizer.should_update()
    assert stack_internals.will_update(optimizer)
    assert not optimizer.should_update()
    optimizer.backward(weight.sum())
    assert optimizer.should_update() and not stack_internals.will_update(optimizer)


def test_batches_are_copied_without_waiting(monkeypatch):
    preprocessor, asked = SegDataPreProcessor(), []
    monkeypatch.setattr(torch.Tensor, 'to', lambda self, *a, **options: asked.append(options))
    preprocessor.cast_data([torch.zeros(1)])
    stack_internals.copy_without_waiting(preprocessor)
    preprocessor.cast_data([torch.zeros(1)])
    assert asked == [dict(non_blocking=False), dict(non_blocking=True)]


def test_a_config_is_formatted_once(monkeypatch):
    calls = []

    def format_code(text: str, style_config: dict) -> tuple[str, bool]:
        calls.append(text)
        return f'# {len(calls)} {style_config["based_on_style"]}\n{text}', True

    monkeypatch.setattr(stack_internals.formatter(), 'FormatCode', format_code)
    stack_internals.format_configs_once()
    stack_internals.format_configs_once()
    first, second = Config(dict(a=1)), Config(dict(a=2))
    assert first.pretty_text == Config(dict(a=1)).pretty_text == '# 1 pep8\na=1'
    assert second.pretty_text == '# 2 pep8\na=2' and len(calls) == 2
