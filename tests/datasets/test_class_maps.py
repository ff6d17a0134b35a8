import io

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.datasets import read_class_maps, write_class_maps


def maps(count: int = 2, size: tuple[int, int] = (7, 5)) -> np.ndarray:
    return np.random.default_rng(count).random((count, *size), np.float32)


def test_what_is_written_is_read(tmp_path):
    low, high = maps(), maps()[::-1]
    path = tmp_path / 'a' / 'b.npz'
    write_class_maps(path, [0, 14], run='r1', low=low, high=high)
    found = read_class_maps(path, 'r1')
    assert found.classes.tolist() == [0, 14] and found.classes.dtype == np.int64
    assert found.run == 'r1' and list(found.maps) == ['low', 'high']
    for name, values in (('low', low), ('high', high)):
        assert found.maps[name].dtype == np.float32
        np.testing.assert_array_equal(found.maps[name], values.astype(np.float16))
    assert [file.name for file in path.parent.iterdir()] == ['b.npz']


@pytest.mark.parametrize('classes', [[], np.array([], np.int64)])
def test_an_image_without_classes(tmp_path, classes):
    write_class_maps(tmp_path / 'a.npz', classes, cam=maps(0))
    found = read_class_maps(tmp_path / 'a.npz')
    assert found.classes.shape == (0,) and found.maps['cam'].shape == (0, 7, 5)


def test_equal_maps_give_equal_bytes_and_empty_areas_cost_little(tmp_path):
    sparse = np.zeros((3, 100, 120), np.float32)
    sparse[:, :10, :10] = 0.3
    for name in 'ab':
        write_class_maps(tmp_path / name, [1, 2, 3], run='r', cam=sparse)
    assert (tmp_path / 'a').read_bytes() == (tmp_path / 'b').read_bytes()
    assert (tmp_path / 'a').stat().st_size < sparse.size / 20


def test_maps_without_a_class_are_not_written(tmp_path):
    for classes, values in (([1], maps(2)), ([1, 2, 3], maps(2)), ([1], maps(1)[0])):
        with pytest.raises(ValueError, match="the maps 'cam' for .* one map per class"):
            write_class_maps(tmp_path / 'a.npz', classes, cam=values)
    assert not list(tmp_path.iterdir())


def test_files_of_another_run(tmp_path):
    write_class_maps(tmp_path / 'a.npz', [1], run='first', cam=maps(1))
    write_class_maps(tmp_path / 'b.npz', [1], cam=maps(1))
    assert read_class_maps(tmp_path / 'a.npz').run == 'first'
    for name, text in (('a', 'first'), ('b', 'unnamed')):
        with pytest.raises(ValueError, match=rf"{name}.npz' come from another run \({text}, not s"):
            read_class_maps(tmp_path / f'{name}.npz', 'second')


def as_bytes(save) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    'content',
    [
        as_bytes(lambda file: Image.fromarray(np.zeros((9, 9), np.uint8)).save(file, 'PNG')),
        as_bytes(lambda file: np.save(file, maps())),
        as_bytes(lambda file: np.savez(file, classes=[1])),
        as_bytes(lambda file: np.savez(file, classes=np.array([{}], object), run='', map_cam=1)),
        b'cat dog\n',
        b'',
    ],
    ids=['png', 'npy', 'other archive', 'pickles', 'text', 'empty'],
)
def test_other_files(tmp_path, content):
    (tmp_path / 'a.npz').write_bytes(content)
    with pytest.raises(ValueError, match="a.npz' holds no class maps; .* les cams"):
        read_class_maps(tmp_path / 'a.npz')


@pytest.mark.parametrize(
    ('classes', 'value', 'message'),
    [([1, 2], np.nan, "NaN or infinite values in 'cam'"), ([1, 1], 0, r'a class twice: \[1, 1\]')],
)
def test_maps_of_which_nothing_follows(tmp_path, classes, value, message):
    write_class_maps(tmp_path / 'a.npz', classes, cam=np.full((2, 7, 5), value))
    with pytest.raises(ValueError, match=f"the class maps of '.*a.npz' have {message}"):
        read_class_maps(tmp_path / 'a.npz')


def test_damaged_files(tmp_path):
    path = tmp_path / 'a.npz'
    write_class_maps(path, [1, 2], cam=maps())
    content = path.read_bytes()
    middle = len(content) // 2
    changed = content[:middle] + bytes(x ^ 255 for x in content[middle : middle + 9])
    changed += content[middle + 9 :]
    for damaged in (content[:-30], content[:middle], changed):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="a.npz' are damaged or cut off .* delete the file"):
            read_class_maps(path)
    with pytest.raises(FileNotFoundError, match="b.npz' do not exist"):
        read_class_maps(tmp_path / 'b.npz')
