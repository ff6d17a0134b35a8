"""Checkpoints that are broken or hostile."""

import io
import json
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from safetensors.torch import save

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.core.weights import archive_fault, load_checkpoint
from label_efficient_seg.engine.checkpoint import latest_checkpoint
from tests.fuzzing.mutations import check_reader, mutations

# What NumPy, PyTorch and Pillow warn of before they fail is not what is tested.
pytestmark = pytest.mark.filterwarnings('ignore')

REFUSED = r'holds more than tensors and plain containers and was not loaded'


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.target,)


def as_checkpoint() -> dict[str, Any]:
    """All that MMEngine writes into a checkpoint, in small."""
    weight = torch.arange(6.0).reshape(2, 3)
    moments = {0: dict(step=torch.tensor(3.0), exp_avg=torch.ones(2, 3))}
    return dict(
        state_dict={'backbone.weight': weight, 'backbone.count': torch.tensor(5)},
        optimizer=dict(state=moments, param_groups=[dict(lr=0.1, params=[0])]),
        param_schedulers=[dict(last_step=3)],
        meta=dict(iter=4, cfg='model = dict()', dataset_meta=dict(classes=('a', 'b'))),
        message_hub=dict(log_scalars={'train/loss': HistoryBuffer([1.0, 2.0], [1, 1])}),
    )


def as_zip(checkpoint: Any) -> bytes:
    file = io.BytesIO()
    torch.save(checkpoint, file)
    return file.getvalue()


