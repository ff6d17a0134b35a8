"""Masks that are broken or hostile."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.core.errors import FileError, UserError
from label_efficient_seg.datasets.checks.inspection import Inspection, Sample, inspect
from label_efficient_seg.datasets.files.make_split import read_presence
from label_efficient_seg.datasets.files.masks import MaskError
from label_efficient_seg.datasets.transforms import LoadCheckedAnnotations
from tests.fuzzing.mutations import check_reader, mutations

# What NumPy, PyTorch and Pillow warn of before they fail is not what is tested.
pytestmark = pytest.mark.filterwarnings('ignore')

SHAPE = (9, 12)
LABELS = np.random.default_rng(0).integers(0, 3, SHAPE, np.uint8)


def encode(image: Image.Image, kind: str = 'PNG', **kwargs) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **kwargs)
    return file.getvalue()


def palette_mask() -> bytes:
    image = Image.fromarray(LABELS).convert('P')
    image.putpalette([7 * i % 256 for i in range(768)])
    return encode(image)


def of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size which its data do not have."""
    header = struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)
    parts = [(b'IHDR', header), (b'IDAT', zlib.compress(bytes(1000))), (b'IEND', b'')]
    chunks = [
        struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
        for name, data in parts
    ]
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunks)


def hostile() -> list[bytes]:
    image = Image.fromarray(LABELS)
    modes = ('1', 'LA', 'RGB', 'RGBA', 'I', 'I;16', 'P')
    found = [encode(image.convert(mode)) for mode in modes]
    found += [encode(image.convert(mode), 'TIFF') for mode in ('F', 'I', 'CMYK', 'L')]
    found += [encode(image, 'GIF', save_all=True, append_images=[image] * 3), encode(image, 'JPEG')]
    found += [encode(image.resize((5, 5)), 'PNG'), encode(Image.new('L', (1, 1)))]
    sizes = [(2**31 - 1, 2**31 - 1), (70_000, 70_000), (0, 5), (5, 0), (2**32 - 1, 1), (12, 9)]
    return found + [of_size(*size) for size in sizes]


def load(path: Path) -> np.ndarray:
    item = dict(seg_map_path=str(path), img_path='a.jpg', ori_shape=SHAPE, num_classes=3)
    item.update(seg_fields=[], reduce_zero_label=False)
    return LoadCheckedAnnotations()(item)['gt_seg_map']


def is_mask(mask: np.ndarray) -> bool:
    return mask.dtype == np.uint8 and mask.shape == SHAPE and set(np.unique(mask)) <= {0, 1, 2, 255}


VALID = {'grey': encode(Image.fromarray(LABELS)), 'palette': palette_mask()}


@pytest.mark.parametrize('kind', VALID)
def test_loading(tmp_path, kind):
    path = tmp_path / 'a.png'
    path.write_bytes(VALID[kind])
    np.testing.assert_array_equal(load(path), LABELS)
    contents = [*mutations(VALID[kind]), *hostile()]
    assert check_reader(load, path, contents, is_mask, FileError, MaskError) > 60


@pytest.mark.parametrize('kind', VALID)
def test_inspection_never_fails(tmp_path, kind):
    path, image = tmp_path / 'a.png', tmp_path / 'a.jpg'
    Image.new('RGB', SHAPE[::-1]).save(image)
    contents = [*mutations(VALID[kind]), *hostile()]

    def examine(path: Path) -> tuple[Inspection, Inspection]:
        return inspect(Sample(str(image), str(path), 3)), inspect(Sample(str(path)))

    def is_sound(found: tuple[Inspection, Inspection]) -> bool:
        texts = [text for inspection in found for _, text in inspection.faults]
        counts = found[0].counts
        return all(str(path) in text for text in texts) and (texts or counts.sum() == LABELS.size)

    assert check_reader(examine, path, contents, is_sound) == 0
    path.write_bytes(VALID[kind][:-40])
    assert examine(path)[0].faults[0][0] == 'corrupt mask'


def test_classes_of_masks(tmp_path):
    path = tmp_path / 'a.png'

    def read(path: Path) -> np.ndarray:
        return read_presence(['a'], tmp_path, workers=1)[1]

    def is_presence(found: np.ndarray) -> bool:
        return found.dtype == bool and len(found) == 1

    contents = [*mutations(VALID['grey']), *hostile()]
    assert check_reader(read, path, contents, is_presence, UserError) > 60


def test_folder(tmp_path):
    with pytest.raises(OSError, match=f"mask '{tmp_path}' of image 'a.jpg' cannot be read"):
        load(tmp_path)
