import multiprocessing
import os
import re
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.converters import FORMATS, convert_labels, format_summary, urban_labels
from label_efficient_seg.core.atomic import atomic_path

ROOT = Path(__file__).resolve().parents[2]

# Train id, name, label id in Cityscapes, id and name in the README of SYNTHIA-RAND-CITYSCAPES.
TABLE = """
 0 road          7  3 Road
 1 sidewalk      8  4 Sidewalk
 2 building     11  2 Building
 3 wall         12 21 Wall
 4 fence        13  5 Fence
 5 pole         17  7 Pole
 6 traffic-light 19 15 Traffic-light
 7 traffic-sign 20  9 Traffic-sign
 8 vegetation   21  6 Vegetation
 9 terrain      22 16 Terrain
10 sky          23  1 sky
11 person       24 10 Pedestrian
12 rider        25 17 Rider
13 car          26  8 Car
14 truck        27 18 Truck
15 bus          28 19 Bus
16 train        31 20 Train
17 motorcycle   32 12 Motorcycle
18 bicycle      33 11 Bicycle
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
CITYSCAPES = {int(row[2]): int(row[0]) for row in ROWS}
SYNTHIA = {int(row[3]): int(row[0]) for row in ROWS}
TABLES = dict(gta5=CITYSCAPES, synthia=SYNTHIA, synscapes=CITYSCAPES)
FOLDERS = dict(
    gta5=('images', 'labels'), synthia=('RGB', 'GT/LABELS'), synscapes=('img/rgb', 'img/class')
)
IDS = dict(
    gta5=list(range(35)), synthia=list(range(23)), synscapes=[*range(34), 255]
)  # of the label files


def write_image(path: Path, height: int = 6, width: int = 9) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (width, height)).save(path)


def write_label(path: Path, name: str, labels: np.ndarray) -> None:
    """A label file as the dataset publishes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if name == 'synthia':
        channels = np.zeros((*labels.shape, 3), np.uint16)
        channels[..., 2] = labels  # OpenCV writes the third channel first
        channels[..., 1] = 300 + np.arange(labels.size).reshape(labels.shape)  # instances
        assert cv2.imwrite(str(path), channels)
        return
    image = Image.fromarray(labels.astype(np.uint8))
    if name == 'gta5':
        image.putpalette([value for i in range(256) for value in (255 - i, i, 7 * i % 256)])
    image.save(path)


def write_dataset(root: Path, name: str, count: int = 4) -> dict[str, np.ndarray]:
    """Images and their labels; ids by name."""
    images, labels = FOLDERS[name]
    rng = np.random.default_rng(0)
    written = {}
    for number in range(1, count + 1):
        stem = f'{number:05d}'
        written[stem] = rng.choice(IDS[name], (6, 9))
        write_image(root / images / f'{stem}.png')
        write_label(root / labels / f'{stem}.png', name, written[stem])
    return written


def expected(name: str, labels: np.ndarray) -> np.ndarray:
    """Pixel by pixel."""
    values = [TABLES[name].get(value, 255) for value in labels.ravel().tolist()]
    return np.array(values).reshape(labels.shape)


def masks(root: Path) -> dict[str, np.ndarray]:
    return {p.stem: np.asarray(Image.open(p)) for p in (root / 'labels_train_ids').glob('[!.]*')}


@pytest.mark.parametrize('name', FORMATS)
def test_each_id_becomes_the_train_id_of_its_class(name):
    names = FORMATS[name].dataset.METAINFO['classes']
    assert [row[1].replace('-', ' ') for row in ROWS] == list(names)
    for value in IDS[name]:
        found = FORMATS[name].to_train_ids(np.array([[value]], np.uint8), 'label')
        assert found.dtype == np.uint8 and found.item() == TABLES[name].get(value, 255)


