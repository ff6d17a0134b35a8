import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.datasets.files.masks import label_lookup
from label_efficient_seg.datasets.files.pseudo_masks import write_label

PALETTE = [[10, 20, 30], [200, 0, 0], [0, 200, 0]]


@pytest.mark.parametrize(
    'mapping',
    [
        dict(),
        dict(reduce_zero_label=True),
        dict(label_map={0: 255, 1: 0, 2: 255, 3: 1, 4: 2}),
    ],
)
def test_masks_are_read_as_they_were_meant(tmp_path, mapping):
    prediction = np.random.default_rng(0).choice([0, 1, 2, 255], (9, 7)).astype(np.uint8)
    metainfo = dict(classes=('a', 'b', 'c'), palette=PALETTE, **mapping)
    write_label(tmp_path / 'x/a.png', prediction, (9, 7), metainfo)
    image = Image.open(tmp_path / 'x/a.png')
    assert image.mode == 'P'
    np.testing.assert_array_equal(label_lookup(**mapping)[np.asarray(image)], prediction)
    colors = np.array([*PALETTE, *[[255, 255, 255]] * 253])[prediction]
    np.testing.assert_array_equal(np.asarray(image.convert('RGB')), colors)


def test_a_mask_of_another_size_has_the_nearest_labels(tmp_path):
    prediction = np.random.default_rng(0).choice([0, 1, 2, 255], (9, 7)).astype(np.uint8)
    metainfo = dict(classes=('a', 'b', 'c'), palette=PALETTE)
    write_label(tmp_path / 'a.png', prediction, (20, 31), metainfo)
    rows, columns = (((np.arange(n) + 0.5) * m / n).astype(int) for n, m in ((20, 9), (31, 7)))
    found = np.asarray(Image.open(tmp_path / 'a.png'))
    np.testing.assert_array_equal(found, prediction[np.ix_(rows, columns)])
