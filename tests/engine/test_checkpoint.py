"""Finding the newest checkpoint, and writing."""

import os
from pathlib import Path

import pytest
import torch

from label_efficient_seg.core import atomic
from label_efficient_seg.engine.checkpoint import AtomicLocalBackend, latest_checkpoint


def saved(path: Path) -> Path:
    torch.save(dict(state_dict=dict(w=torch.randn(100))), path)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(saved(path).read_bytes()[:-200])
    return path


class TestLatestCheckpoint:
    def test_no_folder_and_empty_folder(self, tmp_path):
        assert latest_checkpoint(tmp_path / 'none') is None
        assert latest_checkpoint(tmp_path) is None

    def test_numbers_are_compared_as_numbers(self, tmp_path):
        for number in (900, 10000, 2000):
            saved(tmp_path / f'iter_{number}.pth')
        assert latest_checkpoint(tmp_path) == str(tmp_path / 'iter_10000.pth')

    def test_marker_is_preferred(self, tmp_path):
        # As after a shorter, newer run in the folder of an older one.
        for number in (2, 4):
            saved(tmp_path / f'iter_{number}.pth')
        (tmp_path / 'last_checkpoint').write_text(f'{tmp_path}/iter_2.pth\n')
        assert latest_checkpoint(tmp_path) == str(tmp_path / 'iter_2.pth')

    def test_a_copied_folder_continues_from_its_own_files(self, tmp_path):
        for folder in ('original', 'copy'):
            (tmp_path / folder).mkdir()
            saved(tmp_path / folder / 'iter_2.pth')
            (tmp_path / folder / 'last_checkpoint').write_text(f'{tmp_path}/original/iter_2.pth')
        assert latest_checkpoint(tmp_path / 'copy') == str(tmp_path / 'copy' / 'iter_2.pth')

    @pytest.mark.parametrize('marker', ['', '\n', 'gone.pth', '{}/iter_8.pth', '{}/'])
    def test_broken_marker_and_broken_files_are_passed_over(self, tmp_path, marker):
        saved(tmp_path / 'iter_2.pth')
        saved(tmp_path / 'iter_4.pth')
        cut(tmp_path / 'iter_8.pth')
        (tmp_path / 'iter_16.pth').write_text('')
        (tmp_path / 'iter_32.pth').mkdir()
        (tmp_path / 'last_checkpoint').write_text(marker.format(tmp_path))
        assert latest_checkpoint(tmp_path) == str(tmp_path / 'iter_4.pth')

    @pytest.mark.parametrize('place', [0.3, 0.6, 0.9])
    def test_a_changed_byte_is_found_and_both_files_are_named(self, tmp_path, caplog, place):
        good, bad = saved(tmp_path / 'iter_2.pth'), saved(tmp_path / 'iter_4.pth')
        content = bytearray(bad.read_bytes())
        start = content.index(torch.load(bad)['state_dict']['w'].numpy().tobytes())
        content[start + int(place * 400)] ^= 1
        bad.write_bytes(content)
        (tmp_path / 'last_checkpoint').write_text(str(bad))
        assert latest_checkpoint(tmp_path) == str(good)

    def test_only_broken_files(self, tmp_path):
        cut(tmp_path / 'iter_2.pth')
        assert latest_checkpoint(tmp_path) is None

    def test_other_names_do_not_disturb(self, tmp_path):
        for name in ('iter_4_copy', 'iter_best', 'best_mIoU_iter_9', 'epoch_3', 'iter_2'):
            saved(tmp_path / f'{name}.pth')
        assert latest_checkpoint(tmp_path) == str(tmp_path / 'iter_2.pth')


def test_atomic_backend(tmp_path, monkeypatch):
    backend, path = AtomicLocalBackend(), tmp_path / 'new' / 'a.bin'
    backend.put(b'first', path)
    assert path.read_bytes() == b'first'

    def fail(*args):
        raise OSError('No space left on device')

    monkeypatch.setattr(atomic.os, 'fsync', fail)
    with pytest.raises(OSError, match='No space'):
        backend.put(b'second', path)
    assert path.read_bytes() == b'first' and os.listdir(path.parent) == ['a.bin']
