import numpy as np
import pytest

from label_efficient_seg.core.cache import cache_folder, cached_arrays
from label_efficient_seg.core.errors import FileError


def test_arrays_are_made_once_and_again_when_damaged(tmp_path):
    made = []

    def make() -> dict:
        made.append(1)
        return dict(a=np.arange(3), b=np.ones((2, 2), np.float32))

    for expected in (1, 1):
        found = cached_arrays('name', make, tmp_path)
        assert found['a'].tolist() == [0, 1, 2] and found['b'].dtype == np.float32
        assert len(made) == expected
    (tmp_path / 'name.npz').write_bytes(b'damaged')
    assert cached_arrays('name', make, tmp_path).keys() == {'a', 'b'}
    assert len(made) == 2


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(FileError, match='LABEL_EFFICIENT_SEG_CACHE'):
        cached_arrays('name', lambda: dict(a=np.ones(1)), tmp_path / 'file')


def test_folder_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv('LABEL_EFFICIENT_SEG_CACHE', str(tmp_path))
    assert cache_folder() == tmp_path
    assert cache_folder(tmp_path / 'other') == tmp_path / 'other'
