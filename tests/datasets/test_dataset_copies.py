"""Changed copies of datasets."""

import cv2
import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.datasets.files.dataset_copies import resize_dataset, weather_dataset
from label_efficient_seg.datasets.files.weather import HORIZON, fog, night


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / 'whole'
    for folder in ('JPEGImages/a', 'SegmentationClass/a'):
        (root / folder).mkdir(parents=True)
    gradient = np.arange(40 * 20, dtype=np.uint8).reshape(40, 20) // 4
    Image.fromarray(np.stack([gradient] * 3, -1)).save(root / 'JPEGImages/a/1.jpg', quality=100)
    mask = Image.fromarray(np.kron(np.array([[3, 255], [0, 15]]), np.ones((20, 10))).astype('u1'))
    mask.putpalette(list(range(256)) * 3)
    mask.save(root / 'SegmentationClass/a/1.png')
    return root


def test_half_size(dataset, tmp_path):
    assert resize_dataset(dataset, tmp_path / 'half', 20, workers=1) == 2
    image = Image.open(tmp_path / 'half/JPEGImages/a/1.jpg')
    assert (image.size, image.mode) == ((10, 20), 'RGB')
    mask = Image.open(tmp_path / 'half/SegmentationClass/a/1.png')
    assert mask.getpalette()[:6] == [0, 1, 2, 3, 4, 5]
    expected = np.kron(np.array([[3, 255], [0, 15]]), np.ones((10, 5)))
    np.testing.assert_array_equal(np.asarray(mask), expected)


def test_small_files_keep_their_size_and_existing_ones_their_content(dataset, tmp_path):
    resize_dataset(dataset, tmp_path / 'same', 64, workers=1)
    mask = tmp_path / 'same/SegmentationClass/a/1.png'
    assert Image.open(mask).size == (20, 40)
    mask.write_bytes(b'mine')
    resize_dataset(dataset, tmp_path / 'same', 20, workers=1)
    assert mask.read_bytes() == b'mine'


def test_errors_name_the_file(dataset, tmp_path):
    with pytest.raises(FileNotFoundError, match="whole/masks' has no file"):
        resize_dataset(dataset, tmp_path / 'half', 20, masks=['masks'])
    with pytest.raises(ValueError, match='own source'):
        resize_dataset(dataset, dataset, 20)
    with pytest.raises(ValueError, match='got 0'):
        resize_dataset(dataset, tmp_path / 'half', 0)
    (dataset / 'JPEGImages/a/1.jpg').write_bytes(b'no image')
    with pytest.raises(OSError, match=r"JPEGImages/a/1\.jpg' cannot be read"):
        resize_dataset(dataset, tmp_path / 'half', 20, workers=1)


def test_fog_is_the_light_of_the_scene_and_of_the_air():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    found = fog(image, np.random.default_rng(1))
    draws = np.random.default_rng(1)
    mean = draws.uniform(1.2, 2.2)
    field = draws.uniform(0.7, 1.3, (4, 5)).astype(np.float32)
    density = mean * cv2.resize(field, (30, 20), interpolation=cv2.INTER_CUBIC)
    air = draws.uniform(190, 225)
    for y in range(20):
        below = (y + 0.5) / 20 - HORIZON
        distance = min(1, 0.08 / below) if below > 0 else 1
        for x in range(30):
            kept = np.exp(-density[y, x] * distance)
            for c, tint in enumerate((0.98, 1, 1.02)):
                value = image[y, x, c] * kept + air * tint * (1 - kept)
                assert abs(found[y, x, c] - min(value, 255)) <= 0.51


def test_night_is_dark_and_noisy_and_darkest_in_the_sky():
    image = np.full((90, 120, 3), 200, np.uint8)
    found = night(image, np.random.default_rng(0))
    assert found.dtype == np.uint8
    light = (found / 255.0) ** 2.2
    day = (200 / 255) ** 2.2
    assert light.mean() < 0.2 * day
    rows = light.mean((1, 2))
    assert rows[:20].mean() < 0.5 * rows[40:50].mean()
    # The headlights.
    assert light[60:75, 40:80].mean() > 1.5 * light[60:75, :15].mean()
    assert (np.diff(found[0].astype(int), axis=0) != 0).any()


def test_the_weather_of_an_image_depends_on_its_name_and_the_seed(dataset, tmp_path):
    image = dataset / 'JPEGImages/a/1.jpg'
    (dataset / 'JPEGImages/a/2.jpg').write_bytes(image.read_bytes())
    folders = dict(images=['JPEGImages'], masks=['SegmentationClass'], workers=1)
    for name, seed in dict(one=0, same=0, other=1).items():
        assert weather_dataset(dataset, tmp_path / name, 'fog', **folders, seed=seed) == 3
    first, second, same, other = (
        (tmp_path / name).read_bytes()
        for name in (
            'one/JPEGImages/a/1.jpg',
            'one/JPEGImages/a/2.jpg',
            'same/JPEGImages/a/1.jpg',
            'other/JPEGImages/a/1.jpg',
        )
    )
    assert first == same
    assert len({image.read_bytes(), first, second, other}) == 4
    mask, copied = (
        Image.open(root / 'SegmentationClass/a/1.png') for root in (dataset, tmp_path / 'one')
    )
    np.testing.assert_array_equal(copied, mask)
    assert copied.getpalette() == mask.getpalette()


def test_unknown_weather(dataset, tmp_path):
    with pytest.raises(ValueError, match="one of 'fog', 'night', got 'rain'"):
        weather_dataset(dataset, tmp_path / 'rain', 'rain')


@pytest.mark.parametrize(
    ('kind', 'options'), [('resize', ['--long-side', '20']), ('weather', ['--weather', 'night'])]
)
def test_the_command_copies_the_folders_that_it_names(
    kind, options, dataset, tmp_path, les, capsys
):
    folders = ['--images', 'JPEGImages', '--masks', 'SegmentationClass']
    assert les('convert', kind, dataset, tmp_path / 'copy', *options, *folders) == 0
    assert capsys.readouterr().out.endswith(f"2 files in '{tmp_path}/copy'\n")
    assert (tmp_path / 'copy/JPEGImages/a/1.jpg').is_file()
