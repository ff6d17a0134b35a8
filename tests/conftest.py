"""Settings that every test shares."""

import random
import signal
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from mmseg.utils import register_all_modules
from yapf.yapflib import yapf_api

import label_efficient_seg  # noqa: F401 - registers the components
from label_efficient_seg.cli.main import main


@pytest.fixture(scope='session', autouse=True)
def toy_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps generated data out of the user's cache, and renders it once per session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('LABEL_EFFICIENT_SEG_CACHE', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(scope='session', autouse=True)
def registered_stack() -> None:
    """Registers mmseg's own components, as its tools do."""
    torch.set_num_threads(1)
    register_all_modules(init_default_scope=False)


@pytest.fixture(scope='session', autouse=True)
def unformatted_configs() -> Iterator[None]:
    """Leaves configs as MMEngine writes them: a run formats its config five times, for seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yapf_api, 'FormatCode', lambda text, **options: (text, False))
        yield


@pytest.fixture(scope='session', autouse=True)
def interruptible() -> None:
    """Lets Ctrl-C interrupt: shells start background jobs, as CI may be, with it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def fresh_state() -> None:
    """Makes a test independent of those before it."""
    init_default_scope('mmseg')
    MessageHub.get_current_instance().update_info('iter', 0)
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture
def les() -> Callable:
    """Runs the command ``les`` in this process; gives its exit status."""

    def run(*words: object) -> int:
        try:
            return main([str(word) for word in words])
        except SystemExit as end:
            return end.code

    return run
