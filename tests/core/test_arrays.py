"""Archives that announce more than they have."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from label_efficient_seg.core import arrays
from label_efficient_seg.core.arrays import open_arrays


def read(path) -> dict[str, np.ndarray]:
    with open_arrays(path, 'scores', 'the test') as file:
        return {name: np.asarray(file[name]) for name in file}


def header(shape: tuple[int, ...], descr: str = '<f8') -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, dict(descr=descr, fortran_order=False, shape=shape))
    return file.getvalue()


def write(path, content: bytes, kind: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, 'w', kind) as archive:
        archive.writestr('a.npy', content)


def refused(path, message: str) -> None:
    """The file is refused, and before anything large gets memory."""
    tracemalloc.start()
    with pytest.raises(ValueError, match=message) as error:
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    assert str(path) in str(error.value)


def test_what_was_written_is_read(tmp_path):
    written = dict(a=np.arange(6.0).reshape(2, 3), b=np.array('text'), c=np.zeros((0, 4), 'f2'))
    np.savez_compressed(tmp_path / 'a.npz', **written)
    found = read(tmp_path / 'a.npz')
    assert found.keys() == written.keys()
    assert all(np.array_equal(found[name], written[name]) for name in written)


def test_zeros_compress_well(tmp_path):
    np.savez_compressed(tmp_path / 'a.npz', a=np.zeros(1_000_000))
    assert (tmp_path / 'a.npz').stat().st_size < 10_000
    assert not read(tmp_path / 'a.npz')['a'].any()


@pytest.mark.parametrize('kind', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize('shape', [(1_500_000_000,), (40_000, 40_000), (2**62, 2**62)])
def test_an_array_larger_than_its_file(tmp_path, shape, kind):
    write(tmp_path / 'a.npz', header(shape) + bytes(80), kind)
    refused(tmp_path / 'a.npz', 'are damaged or cut off .*announces an array of [0-9,]+ bytes, but')


def test_a_member_larger_than_what_can_be_compressed(tmp_path):
    path = tmp_path / 'a.npz'
    write(path, header((10,)) + bytes(80))
    content = bytearray(path.read_bytes())
    entry = content.rindex(b'PK\x01\x02')  # the size in the directory
    content[entry + 24 : entry + 28] = struct.pack('<I', 2**32 - 2)
    path.write_bytes(content)
    refused(path, 'are damaged or cut off .*announces 4,294,967,294 bytes, but has')


def test_all_arrays_together(tmp_path, monkeypatch):
    np.savez(tmp_path / 'a.npz', a=np.zeros(10), b=np.zeros(10))
    monkeypatch.setattr(arrays, 'MAX_BYTES', 300)
    refused(tmp_path / 'a.npz', 'need 416 bytes, more than 300')


def test_other_files(tmp_path):
    np.save(tmp_path / 'a.npy', np.zeros(3))
    (tmp_path / 'empty.npz').write_bytes(b'')
    np.savez(tmp_path / 'objects.npz', a=np.array([{}], object))
    write(tmp_path / 'third.npz', header((2**40,)).replace(b'NUMPY\x01', b'NUMPY\x03'))
    for name in ('a.npy', 'empty.npz', 'objects.npz', 'third.npz'):
        refused(tmp_path / name, 'holds no scores; it must be a .npz file that the test wrote')
    with pytest.raises(FileNotFoundError, match='gone.npz. do not exist; make them with the test'):
        read(tmp_path / 'gone.npz')


def test_a_missing_array_is_named(tmp_path):
    np.savez(tmp_path / 'a.npz', a=np.zeros(3))
    with (
        pytest.raises(ValueError, match=r'holds no scores; .* wrote \(b is not a file in the arch'),
        open_arrays(tmp_path / 'a.npz', 'scores', 'the test') as file,
    ):
        file['b']
