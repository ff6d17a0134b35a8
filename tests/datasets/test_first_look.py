"""What a training sees of its data before its first iteration."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from label_efficient_seg.datasets.checks import first_look
from label_efficient_seg.datasets.checks.first_look import (
    built_streams,
    look_at_images,
    look_at_labels,
)
from label_efficient_seg.datasets.checks.streams import Stream

from .conftest import write_image, write_mask

ZEROS, SQUARE = np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.uint8)
SQUARE[5:9, 5:9] = 1


def folder(root: Path, masks: list[np.ndarray], **kwargs) -> dict:
    """A dataset of two classes."""
    for index, mask in enumerate(masks):
        write_image(root / 'images' / f'{index:03}.png', *mask.shape, seed=index)
        write_mask(root / 'masks' / f'{index:03}.png', mask)
    init_default_scope('mmseg')
    steps = ('LoadImageFromFile', 'LoadCheckedAnnotations', 'PackSegInputs')
    return dict(
        type='ImageFolderSegDataset',
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        metainfo=dict(classes=('background', 'tumour')),
        pipeline=[dict(type=step) for step in steps],
        **kwargs,
    )


def streams(root: Path, name: str, masks: list[np.ndarray]) -> list[Stream]:
    return list(built_streams(name, DATASETS.build(folder(root / name, masks))))


def looked(root: Path, train: list[np.ndarray], val: list[np.ndarray]) -> list[tuple[str, str]]:
    both = streams(root, 'train.labeled', train) + streams(root, 'val', val)
    return [(finding.stream, finding.kind) for finding in look_at_labels(both)]


@pytest.mark.parametrize(
    ('masks', 'message'),
    [
        (
            [255 * SQUARE],
            r"\(3 in all\) show 'background' only.*mask\[mask == 255\] = 1",
        ),
        ([ZEROS], "show 'background' only, so nothing can be learned from them. Run les check"),
        ([ZEROS + 255], r'hold nothing but void \(255\)'),
    ],
)
def test_masks_that_teach_nothing_are_refused(tmp_path, masks, message):
    with pytest.raises(ValueError, match=message):
        looked(tmp_path, masks * 3, [SQUARE])
    # The streams of a training teach together.
    more = streams(tmp_path, 'train.more', [SQUARE])
    look_at_labels(streams(tmp_path, 'train.labeled', masks) + more)


def test_a_rare_class_is_looked_for_in_all_masks(tmp_path, monkeypatch):
    monkeypatch.setattr(first_look, 'LOOK', 3)
    masks = [ZEROS] * 9
    masks[6] = SQUARE
    (stream,) = streams(tmp_path, 'train', masks)
    assert look_at_labels([stream]) == [] and stream.inspected == 8  # 0, 4, 8, then 1 to 6
    # A sample that shows both classes is enough, and says nothing of the rest.
    (stream,) = streams(tmp_path, 'train', [SQUARE] * 9)
    assert look_at_labels([stream]) == [] and stream.inspected == 3


def test_validation_without_a_measure_is_a_warning(tmp_path):
    assert looked(tmp_path, [SQUARE], [SQUARE]) == []
    assert looked(tmp_path, [SQUARE], [ZEROS]) == [('val', 'a single class')]
    assert looked(tmp_path, [SQUARE], [ZEROS + 255]) == [('val', 'no label')]


def test_masks_of_a_test(tmp_path):
    (finding,) = look_at_labels(streams(tmp_path, 'test', [255 * SQUARE]))
    assert finding.kind == 'a single class' and 'mask[mask == 255] = 1' in finding.text
    with pytest.raises(ValueError, match='hold nothing but void .*, so nothing can be measured'):
        look_at_labels(streams(tmp_path, 'test', [ZEROS + 255]))


def test_faulty_masks_are_left_to_the_loader(tmp_path):
    both = streams(tmp_path, 'train', [ZEROS, ZEROS])
    (tmp_path / 'train' / 'masks' / '000.png').write_bytes(b'')
    assert look_at_labels(both) == []


def test_images_that_loading_changes(tmp_path):
    (stream,) = streams(tmp_path, 'train.labeled', [SQUARE[:20, :20]] * 3)
    assert look_at_images([stream]) == []
    paths = [tmp_path / 'train.labeled' / 'images' / f'00{index}.png' for index in range(3)]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (20, 20)).save(paths[0], exif=exif)
    assert cv2.imwrite(str(paths[1]), np.full((20, 20), 4095, np.uint16))
    paths[2].write_bytes(paths[2].read_bytes()[:40])  # of which its loader tells
    found = {finding.kind: finding.text for finding in look_at_images([stream])}
    assert found.keys() == {'EXIF orientation', 'range of values'}
    assert f"1 of 3 images, such as '{paths[0]}' (orientation 6)" in found['EXIF orientation']
    assert f"'{paths[1]}' (no value above 4095)" in found['range of values']


def test_wrapped_datasets(tmp_path):
    parts = [folder(tmp_path / name, [SQUARE]) for name in 'ab']
    concat = dict(type='ConcatDataset', datasets=parts)
    repeated = DATASETS.build(dict(type='RepeatDataset', times=2, dataset=concat))
    found = list(built_streams('train', repeated))
    assert [stream.name for stream in found] == ['train[0]', 'train[1]']
    assert all(stream.labeled and stream.is_training for stream in found)
    assert list(built_streams('train', object())) == []


def test_unlabeled_streams_have_no_masks(tmp_path):
    cfg = folder(tmp_path, [SQUARE], labeled=False)
    cfg['pipeline'][1] = dict(type='LoadValidMask')
    (stream,) = built_streams('train.unlabeled', DATASETS.build(cfg))
    assert not stream.labeled and look_at_labels([stream]) == []
