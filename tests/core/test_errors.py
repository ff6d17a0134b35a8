import errno
import os
import pickle
import signal

import numpy as np
import pytest
import torch
from mmengine.registry import Registry
from mmseg.models import SegDataPreProcessor
from torch.utils.data import DataLoader, Dataset

from label_efficient_seg.core.atomic import write_atomically
from label_efficient_seg.core.errors import (
    TRACEBACK_VARIABLE,
    FileError,
    UserError,
    readable_errors,
)
from label_efficient_seg.core.weights import load_checkpoint
from label_efficient_seg.datasets.files.masks import MaskError, check_mask_layout
from label_efficient_seg.datasets.files.splits import read_split


class FaultyDataset(Dataset):
    """Fails in the worker, as masks do that are found out while training."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> None:
        check_mask_layout(np.zeros((3, 4), np.uint8), (4, 4), "mask 'a.png' of image 'a.jpg'")


class ChainedDataset(FaultyDataset):
    """Fails because of another error, with a message of two lines."""

    def __getitem__(self, index: int) -> None:
        try:
            raise KeyError('inner')
        except KeyError as error:
            raise UserError('two\nlines') from error


class DeadlyDataset(FaultyDataset):
    """Kills the worker, as the system does when the memory is full."""

    def __getitem__(self, index: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def report(capfd, function) -> str:
    with pytest.raises(SystemExit) as end, readable_errors():
        function()
    assert end.value.code == 1
    return capfd.readouterr().err


def test_own_errors_are_one_line(capfd, tmp_path):
    error = report(capfd, lambda: load_checkpoint(tmp_path / 'a.pth'))
    assert error.startswith(f"error: checkpoint '{tmp_path}/a.pth' does not exist; ")
    assert TRACEBACK_VARIABLE in error and 'Traceback' not in error
    (tmp_path / 'a.pth').write_text('')
    # Raised from another error, whose traceback is left out too.
    error = report(capfd, lambda: load_checkpoint(tmp_path / 'a.pth'))
    assert error.startswith('error: checkpoint') and 'is damaged' in error.splitlines()[0]


def test_own_errors_of_dataloader_workers_are_one_line(capfd):
    loader = DataLoader(FaultyDataset(), num_workers=1)
    error = report(capfd, lambda: next(iter(loader)))
    assert error.startswith("error: mask 'a.png' of image 'a.jpg' is 4x3 ")
    assert 'Traceback' not in error and 'File' not in error


def test_errors_of_workers_keep_their_type_and_message():
    for dataset, kind in ((FaultyDataset(), MaskError), (ChainedDataset(), UserError)):
        with pytest.raises(UserError) as direct:
            dataset[0]
        with pytest.raises(UserError) as found:
            next(iter(DataLoader(dataset, num_workers=1)))
        assert type(found.value) is kind
        assert str(found.value) == str(direct.value)


def test_errors_of_classes_that_a_registry_builds_keep_their_kind():
    registry = Registry('test')

    @registry.register_module()
    class Inner:
        def __init__(self) -> None:
            raise FileError("file 'a' is broken")

    @registry.register_module()
    class Outer:
        def __init__(self) -> None:
            registry.build(dict(type='Inner'))

    with pytest.raises(FileError) as error:
        registry.build(dict(type='Outer'))
    assert str(error.value) == "file 'a' is broken"


@pytest.mark.parametrize('kind', [UserError, *UserError.__subclasses__()])
def test_errors_are_the_built_in_ones_too(kind):
    error = kind("it's 'a', class `X` in y.py: b")
    assert str(error) == "it's 'a', class `X` in y.py: b" and error.args == (str(error),)
    assert isinstance(error, ValueError)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind and str(again) == str(error)


@pytest.mark.skipif(os.getuid() == 0, reason='root may write everywhere')
def test_a_folder_without_permission_is_one_line(capfd, tmp_path):
    tmp_path.chmod(0o500)
    error = report(capfd, lambda: write_atomically(tmp_path / 'a.png', b'1'))
    assert 'Permission denied' in error and 'change the permissions' in error


def test_a_read_only_file_system_is_one_line(capfd):
    def fail() -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), '/x/a.pth')

    assert "'/x/a.pth'; change the permissions" in report(capfd, fail)


def test_a_full_disk_is_one_line(capfd, tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'fsync', fail)
    error = report(capfd, lambda: write_atomically(tmp_path / 'a.png', b'1'))
    assert error.startswith(
        f"error: the disk is full ([Errno 28] No space left on device: '{tmp_path}"
    )
    error = report(capfd, fail)  # where another package writes
    assert error.startswith('error: the disk is full ([Errno 28] No space left on device). ')


def test_a_worker_that_dies_while_an_error_is_told_raises_no_other(capfd):
    class DeathMeanwhile(UserError):
        def __str__(self) -> str:
            os.kill(os.getpid(), signal.SIGCHLD)
            return 'the first error'

    def raise_again(*args) -> None:  # as PyTorch's handler does
        raise RuntimeError('DataLoader worker (pid 1) is killed by signal: Killed.')

    def fail() -> None:
        raise DeathMeanwhile

    before = signal.signal(signal.SIGCHLD, raise_again)
    try:
        error = report(capfd, fail)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert error.startswith('error: the first error')


def test_deaths_of_other_processes_are_one_line(capfd):
    loader = DataLoader(DeadlyDataset(), num_workers=1)
    error = report(capfd, lambda: next(iter(loader)))
    assert error.startswith('error: a worker that loads data died, ') and 'num_workers' in error

    def lose_connection() -> None:
        raise RuntimeError('[/x/gloo/transport/tcp/pair.cc:547] Connection closed by peer [::1]:9')

    error = report(capfd, lose_connection)
    assert error.startswith('error: another process of this run died; ') and 'pair.cc:547' in error


def test_batches_that_other_packages_refuse_are_one_line(capfd):
    norm, preprocessor = torch.nn.BatchNorm2d(2), SegDataPreProcessor()
    error = report(capfd, lambda: norm(torch.zeros(1, 2, 1, 1)))
    assert error.startswith('error: batch norm gets one value per channel') and '2 or more' in error
    images = [torch.zeros(3, 4, 4), torch.zeros(3, 4, 5)]
    error = report(capfd, lambda: preprocessor(dict(inputs=images)))
    assert error.startswith('error: the images of a batch differ in size') and 'to 1\n' in error


def test_variable_shows_the_traceback(tmp_path, monkeypatch):
    monkeypatch.setenv(TRACEBACK_VARIABLE, '1')
    with pytest.raises(MaskError), readable_errors():
        FaultyDataset()[0]


def broken_in_this_package() -> None:
    read_split(None)  # a TypeError inside of it, which no `raise` of it made


@pytest.mark.parametrize(
    'function', [broken_in_this_package, lambda: torch.zeros(2) + torch.zeros(3), lambda: {}['a']]
)
def test_all_other_errors_keep_their_traceback(function, capfd):
    with pytest.raises((TypeError, RuntimeError, KeyError)), readable_errors():
        function()
    assert not capfd.readouterr().err


def test_interruption(capfd):
    with pytest.raises(SystemExit) as end, readable_errors():
        raise KeyboardInterrupt
    assert end.value.code == 130 and capfd.readouterr().err == 'interrupted\n'


def test_nothing_wrong():
    with readable_errors():
        value = 3
    assert value == 3
