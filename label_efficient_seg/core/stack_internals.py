"""What this package uses of the stack beyond its documented interfaces.

Private names and the wording of messages of PyTorch, MMEngine, MMCV and MMSegmentation stand here
and nowhere else. ``tests/core/test_stack_internals.py`` has one test for each, which fails first
when the stack changes.
"""

import pickle
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, DictAction
from mmengine.config import config as config_module
from mmengine.model import BaseDataPreprocessor
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmengine.runner import checkpoint as mmengine_checkpoint

# --- PyTorch: messages of torch.load(weights_only=True) ---


def is_unsupported_format(error: Exception) -> bool:
    """Whether PyTorch refuses a file since its format (TorchScript, tar) always runs code."""
    return str(error).startswith('Cannot use ``weights_only=True``')


def refusal_reason(error: Exception) -> str:
    """What PyTorch's restricted unpickler refused, without its advice to switch it off."""
    if not isinstance(error, pickle.UnpicklingError):
        return str(error).partition('. ')[0].replace('``weights_only=True``', 'safe loading')
    text = str(error).partition('\n\nCheck the documentation')[0].strip().splitlines()[-1]
    return text.strip().removeprefix('WeightsUnpickler error: ').partition(' Please use ')[0]


# --- PyTorch: errors of other processes ---


def original_message(text: str, kind: type[Exception]) -> str:
    """What an error said before PyTorch or MMEngine made another one of the same type from it.

    Args:
        text (str): Text of the new error. PyTorch gives an error of a worker the traceback as its
            text; MMEngine puts ``class `X` in x.py:`` before it, in some of its releases.
        kind (type[Exception]): Type of both.
    """
    if text.startswith(f'Caught {kind.__name__} in ') and 'Original Traceback' in text:
        # The last of the tracebacks, if the error was raised from another one.
        *_, last = re.finditer(rf'^(?:\w+\.)*{kind.__name__}: ', text, re.MULTILINE)
        text = text[last.end() :].strip()
    return re.sub(r'^(class `\w+` in \S+\.py: )+', '', text)


def is_dead_worker(error: Exception) -> bool:
    """Whether a data loader found one of its workers dead."""
    return isinstance(error, RuntimeError) and str(error).startswith('DataLoader worker (pid')


def is_dead_process(error: Exception) -> bool:
    """Whether a process of a distributed run found another one dead."""
    if isinstance(error, torch.distributed.DistError):
        return True
    # The backend for CPUs raises the base class.
    lost = r'gloo/transport.* by peer|remote process exited'
    return isinstance(error, RuntimeError) and bool(re.search(lost, str(error)))


def is_single_value(error: Exception) -> bool:
    """Whether batch norm finds a single value of a channel in training."""
    return isinstance(error, ValueError) and str(error).startswith('Expected more than 1 value per')


# --- MMSegmentation: messages ---


def is_mixed_sizes(error: Exception) -> bool:
    """Whether the images of a batch of an evaluation differ in size."""
    return isinstance(error, AssertionError) and str(error) == (
        'The image size in a batch should be the same.'
    )


# --- MMEngine: lists of pretrained weights ---


def zoo_urls(kind: str) -> Mapping[str, str]:
    """Names of pretrained weights, and their addresses or files.

    Args:
        kind (str): ``torchvision``, ``modelzoo``, ``open-mmlab``, ``openmmlab`` or ``mmcls``.
    """
    if kind in ('torchvision', 'modelzoo'):
        return mmengine_checkpoint.get_torchvision_models()
    if kind == 'mmcls':
        return mmengine_checkpoint.get_mmcls_models()
    home = Path(mmengine_checkpoint._get_mmengine_home())
    urls = {
        # A list of the user's own may name files beside it.
        name: url if '://' in url else str(home / url)
        for name, url in mmengine_checkpoint.get_external_models().items()
    }
    renamed = mmengine_checkpoint.get_deprecated_model_names()
    return urls | {old: urls[new] for old, new in renamed.items() if new in urls}


def strip_backbone(checkpoint: dict) -> dict:
    """The backbone of a classifier of MMPretrain, under the names that backbones have."""
    state = checkpoint.get('state_dict', checkpoint)
    prefix = 'backbone.'
    return dict(state_dict={k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)})


# --- MMEngine: configs and their options ---


def config_dict(cfg: Config) -> dict:
    """The dictionary of a config itself; its items can be changed in place."""
    return cfg._cfg_dict


def formatter() -> Any:
    """The module in which MMEngine looks for yapf's function: upstream its own."""
    if hasattr(config_module, 'FormatCode'):
        return config_module
    from yapf.yapflib import yapf_api

    return yapf_api


def format_configs_once() -> None:
    """Let MMEngine format equal texts of configs once.

    A run formats its config at its start four times, and for each checkpoint once more; each takes
    a second or more.
    """
    module = formatter()
    format_code = module.FormatCode
    if hasattr(format_code, 'formatted'):
        return
    formatted: dict[tuple[str, str], tuple[str, bool]] = {}

    def format_once(text: str, **options: Any) -> tuple[str, bool]:
        key = text, repr(options)
        if key not in formatted:
            formatted.clear()  # a process has one config at a time
            formatted[key] = format_code(text, **options)
        return formatted[key]

    format_once.formatted = formatted  # type: ignore[attr-defined]
    module.FormatCode = format_once


def parse_option(text: str) -> Any:
    """The value that ``--cfg-options KEY=TEXT`` gives.

    Raises:
        AssertionError: If brackets are not balanced.
    """
    return DictAction._parse_iterable(text)


# --- MMEngine: what a runner loads ---


def is_finetuning(runner: Runner) -> bool:
    """Whether a runner trains from weights that it loads, without resuming."""
    return runner._train_loop is not None and not runner._resume


def is_resuming(runner: Runner) -> bool:
    """Whether a runner goes on with a training."""
    return runner._train_loop is not None and bool(runner._resume)


def loaded_from(runner: Runner) -> str | None:
    """The checkpoint that a runner resumes, tests or starts from."""
    return runner._load_from


# --- MMEngine: gradient accumulation ---


@contextmanager
def uncounted(optim_wrapper: OptimWrapper) -> Iterator[None]:
    """Backward passes through a wrapper that gradient accumulation does not count."""
    count = optim_wrapper._inner_count
    yield
    optim_wrapper._inner_count = count


def will_update(optim_wrapper: OptimWrapper) -> bool:
    """Whether the parameters are to be updated after one more backward pass."""
    with uncounted(optim_wrapper):
        optim_wrapper._inner_count += 1
        return optim_wrapper.should_update()


# --- MMEngine: copies to the device ---


def copy_without_waiting(data_preprocessor: BaseDataPreprocessor) -> None:
    """Let batches be copied to the device while it works; MMSeg's preprocessor has no option."""
    data_preprocessor._non_blocking = True
