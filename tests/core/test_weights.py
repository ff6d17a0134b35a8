"""Loading of files that are good, broken or malicious."""

import copy
import errno
import os
import pickle
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.runner import load_checkpoint as load_into_model
from safetensors.torch import save_file

from label_efficient_seg.core.weights import (
    archive_fault,
    check_finite,
    load_checkpoint,
    save_checkpoint,
    trusting_checkpoints,
)
from tests.engine.small_run import build_runner


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.target,)


def through_runner(path: Path) -> None:
    build_runner(path.parent / 'run').load_checkpoint(str(path))


def through_pretrained(path: Path) -> None:
    model = BaseModule(init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    model.init_weights()


LOADERS: dict[str, Callable] = {
    'file': load_checkpoint,
    'mmengine': lambda path: load_into_model(torch.nn.Linear(1, 1), str(path)),
    'runner': through_runner,
    'pretrained': through_pretrained,
}
FORMATS: dict[str, Callable] = {
    'zip': torch.save,
    'legacy': lambda obj, path: torch.save(obj, path, _use_new_zipfile_serialization=False),
    'pickle': lambda obj, path: path.write_bytes(pickle.dumps(obj, protocol=2)),
}


@pytest.mark.parametrize('file_format', FORMATS)
@pytest.mark.parametrize('loader', LOADERS)
def test_malicious_file_does_not_run(tmp_path, loader, file_format):
    path, target = tmp_path / 'evil.pth', tmp_path / 'it_ran'
    FORMATS[file_format](dict(payload=Payload(target), state_dict=dict(w=torch.zeros(1))), path)
    with pytest.raises(ValueError) as error, trusting_checkpoints(False):
        LOADERS[loader](path)
    assert not target.exists()
    message = str(error.value)
    assert repr(str(path)) in message and '--trust-checkpoint' in message
    assert 'mkdir' in message and 'weights_only' not in message and '\n' not in message
    # The file is what it pretends to be: who trusts it runs it.
    if file_format != 'pickle':  # plain pickles are no checkpoints, PyTorch does not read them
        with trusting_checkpoints():
            LOADERS[loader](path)
        target.rmdir()
        # The permission ended with the block.
        with pytest.raises(ValueError):
            LOADERS[loader](path)
        assert not target.exists()


@pytest.mark.parametrize('file_format', ['zip', 'legacy'])
def test_harmless_objects_of_other_kinds_are_named(tmp_path, file_format):
    FORMATS[file_format](dict(a=Fraction(1, 2)), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'GLOBAL fractions\.Fraction was not an allowed') as e:
        load_checkpoint(tmp_path / 'a.pth')
    assert 'weights_only' not in str(e.value) and 'Please' not in str(e.value)
    assert load_checkpoint(tmp_path / 'a.pth', trust=True) == dict(a=Fraction(1, 2))


def test_mmengines_own_checkpoint_loads(tmp_path):
    build_runner(tmp_path).train()
    loaded = load_checkpoint(str(tmp_path / 'iter_6.pth'))
    history = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(history, HistoryBuffer)
    assert history.data[0].tolist() == [0, -1, -2, -3, -4, -5]
    assert history.mean() == -2.5 and history.statistics('current') == -5
    assert loaded['state_dict']['weight'] == 6
    resumed = build_runner(tmp_path / 'on', load_from=str(tmp_path / 'iter_4.pth'), resume=True)
    resumed.train()
    assert resumed.iter == 6


def test_numpy_values_load(tmp_path):
    values = [np.float64(1.5), np.int64(-3), np.arange(6, dtype=np.uint8), np.array([True, False])]
    torch.save(dict(values=values), tmp_path / 'a.pth')
    for found, value in zip(load_checkpoint(tmp_path / 'a.pth')['values'], values, strict=True):
        assert type(found) is type(value) and np.array_equal(found, value)


class Lookup:
    """Unpickles as `getattr(owner, name)`."""

    def __init__(self, owner: object, name: str) -> None:
        self.owner, self.name = owner, name

    def __reduce__(self) -> tuple:
        return getattr, (self.owner, self.name)


@pytest.mark.parametrize(
    ('owner', 'name'), [(HistoryBuffer, '__init__'), (np.ndarray, 'mean'), (HistoryBuffer, 'data')]
)
def test_lookups_of_anything_else_are_refused(tmp_path, owner, name):
    torch.save(dict(a=Lookup(owner, name)), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=f'look up {name!r}'):
        load_checkpoint(tmp_path / 'a.pth')
    torch.save(dict(a=Lookup(HistoryBuffer, 'mean')), tmp_path / 'b.pth')
    assert load_checkpoint(tmp_path / 'b.pth') == dict(a='mean')


def saved(path: Path) -> Path:
    torch.save(dict(state_dict=dict(w=torch.randn(100))), path)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(saved(path).read_bytes()[:-200])
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    'make',
    [
        cut,
        lambda path: text(path, ''),
        lambda path: text(path, '<html>404: not found</html>'),
        lambda path: text(path, 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n'),
    ],
    ids=['truncated', 'empty', 'web page', 'pointer'],
)
@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_damaged_files_are_named(tmp_path, make, suffix):
    path = make(tmp_path / f'a{suffix}')
    with pytest.raises(ValueError, match=rf'{path}.* is damaged or incomplete \([\d,]+ bytes\)'):
        load_checkpoint(path)


@pytest.mark.parametrize('legacy', [False, True])
def test_no_damage_ends_in_another_type_of_error(tmp_path, legacy):
    path, rng = saved(tmp_path / 'a.pth'), np.random.default_rng(0)
    if legacy:
        torch.save(torch.load(path), path, _use_new_zipfile_serialization=False)
    content = np.frombuffer(path.read_bytes(), np.uint8)
    failed = 0
    for _ in range(60):
        broken = content.copy()
        broken[rng.integers(0, len(content), 4)] ^= np.uint8(1 << rng.integers(0, 8))
        path.write_bytes(broken[: rng.integers(1, 2 * len(content))].tobytes())
        try:
            load_checkpoint(path)
        except ValueError as error:
            assert str(error).startswith(f'checkpoint {str(path)!r} ')
            failed += 1
    assert failed > 30


@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors', 'folder'])
def test_missing_files_are_named(tmp_path, name):
    (tmp_path / 'folder').mkdir()
    with pytest.raises(FileNotFoundError, match=f'{tmp_path / name}.* does not exist'):
        load_checkpoint(tmp_path / name)


def test_other_objects_are_named(tmp_path):
    torch.save(torch.zeros(3), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='holds a Tensor instead of a dict'):
        load_checkpoint(tmp_path / 'a.pth')


def test_safetensors(tmp_path):
    weights = dict(weight=torch.randn(2, 3), bias=torch.randn(2))
    save_file(weights, tmp_path / 'a.safetensors')
    loaded = load_checkpoint(tmp_path / 'a.safetensors')
    assert loaded.keys() == {'state_dict'} and loaded['state_dict'].keys() == weights.keys()
    model = torch.nn.Linear(3, 2)
    load_into_model(model, str(tmp_path / 'a.safetensors'))
    assert torch.equal(model.weight, weights['weight']) and torch.equal(model.bias, weights['bias'])


def test_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    saved(tmp_path / 'a.pth')
    assert load_checkpoint('~/a.pth')['state_dict']['w'].shape == (100,)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'fsync', fail)
    with pytest.raises(OSError, match='No space left') as error:
        save_checkpoint(tmp_path / 'a.pth', dict(w=torch.zeros(2)))
    assert error.value.errno == errno.ENOSPC and not list(tmp_path.iterdir())