def as_legacy(checkpoint: Any) -> bytes:
    file = io.BytesIO()
    torch.save(checkpoint, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def as_pickle(checkpoint: Any) -> bytes:
    return pickle.dumps(checkpoint, protocol=2)


def as_tar(checkpoint: Any) -> bytes:
    """As the first versions of PyTorch wrote them."""
    file, number = io.BytesIO(), pickle.dumps(0, protocol=2)
    parts = dict(sys_info=pickle.dumps({}, 2), pickle=as_pickle(checkpoint))
    parts.update(storages=number, tensors=number)
    with tarfile.open(fileobj=file, mode='w') as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


CONTAINERS: dict[str, Callable[[Any], bytes]] = {
    'zip': as_zip,
    'legacy': as_legacy,
    'pickle': as_pickle,
    'tar': as_tar,
}


def hide_in(checkpoint: dict, place: str, payload: Any) -> Any:
    """Put something into a checkpoint."""
    if place == 'the whole':
        return payload
    if place == 'a key':
        return {**checkpoint, payload: 1}
    node = checkpoint
    *parents, last = place.split('/')
    for name in parents:
        node = node[int(name) if name.isdigit() else name]
    if isinstance(node, HistoryBuffer):
        vars(node)[last] = payload
    else:
        node[last] = payload
    return checkpoint


@pytest.mark.parametrize('container', CONTAINERS)
@pytest.mark.parametrize(
    'place',
    [
        'the whole',
        'a key',
        'other',
        'state_dict/backbone.bias',
        'optimizer/state/0/exp_avg',
        'optimizer/param_groups/0/lr',
        'param_schedulers/0/lr_lambda',
        'meta/cfg',
        'meta/dataset_meta/palette',
        'message_hub/runtime_info',
        'message_hub/log_scalars/train_loss',
    ],
)
def test_no_code_is_run(tmp_path, container, place):
    path, target = tmp_path / 'evil.pth', tmp_path / 'it_ran'
    checkpoint = as_checkpoint()
    if container in ('pickle', 'tar'):  # they have no place for tensors
        checkpoint = dict(
            state_dict={},
            optimizer=dict(state={0: {}}, param_groups=[{}]),
            param_schedulers=[{}],
            meta=dict(dataset_meta={}),
            message_hub=dict(log_scalars={}),
        )
    path.write_bytes(CONTAINERS[container](hide_in(checkpoint, place, Payload(target))))
    with pytest.raises(ValueError, match=REFUSED) as error:
        load_checkpoint(path)
    assert not target.exists()
    assert repr(str(path)) in str(error.value) and '--trust-checkpoint' in str(error.value)
    assert 'weights_only' not in str(error.value)


@pytest.mark.parametrize('container', ['zip', 'legacy'])
@pytest.mark.parametrize('attribute', ['_log_history', '_statistics_methods', 'other'])
def test_no_code_is_run_in_the_history_of_a_log(tmp_path, container, attribute):
    path, target = tmp_path / 'evil.pth', tmp_path / 'it_ran'
    place = f'message_hub/log_scalars/loss/{attribute}'
    checkpoint = as_checkpoint()
    checkpoint['message_hub']['log_scalars'] = dict(loss=HistoryBuffer([1.0], [1]))
    path.write_bytes(CONTAINERS[container](hide_in(checkpoint, place, Payload(target))))
    with pytest.raises(ValueError, match=REFUSED):
        load_checkpoint(path)
    assert not target.exists()


def test_no_code_is_run_in_a_program(tmp_path):
    path = tmp_path / 'a.pth'
    torch.jit.script(torch.nn.Linear(1, 1)).save(path)
    with pytest.raises(ValueError, match=f'{REFUSED}.*TorchScript'):
        load_checkpoint(path)


def is_checkpoint(found: Any) -> bool:
    return isinstance(found, dict)


@pytest.mark.parametrize('container', CONTAINERS)
def test_broken(tmp_path, container):
    valid = CONTAINERS[container](as_checkpoint() if container in ('zip', 'legacy') else {'a': 1})
    path = tmp_path / 'a.pth'
    contents = mutations(valid)
    assert check_reader(load_checkpoint, path, contents, is_checkpoint, UserError) > 50


@pytest.mark.parametrize('container', ['zip', 'legacy'])
def test_sizes_that_lie(tmp_path, container):
    """Tensors that claim to be larger than what the file holds of them."""
    numbers = (300).to_bytes(2, 'little')
    valid = CONTAINERS[container](dict(state_dict=dict(w=torch.zeros(300))))
    assert b'M' + numbers in valid
    path = tmp_path / 'a.pth'
    for size in (301, 10**6, 2**31 - 1):
        content = valid.replace(b'M' + numbers, b'J' + size.to_bytes(4, 'little'))
        if container == 'zip':
            content = _repack(valid, b'M' + numbers, b'J' + size.to_bytes(4, 'little'))
        path.write_bytes(content)
        with pytest.raises(ValueError, match='is damaged or incomplete'):
            load_checkpoint(path)


def _repack(archive: bytes, old: bytes, new: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(file, 'w') as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content.replace(old, new) if name.endswith('.pkl') else content)
    return file.getvalue()


def with_header(header: bytes, size: int | None = None, data: bytes = bytes(24)) -> bytes:
    size = len(header) if size is None else size
    return size.to_bytes(8, 'little') + header + data


def described(**changes: Any) -> bytes:
    entry = dict(dict(dtype='F32', shape=[2, 3], data_offsets=[0, 24]), **changes)
    return with_header(json.dumps(dict(w=entry)).encode())


def test_safetensors(tmp_path):
    valid = save(dict(w=torch.ones(2, 3), b=torch.zeros(2)))
    path = tmp_path / 'a.safetensors'
    contents = [
        *mutations(valid),
        *(valid[:length] for length in range(len(valid))),
        *(with_header(b'{}', size) for size in (3, 10**8, 2**32, 2**63, 2**64 - 1)),
        *(described(shape=shape) for shape in ([-1], [2**62, 4], [10**12], [], 'x', [0])),
        *(described(data_offsets=ends) for ends in ([24, 0], [0, 10**12], [-8, 16], [0], [8, 32])),
        *(described(dtype=kind) for kind in ('F8_E4M3', 'F4', 'F6_E2M3', 'I64', 'C64', 'x', 1)),
        with_header(b'{"w":' * 10_000),
        with_header(b'{"__metadata__": {"a": 1}}'),
        with_header(b'\xff' * 50),
    ]
    refused = check_reader(load_checkpoint, path, contents, is_checkpoint, UserError)
    assert refused > len(valid) + 80


@pytest.mark.parametrize(
    'marker', [b'\xff\xfe\x00', b'a\x00b.pth', b'x' * 5000, b'../../a.pth', b'\n' * 9, b'/']
)
def test_marker_of_the_newest_checkpoint(tmp_path, marker):
    (tmp_path / 'iter_2.pth').write_bytes(as_zip({}))
    (tmp_path / 'last_checkpoint').write_bytes(marker)
    assert latest_checkpoint(tmp_path) == str(tmp_path / 'iter_2.pth')


def test_only_sound_archives_are_taken(tmp_path):
    path, valid = tmp_path / 'iter_2.pth', as_zip(as_checkpoint())
    end = valid.rindex(b'PK\x05\x06')
    ends = (valid[:end] + b'\xff' * number + valid[end + number :] for number in range(30))
    for content in (*mutations(valid), *ends):
        path.write_bytes(content)
        fault = archive_fault(path)
        assert latest_checkpoint(tmp_path) == (None if fault else str(path))
    # Of several parts, as the record of large archives has it.
    record = b'PK\x06\x07' + bytes(12) + (2).to_bytes(4, 'little')
    path.write_bytes(valid[:end] + record + valid[end:])
    assert archive_fault(path)
