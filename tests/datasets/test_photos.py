"""Photos by files, folders and lists."""

from pathlib import Path

import pytest

from label_efficient_seg.datasets import files
from label_efficient_seg.datasets.files.photos import find_photos


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b'')


def test_folders_files_and_lists(tmp_path, monkeypatch):
    touch(tmp_path, 'a/1.jpg', 'a/deep er/2.PNG', 'a/notes.md', 'a/.hidden.jpg', 'b/1.tif')
    root, photos = find_photos([tmp_path / 'a'])
    assert root == tmp_path / 'a' and list(photos) == ['1', 'deep er/2']
    assert photos['deep er/2'] == tmp_path / 'a/deep er/2.PNG'
    root, photos = find_photos([tmp_path / 'a', tmp_path / 'b/1.tif'])
    assert root == tmp_path and list(photos) == ['a/1', 'a/deep er/2', 'b/1']
    (tmp_path / 'list.txt').write_text(f'a/1.jpg\n\n{tmp_path}/b/1.tif\n', 'utf-8')
    monkeypatch.chdir(tmp_path / 'b')
    assert list(find_photos(['../list.txt'])[1].values()) == [
        tmp_path / 'a/1.jpg',
        tmp_path / 'b/1.tif',
    ]
    assert list(find_photos(['1.tif', '1.tif'])[1]) == ['1']


def test_images_that_differ_in_the_suffix_keep_it(tmp_path):
    touch(tmp_path, '1.jpg', '1.png', '2.png')
    assert list(find_photos([tmp_path])[1]) == ['1.jpg', '1.png', '2']


def test_photos_of_other_formats_are_named(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(files.photos, 'print_log', lambda text, *_: lines.append(text))
    touch(tmp_path, '1.jpg', 'b/2.HEIC', '3.gif', '4.txt')
    assert list(find_photos([tmp_path])[1]) == ['1']
    (line,) = lines
    assert f"left out (2, first '{tmp_path}/3.gif'); convert them to one of .jpg" in line


def test_nothing_to_predict(tmp_path):
    touch(tmp_path, 'notes.md')
    with pytest.raises(FileNotFoundError, match="nope' does not exist; give an image"):
        find_photos(['nope'])
    with pytest.raises(ValueError, match=r'there is no image in .*; images end with \.jpg'):
        find_photos([tmp_path])