@pytest.mark.parametrize('name', FORMATS)
def test_published_files_are_converted(name, tmp_path):
    written = write_dataset(tmp_path, name)
    summary = convert_labels(name, tmp_path, workers=2)
    assert (summary.images, summary.written, summary.faults) == (4, 4, [])
    for stem, mask in masks(tmp_path).items():
        np.testing.assert_array_equal(mask, expected(name, written.pop(stem)))
    assert written == {}
    assert (tmp_path / 'labels_train_ids.txt').read_text() == '00001\n00002\n00003\n00004\n'
    merged = np.stack(list(masks(tmp_path).values()))
    for label in range(256):
        assert summary.pixels[label] == (merged == label).sum()
        assert summary.occurrences[label] == (merged == label).any((1, 2)).sum()


def test_masks_have_the_colours_of_cityscapes(tmp_path):
    write_dataset(tmp_path, 'gta5', 1)
    convert_labels('gta5', tmp_path)
    image = Image.open(tmp_path / 'labels_train_ids' / '00001.png')
    assert image.mode == 'P'
    colors = np.array(image.getpalette()).reshape(-1, 3)
    assert colors[[0, 10, 18]].tolist() == [[128, 64, 128], [70, 130, 180], [119, 11, 32]]


def test_a_killed_conversion_goes_on_where_it_stopped(tmp_path, monkeypatch):
    written = write_dataset(tmp_path, 'gta5', 6)

    def die_in_the_third(mask: np.ndarray, path: Path) -> None:
        if path.stem < '00003':
            return save(mask, path)
        with atomic_path(path) as temporary:
            temporary.write_bytes(b'half a file')
            os.kill(os.getpid(), signal.SIGKILL)

    save = urban_labels._save
    with monkeypatch.context() as patch:
        patch.setattr(urban_labels, '_save', die_in_the_third)
        child = multiprocessing.get_context('fork').Process(
            target=convert_labels, args=('gta5', tmp_path, 1)
        )
        child.start()
        child.join(300)
    assert child.exitcode == -signal.SIGKILL
    assert sorted(masks(tmp_path)) == ['00001', '00002']
    assert not (tmp_path / 'labels_train_ids.txt').exists()
    first = tmp_path / 'labels_train_ids' / '00001.png'
    before = first.stat().st_mtime_ns

    summary = convert_labels('gta5', tmp_path)
    assert (summary.written, summary.faults) == (4, [])
    assert summary.pixels.sum() == 6 * 54
    assert first.stat().st_mtime_ns == before
    assert sorted(masks(tmp_path)) == sorted(written)
    assert convert_labels('gta5', tmp_path).written == 0


def test_faulty_files_are_named_and_the_others_converted(tmp_path, les, capsys):
    written = write_dataset(tmp_path, 'gta5', 7)
    images, labels = tmp_path / 'images', tmp_path / 'labels'
    (labels / '00001.png').unlink()
    write_image(images / '00002.png', 5, 9)
    content = (labels / '00003.png').read_bytes()
    (labels / '00003.png').write_bytes(content[:-20])
    written['00004'][2, 3:5] = 77
    write_label(labels / '00004.png', 'gta5', written['00004'])
    Image.new('RGB', (9, 6)).save(labels / '00005.png')
    (images / '00006.png').write_bytes(b'')

    assert les('convert', 'gta5', tmp_path, '--workers', 1) == 1
    output = capsys.readouterr().out
    assert sorted(masks(tmp_path)) == ['00007']
    assert (tmp_path / 'labels_train_ids.txt').read_text() == '00007\n'
    assert '6 images without a sound mask' in output and '1 of 7 masks' in output
    for line in (
        f"'{labels}/00001.png' does not exist",
        f"'{labels}/00002.png' is 9x6 (width x height), but its image is 9x5",
        f"'{labels}/00003.png' cannot be read: ",
        f"'{labels}/00004.png' has unknown ids: 77",
        f"'{labels}/00005.png' has 3 channels",
        f"'{images}/00006.png'",
    ):
        assert line in output

    write_dataset(tmp_path, 'gta5', 7)
    assert les('convert', 'gta5', tmp_path) == 0
    assert '7 of 7 masks' in capsys.readouterr().out
    assert len((tmp_path / 'labels_train_ids.txt').read_text().split()) == 7


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda data: data[:100], 'cannot be read'),
        (lambda data: data[:60] + bytes([data[60] ^ 255]) + data[61:], 'cannot be read'),
        (None, 'cannot be read: it has no three channels'),
    ],
)
def test_damaged_synthia_labels(damage, message, tmp_path):
    write_dataset(tmp_path, 'synthia', 2)
    path = tmp_path / 'GT/LABELS/00001.png'
    if damage is None:
        Image.fromarray(np.zeros((6, 9), np.uint8)).save(path)
    else:
        path.write_bytes(damage(path.read_bytes()))
    summary = convert_labels('synthia', tmp_path)
    assert len(summary.faults) == 1 and f"'{path}' {message}" in summary.faults[0]
    assert sorted(masks(tmp_path)) == ['00002']


