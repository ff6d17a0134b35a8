"""Settings that every test shares.

The stack is imported where it is used: the process that only distributes the tests does not wait.
"""

import copy
import functools
import gc
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# A fork leaves what it inherits to no garbage collection. The finalizer of a data loader of the
# parent raises in it; Python 3.11 parses source to show that error, and a `compile` during which
# this happens fails with "AST constructor recursion depth mismatch".
os.register_at_fork(after_in_child=gc.freeze)


def pytest_collection_finish() -> None:
    """Leaves what is imported to no garbage collection: each dataset of MMEngine asks for one."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='session', autouse=True)
def toy_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps generated data out of the user's cache, and renders it once for all processes."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if 'PYTEST_XDIST_WORKER' in os.environ else folder) / 'cache'
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('LABEL_EFFICIENT_SEG_CACHE', str(folder))
        yield


@pytest.fixture(scope='session', autouse=True)
def registered_stack() -> None:
    """Registers this package's components and mmseg's own, as its tools do."""
    import torch
    from mmengine.logging import MMLogger
    from mmseg.utils import register_all_modules

    import label_efficient_seg  # noqa: F401

    # The first logger counts the devices: it must not be made where a test feigns a GPU.
    MMLogger.get_current_instance()
    torch.set_num_threads(1)
    register_all_modules(init_default_scope=False)


@pytest.fixture(scope='session', autouse=True)
def fast_configs() -> Iterator[None]:
    """Evaluates a shipped config once, and leaves configs unformatted: both take seconds."""
    from mmengine.config import Config
    from yapf.yapflib import yapf_api

    from label_efficient_seg.core.config_index import resource_root

    read = Config.fromfile

    @functools.cache
    def read_once(filename: str, folder: str, environment: frozenset) -> Config:
        return read(filename)

    def fromfile(filename: str | Path, *args, **kwargs) -> Config:
        if args or kwargs or resource_root() / 'configs' not in Path(filename).parents:
            return read(filename, *args, **kwargs)
        environment = {pair for pair in os.environ.items() if not pair[0].startswith('PYTEST')}
        return copy.deepcopy(read_once(str(filename), os.getcwd(), frozenset(environment)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, 'fromfile', staticmethod(fromfile))
        patch.setattr(yapf_api, 'FormatCode', lambda text, **options: (text, False))
        yield


@pytest.fixture(scope='session', autouse=True)
def interruptible() -> None:
    """Lets Ctrl-C interrupt: shells start background jobs, as CI may be, with it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def fresh_state() -> None:
    """Makes a test independent of those before it."""
    import numpy as np
    import torch
    from mmengine.logging import MessageHub
    from mmengine.registry import init_default_scope
    from mmengine.visualization import Visualizer
    from mmseg.visualization import SegLocalVisualizer

    init_default_scope('mmseg')
    # Two runs of one second have one name: the second would go on with what the first has written.
    for kind in (MessageHub, Visualizer, SegLocalVisualizer):
        kind._instance_dict.clear()
    MessageHub.get_current_instance().update_info('iter', 0)
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture
def les() -> Callable:
    """Runs the command ``les`` in this process; gives its exit status."""
    from label_efficient_seg.cli.main import main

    def run(*words: object) -> int:
        try:
            return main([str(word) for word in words])
        except SystemExit as end:
            return end.code

    return run
