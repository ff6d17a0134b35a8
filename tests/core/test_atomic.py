"""Files appear complete or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from label_efficient_seg.core.atomic import atomic_path, open_own, write_atomically


def test_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = write_atomically(tmp_path / 'a' / 'b' / 'text.txt', 'grün')
    assert target.read_bytes() == 'grün'.encode()
    assert os.listdir(target.parent) == ['text.txt']
    plain = tmp_path / 'plain.txt'
    plain.write_text('')
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_failure_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / 'file'
    target.write_text('old')

    def fail(*_: object) -> None:
        raise OSError('disk full')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        write_atomically(target, 'new')
    assert target.read_text() == 'old'
    assert os.listdir(tmp_path) == ['file']


def test_the_name_appears_when_the_body_ends(tmp_path: Path) -> None:
    target = tmp_path / 'folder' / 'weights.pth'
    with atomic_path(str(target)) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == '.pth'  # Some writers choose the format by it.
        temporary.write_text('new')
        assert not target.exists()
    assert target.read_text() == 'new'
    assert os.listdir(target.parent) == ['weights.pth']


def test_a_body_that_fails_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / 'weights.pth'
    for interruption in (ValueError, KeyboardInterrupt):
        with pytest.raises(interruption), atomic_path(target) as temporary:
            temporary.write_text('half')
            raise interruption
        assert os.listdir(tmp_path) == []


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    target = tmp_path / 'weights.pth'
    for number in (errno.ENOSPC, errno.EFBIG):
        with pytest.raises(OSError, match=f"{os.strerror(number)}: '{target}'") as error:
            with atomic_path(target):
                raise OSError(number, os.strerror(number))  # as file.write does
        assert error.value.errno == number
        assert os.listdir(tmp_path) == []


def test_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / 'file.txt'
    with atomic_path(target) as outer:
        outer.write_text('outer')
        with atomic_path(target) as inner:
            inner.write_text('inner')
        assert target.read_text() == 'inner'
    assert target.read_text() == 'outer'


def test_files_of_others_are_not_opened_through_links(tmp_path: Path) -> None:
    victim, link = tmp_path / 'victim', tmp_path / 'log'
    victim.write_text('mine')
    link.symlink_to(victim)
    with pytest.raises(OSError, match='symbolic link') as error, open_own(link):
        pass
    assert error.value.errno == errno.ELOOP and victim.read_text() == 'mine'
    link.unlink()
    for line in ('a', 'b'):
        with open_own(link) as file:
            file.write(f'{line}\n')
    assert link.read_text() == 'a\nb\n'