def test_ids_beyond_8_bits_are_unknown(tmp_path):
    labels = np.full((6, 9), 256 + 3)
    write_image(tmp_path / 'RGB/1.png')
    write_label(tmp_path / 'GT/LABELS/1.png', 'synthia', labels)
    assert 'has unknown ids: 259' in convert_labels('synthia', tmp_path).faults[0]


def test_label_file_saved_again_with_8_bits(tmp_path):
    write_image(tmp_path / 'RGB/1.png')
    path = tmp_path / 'GT/LABELS/1.png'
    write_label(path, 'synthia', np.full((6, 9), 3))
    cv2.imwrite(str(path), (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) >> 8).astype(np.uint8))
    (fault,) = convert_labels('synthia', tmp_path).faults
    assert f"'{path}' lacks the lower bytes" in fault and '8 bits per channel' in fault


@pytest.mark.parametrize('name', FORMATS)
def test_a_file_without_a_class_is_no_mask(name, tmp_path):
    labels = np.zeros((6, 9), np.uint16)
    image, label = FOLDERS[name]
    write_image(tmp_path / image / '1.png')
    write_label(tmp_path / label / '1.png', name, labels)
    assert '1.png' in convert_labels(name, tmp_path).faults[0]
    assert masks(tmp_path) == {}


@pytest.mark.parametrize(
    ('mask', 'message'),
    [
        (np.full((6, 9), 19, np.uint8), r'no train ids: \[19\]'),
        (np.zeros((6, 8), np.uint8), 'is 8x6 .*, but its image is 9x6'),
        (None, 'cannot be read'),
    ],
)
def test_masks_that_were_there_are_checked(mask, message, tmp_path):
    write_dataset(tmp_path, 'synscapes', 2)
    convert_labels('synscapes', tmp_path)
    path = tmp_path / 'labels_train_ids/00002.png'
    if mask is None:
        path.write_bytes(b'no image')
    else:
        Image.fromarray(mask).save(path)
    (fault,) = convert_labels('synscapes', tmp_path).faults
    assert str(path) in fault and fault.endswith('; delete it and run the conversion again')
    assert re.search(message, fault)
    path.unlink()
    assert convert_labels('synscapes', tmp_path).faults == []


def test_a_folder_without_images(tmp_path, les, capsys):
    assert les('convert', 'synthia', tmp_path) == 1
    error = capsys.readouterr().err
    assert f"'{tmp_path}/RGB' has no PNG file" in error and "'GT/LABELS'" in error


def test_a_full_disk_ends_the_conversion(tmp_path, monkeypatch):
    write_dataset(tmp_path, 'gta5')

    def fail(mask: np.ndarray, path: Path) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(urban_labels, '_save', fail)
    with pytest.raises(OSError, match='No space left'):
        convert_labels('gta5', tmp_path)
    assert not (tmp_path / 'labels_train_ids.txt').exists()


def test_summary_lists_each_class(tmp_path):
    write_image(tmp_path / 'images/1.png', 2, 4)
    write_label(tmp_path / 'labels/1.png', 'gta5', np.array([[7, 7, 7, 26], [7, 7, 7, 0]]))
    lines = format_summary(convert_labels('gta5', tmp_path)).splitlines()
    cells = {line[:15].strip(): line[15:].split() for line in lines[:21]}
    assert cells['road'] == ['75.000', '%', '1']
    assert cells['car'] == cells['(void)'] == ['12.500', '%', '1']
    assert cells['bicycle'] == ['0.000', '%', '0']
    assert not [line for line in lines if 'without' in line]