@pytest.mark.parametrize('value', [float('nan'), float('inf'), float('-inf')])
def test_weights_that_are_not_finite_are_refused(value):
    state = dict(good=torch.ones(2), bad=torch.tensor([1, value]), steps=torch.tensor(3), meta='x')
    with pytest.raises(FloatingPointError, match=r"'a.pth'.* 1 of 4 tensors \(bad\)"):
        check_finite(state, 'a.pth')
    check_finite(dict(good=torch.ones(2), steps=torch.tensor(3)), 'a.pth')


@pytest.mark.parametrize(
    ('name', 'sound'), [('archive/code/x.py', True), ('archive/data/code/0', False)]
)
def test_only_the_code_of_torchscript_may_be_compressed(tmp_path, name, sound):
    path = tmp_path / 'a.pth'
    torch.save(dict(weight=torch.ones(2)), path)
    with zipfile.ZipFile(path, 'a', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(100_000))
    assert (archive_fault(path) is None) == sound


def test_tensors_that_claim_more_than_the_file_holds(tmp_path):
    path, few = tmp_path / 'a.pth', torch.zeros(1)
    for tensor in (
        few.expand(10**13),
        few.expand(2**40, 2**20),
        torch.zeros(3, device='meta'),
        torch.eye(3).to_sparse(),
    ):
        torch.save(dict(state_dict=dict(w=tensor)), path)
        with pytest.raises(ValueError, match='is damaged or incomplete'):
            load_checkpoint(path)
        torch.save(dict(optimizer=dict(state={0: [tensor]})), path)
        with pytest.raises(ValueError, match='is damaged or incomplete'):
            load_checkpoint(path)
    torch.save(dict(w=few.expand(100), half=torch.arange(10.0)[::2]), path)
    assert load_checkpoint(path)['w'].shape == (100,)


def test_parts_of_an_archive_are_as_many_as_its_names(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(dict(weight=torch.ones(2)), path)
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith('data/0'))
    with zipfile.ZipFile(path, 'a') as archive, pytest.warns(UserWarning, match='Duplicate'):
        archive.writestr(name, bytes(8))
    assert archive_fault(path) == 'two of its parts have one name'


def test_parts_of_an_archive_do_not_overlap(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(dict(weight=torch.ones(1000)), path)
    with zipfile.ZipFile(path, 'a') as archive:
        part = next(part for part in archive.infolist() if part.filename.endswith('data/0'))
        for number in range(5):
            again = copy.copy(part)
            again.filename = f'{part.filename}{number}'
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
        archive._didModify = True
    assert archive_fault(path) == 'its parts overlap'


@pytest.mark.parametrize('state', [[1], 'x', {3: torch.ones(1)}, {('a', 'b'): torch.ones(1)}])
def test_weights_without_names_are_refused(tmp_path, state):
    torch.save(dict(state_dict=state), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'save model.state_dict\(\)'):
        load_checkpoint(tmp_path / 'a.pth')
