"""Files appear complete or not at all."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.visualization import save_image, write_atomically


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


def test_images_are_written_as_rgb_without_loss(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    path = save_image(image, tmp_path / 'image.png')
    assert np.array_equal(np.asarray(Image.open(path)), image)
