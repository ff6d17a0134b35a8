"""Images that cannot be read: the error names the file, before memory is taken."""

import struct
import zlib

import cv2
import mmcv
import numpy as np
import pytest
from mmseg.registry import TRANSFORMS
from PIL import Image

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets.files.images import read_image
from label_efficient_seg.datasets.transforms import LoadCheckedAnnotations

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)


def write_bomb(path, width=30_000, height=5_000):
    """A PNG of about 100 bytes that announces 150 million pixels."""

    def chunk(kind, data):
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    parts = chunk(b'IHDR', header), chunk(b'IDAT', zlib.compress(b'\0')), chunk(b'IEND', b'')
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + b''.join(parts))


def write_other_bomb(path, kind):
    """A tiny file of a damaged kind that OpenCV would still give gigabytes."""
    if kind == 'png':  # its checksum is wrong
        write_bomb(path)
        content = bytearray(path.read_bytes())
        content[29] ^= 255
        path.write_bytes(content)
    elif kind == 'bmp':
        path.write_bytes(b'BM' + struct.pack('<IHHIIiiHHIIiiII', 0, 0, 0, 54, 40, 30_000, 5_000,
                                             1, 24, 0, 0, 0, 0, 0, 0))  # fmt: skip
    else:  # of a type of pixels that Pillow does not know
        cv2.imwrite(str(path), PIXELS.astype(np.float64))
        content = bytearray(path.read_bytes())
        directory = struct.unpack_from('<I', content, 4)[0]
        for entry in range(struct.unpack_from('<H', content, directory)[0]):
            place = directory + 2 + 12 * entry
            if struct.unpack_from('<H', content, place)[0] in (256, 257):
                struct.pack_into('<HII', content, place + 2, 4, 1, 30_000)
        path.write_bytes(content)


def write_truncated(path):
    content = cv2.imencode('.jpg', PIXELS)[1].tobytes()
    path.write_bytes(content[:300])


def write_float(path):
    cv2.imwrite(str(path), PIXELS.astype(np.float32))


def write_integers(path):
    Image.fromarray(PIXELS[..., 0].astype(np.int32)).save(path)


DAMAGED = {
    'empty.jpg': (lambda path: path.write_bytes(b''), 'is empty'),
    'text.jpg': (lambda path: path.write_text('<html>not found'), 'is damaged or no image'),
    'truncated.jpg': (write_truncated, 'is damaged or no image'),
    'float.tiff': (write_float, 'is a TIFF of floats.*convert it'),
    'integers.tiff': (write_integers, 'is a TIFF of integers of 32 bits.*convert it'),
    'bomb.png': (write_bomb, 'announces 30000 x 5000 pixels'),
    'huge.png': (lambda path: write_bomb(path, 1_000_000, 1_000_000), 'exceeds limit'),
    'crc.png': (lambda path: write_other_bomb(path, 'png'), 'damaged or no image'),
    'bomb.bmp': (lambda path: write_other_bomb(path, 'bmp'), 'announces 30000 x 5000 pixels'),
    'bomb.tiff': (lambda path: write_other_bomb(path, 'tiff'), 'damaged or no image'),
    'absent.jpg': (lambda path: None, 'does not exist'),
}


@pytest.mark.parametrize('name', DAMAGED)
def test_unreadable_images_are_named_by_every_loader(tmp_path, name):
    write, reason = DAMAGED[name]
    write(tmp_path / name)
    stream = TRANSFORMS.build(dict(type='LoadImageFromFile'))
    for load in (
        lambda: read_image(tmp_path / name, channel_order='rgb'),
        lambda: stream(dict(img_path=str(tmp_path / name))),
    ):
        with pytest.raises(UserError, match=f'(?s){name}.*{reason}') as caught:
            load()
        assert isinstance(caught.value, OSError)


@pytest.mark.parametrize('name', ['empty.png', 'bomb.png', 'text.png'])
def test_unreadable_masks_are_named(tmp_path, name):
    write, reason = DAMAGED.get(name, DAMAGED.get(name.replace('png', 'jpg')))
    write(tmp_path / name)
    item = dict(
        img_path='photo.jpg', seg_map_path=str(tmp_path / name), reduce_zero_label=False,
        seg_fields=[],
    )  # fmt: skip
    with pytest.raises(UserError, match=f"mask .*{name}' of image 'photo.jpg' .*{reason}"):
        LoadCheckedAnnotations()(item)


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.bmp', '.tiff'])
def test_images_are_those_of_mmcv(tmp_path, suffix):
    path = str(tmp_path / f'a{suffix}')
    cv2.imwrite(path, PIXELS)
    for order in ('bgr', 'rgb'):
        wanted = mmcv.imread(path, channel_order=order)
        np.testing.assert_array_equal(read_image(path, channel_order=order), wanted)
    results = TRANSFORMS.build(dict(type='LoadImageFromFile', to_float32=True))(dict(img_path=path))
    np.testing.assert_array_equal(results['img'], mmcv.imread(path).astype(np.float32))
    assert results['img_shape'] == results['ori_shape'] == (30, 40)


def test_a_plain_image_of_one_colour_is_no_bomb(tmp_path):
    Image.new('1', (6000, 6000)).save(tmp_path / 'black.png', optimize=True)
    assert read_image(tmp_path / 'black.png').shape == (6000, 6000, 3)
