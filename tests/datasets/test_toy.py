import colorsys
import csv
import dataclasses
import hashlib
import math
import multiprocessing
import os
import runpy
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from label_efficient_seg.core.cache import CACHE_VARIABLE
from label_efficient_seg.datasets import ToyDataset
from label_efficient_seg.datasets.toy import (
    ATTRIBUTE_NAMES,
    ATTRIBUTES,
    CLASSES,
    PALETTE,
    SHAPES,
    TEXTURES,
    UNSEEN_CLASSES,
    ToyObject,
    ToySpec,
    difficulty,
    folder,
    render,
    stratified_order,
    toy_root,
    write_toy,
)
from label_efficient_seg.datasets.toy.scene import signed_distance
from label_efficient_seg.datasets.toy.spec import HUES

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = ToySpec(num_train=16, num_val=3, num_target_train=4, num_target_val=2)


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp('toy')


@pytest.fixture(scope='module')
def tiny(cache):
    return Path(write_toy(str(cache), TINY))


def read_split(root, name):
    return (root / 'ImageSets' / 'Segmentation' / f'{name}.txt').read_text().split()


def read_csv(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def checksums(root):
    files = sorted(path for path in root.rglob('*') if path.is_file())
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def ring_radii(item):
    """Of a ring whose hole takes 36 % of its outer circle, with the area of a disc."""
    outer = item.radius / math.sqrt(1 - 0.36)
    return 0.6 * outer, outer


def depth(item, x, y):
    """Distance from the outline, positive inside."""
    center = math.dist((x, y), (item.x, item.y))
    if item.shape == 'disc':
        return item.radius - center
    inner, outer = ring_radii(item)
    return min(center - inner, outer - center)


def outline_length(item):
    if item.shape == 'disc':
        return 2 * math.pi * item.radius
    return 2 * math.pi * sum(ring_radii(item))


def test_classes_and_attributes():
    assert len(CLASSES) == len(PALETTE) == len(set(PALETTE)) == 7
    assert ATTRIBUTES.shape == (len(CLASSES), len(ATTRIBUTE_NAMES))
    for name, row in zip(CLASSES, ATTRIBUTES, strict=True):
        named = {a for a, value in zip(ATTRIBUTE_NAMES, row, strict=True) if value == 1}
        assert named == set(name.split('-'))
        assert row.sum() == len(named)


def test_seen_classes_show_every_shape_and_texture():
    assert set(UNSEEN_CLASSES) < set(CLASSES[1:])
    seen = [name for name in CLASSES[1:] if name not in UNSEEN_CLASSES]
    assert {name.split('-')[0] for name in seen} == set(TEXTURES)
    assert {name.split('-')[1] for name in seen} == set(SHAPES)


@pytest.mark.parametrize('shape', SHAPES)
def test_shapes_have_their_outline_and_the_area_of_a_disc(shape):
    for radius in (14.0, 21.3, 25.0, 30.0):
        item = ToyObject(
            shape, 'striped', 63.3, 64.8, radius, 8.0, 0.0, (0.0, 0.0), np.zeros((2, 3))
        )
        distance = signed_distance(item, 128)
        expected = [[-depth(item, x, y) for x in range(128)] for y in range(128)]
        assert np.abs(distance - expected).max() < 1e-4
        assert (distance < 0).sum() == pytest.approx(math.pi * radius**2, rel=0.02)


@pytest.mark.parametrize('style', ['source', 'target'])
def test_mask_agrees_with_geometry(style):
    shapes = set()
    for index in range(20):
        scene = render(ToySpec(), style, 'train', index)
        shapes.update(item.shape for item in scene.objects)
        for y in range(3, 128, 9):
            for x in range(1, 128, 9):
                depths = [depth(item, x, y) for item in scene.objects]
                if min(map(abs, depths)) < 0.75:  # near an outline
                    continue
                inside = [number for number, value in enumerate(depths, start=1) if value > 0]
                nearest = max(inside, default=0)
                assert scene.instances[y, x] == nearest
                name = 'background'
                if nearest:
                    item = scene.objects[nearest - 1]
                    name = f'{item.texture}-{item.shape}'
                assert CLASSES[scene.labels[y, x]] == name
    assert shapes == set(SHAPES)


def test_contours_are_thin_and_void():
    for index in range(10):
        scene = render(ToySpec(), 'source', 'train', index)
        void = scene.labels == 255
        assert np.array_equal(void, scene.instances == 255)
        # One pixel wide; other objects and the image border hide parts of the outlines.
        outline = sum(outline_length(item) for item in scene.objects)
        assert 0.4 * outline < void.sum() < 1.1 * outline
        # No step from one class to another without a void pixel between them.
        for a, b in (
            (scene.labels[1:], scene.labels[:-1]),
            (scene.labels[:, 1:], scene.labels[:, :-1]),
        ):
            assert not ((a != b) & (a != 255) & (b != 255)).any()


def test_objects_keep_their_least_visible_area():
    spec = ToySpec()
    counts, radii = [], []
    for index in range(40):
        scene = render(spec, 'source', 'val', index)
        counts.append(len(scene.objects))
        radii += [item.radius for item in scene.objects]
        for number, item in enumerate(scene.objects, start=1):
            visible = (scene.instances == number).sum()
            least = spec.min_visible * math.pi * item.radius**2
            assert visible >= least - outline_length(item)  # void
            assert visible <= math.pi * item.radius**2
    assert min(counts) >= 1 and max(counts) == spec.objects[1]
    assert spec.radius[0] <= min(radii) < 16 and 26 < max(radii) <= spec.radius[1]


@pytest.fixture(scope='module')
def objects():
    return [item for i in range(150) for item in render(ToySpec(), 'source', 'train', i).objects]


def test_colour_and_size_say_nothing_about_the_shape(objects):
    for texture in TEXTURES:
        rows = np.array(
            [[*item.colors.mean(0), item.radius] for item in objects if item.texture == texture]
        )
        shapes = np.array([item.shape for item in objects if item.texture == texture])
        for shape in SHAPES:
            group = rows[shapes == shape]
            assert len(group) > 25
            error = rows.std(axis=0) / math.sqrt(len(group))
            assert (np.abs(group.mean(axis=0) - rows.mean(axis=0)) < 4 * error).all()


def test_hues_scatter_around_the_one_of_the_texture(objects):
    spec = ToySpec()
    for texture, typical in HUES.items():
        colors = [item.colors.mean(0) / 255 for item in objects if item.texture == texture]
        hue, saturation, _ = np.array([colorsys.rgb_to_hsv(*color) for color in colors]).T
        deviation = (360 * hue - typical + 180) % 360 - 180
        # Within four standard errors of a normal distribution's mean and deviation.
        error = spec.hue_spread / math.sqrt(len(colors))
        assert abs(deviation.mean()) < 4 * error
        assert abs(deviation.std() - spec.hue_spread) < 4 * error / math.sqrt(2)
        low, high = spec.object_saturation
        assert low - 1e-4 <= saturation.min() < saturation.max() <= high + 1e-4


def test_rendering_depends_on_its_arguments_alone():
    first = render(TINY, 'target', 'train', 3)
    render(TINY, 'source', 'val', 0)
    again = render(dataclasses.replace(TINY, num_train=5), 'target', 'train', 3)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.labels, again.labels)
    for other in (('source', 'train', 3), ('target', 'val', 3), ('target', 'train', 2)):
        assert not np.array_equal(first.image, render(TINY, *other).image)
    reseeded = render(dataclasses.replace(TINY, seed=1), 'target', 'train', 3)
    assert not np.array_equal(first.image, reseeded.image)


def test_target_difficulty_is_graded():
    levels = np.array([difficulty(index) for index in range(200)])
    assert np.histogram(levels, bins=10, range=(0, 1))[0].tolist() == pytest.approx(
        [20] * 10, abs=1
    )
    order = np.argsort(levels)
    images = [render(ToySpec(), 'target', 'train', index).image for index in order]
    brightness = np.array([image.mean() for image in images])
    tint = np.array([image[..., 2].mean() / image[..., 0].mean() for image in images])
    easy, hard = slice(0, 50), slice(150, 200)
    assert brightness[easy].mean() > 1.3 * brightness[hard].mean()
    assert np.median(tint[hard]) > 1.2 * np.median(tint[easy])


def test_same_bytes_on_every_run(tiny, tmp_path):
    assert checksums(Path(write_toy(str(tmp_path), TINY))) == checksums(tiny)


def test_folder_is_voc_layout(tiny):
    for style, sizes in (('source', (16, 3)), ('target', (4, 2))):
        root = tiny / style
        names = read_split(root, 'train') + read_split(root, 'val')
        assert (len(read_split(root, 'train')), len(read_split(root, 'val'))) == sizes
        for kind in ('JPEGImages', 'SegmentationClass', 'SegmentationObject'):
            assert sorted(path.stem for path in (root / kind).iterdir()) == sorted(names)
        for index, name in enumerate(read_split(root, 'train')):
            scene = render(TINY, style, 'train', index)
            image = np.array(Image.open(root / 'JPEGImages' / f'{name}.png'))
            assert np.array_equal(image, scene.image)
            for kind, expected in (
                ('SegmentationClass', scene.labels),
                ('SegmentationObject', scene.instances),
            ):
                mask = Image.open(root / kind / f'{name}.png')
                assert mask.mode == 'P' and np.array_equal(np.array(mask), expected)
                assert mask.getpalette()[3:6] == list(PALETTE[1])


def test_tables(tiny):
    rows = read_csv(tiny / 'attributes.csv')
    assert [row.pop('class') for row in rows] == list(CLASSES)
    assert [[float(value) for value in row.values()] for row in rows] == ATTRIBUTES.tolist()
    assert list(rows[0]) == list(ATTRIBUTE_NAMES)
    for style in ('source', 'target'):
        rows = read_csv(tiny / style / 'image_labels.csv')
        names = read_split(tiny / style, 'train') + read_split(tiny / style, 'val')
        assert [row['image'] for row in rows] == names
        for row in rows:
            mask = np.array(Image.open(tiny / style / 'SegmentationClass' / f'{row["image"]}.png'))
            present = [name for i, name in enumerate(CLASSES) if i > 0 and (mask == i).any()]
            assert row['classes'].split() == present
    levels = read_csv(tiny / 'target' / 'difficulty.csv')
    assert [row['image'] for row in levels] == names
    assert [float(row['difficulty']) for row in levels[:2]] == [0.5, 0.118]
    assert not (tiny / 'source' / 'difficulty.csv').exists()


def test_stratified_order_follows_the_whole_set():
    rng = np.random.default_rng(0)
    presence = rng.random((160, 6)) < np.array([0.9, 0.5, 0.4, 0.3, 0.2, 0.1])
    order = stratified_order(presence, np.random.default_rng(1))
    assert sorted(order) == list(range(160))
    for count in (20, 40, 80):
        error = np.abs(presence[order[:count]].sum(axis=0) - count * presence.mean(axis=0))
        assert error.max() <= 1.5


def test_default_splits_cover_every_class(monkeypatch, tmp_path):
    # The lists need the class presence only; drawing the images would cost seconds.
    spec = ToySpec(num_val=1, num_target_train=1, num_target_val=1)
    monkeypatch.setattr(folder, '_save_png', lambda *args, **kwargs: None)
    root = Path(write_toy(str(tmp_path), spec)) / 'source'
    shown = {row['image']: row['classes'].split() for row in read_csv(root / 'image_labels.csv')}
    train, smaller = read_split(root, 'train'), set()
    for name, count in (('1_8', 40), ('1_4', 80), ('1_2', 160)):
        labeled = read_split(root, f'train_{name}_labeled')
        unlabeled = read_split(root, f'train_{name}_unlabeled')
        assert len(labeled) == count
        assert sorted(labeled + unlabeled) == train
        assert smaller < set(labeled)
        smaller = set(labeled)
        for class_name in CLASSES[1:]:
            share = np.mean([class_name in shown[image] for image in train])
            found = sum(class_name in shown[image] for image in labeled)
            assert found >= 5 and abs(found - share * count) <= 2


def test_cache_is_reused_and_depends_on_the_parameters(tiny, cache, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    monkeypatch.setattr(folder, 'render', None)
    assert write_toy(spec=TINY) == str(tiny)
    assert toy_root('target', spec=TINY) == str(tiny / 'target')
    monkeypatch.setattr('label_efficient_seg.datasets.toy.spec.GENERATOR_VERSION', 10**6)
    assert TINY.digest() not in tiny.name


def test_spec_digest_sees_every_parameter():
    digests = {ToySpec().digest()}
    for field in dataclasses.fields(ToySpec):
        value = getattr(ToySpec(), field.name)
        value = (value[0], value[1] + 1) if isinstance(value, tuple) else value + 1
        digests.add(ToySpec(**{field.name: value}).digest())
    assert len(digests) == 1 + len(dataclasses.fields(ToySpec))
    assert ToySpec(objects=[2, 5]).digest() == ToySpec().digest()


def test_a_half_written_folder_is_never_used(monkeypatch, tmp_path):
    real = folder.render

    def interrupted(spec, style, split, index):
        if style == 'target':
            raise KeyboardInterrupt
        return real(spec, style, split, index)

    monkeypatch.setattr(folder, 'render', interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_toy(str(tmp_path), TINY)
    assert list(tmp_path.iterdir()) == []
    # What kill -9 leaves behind carries another name.
    leftover = tmp_path / f'.toy-{TINY.digest()}-killed'
    leftover.mkdir()
    monkeypatch.setattr(folder, 'render', real)
    root = Path(write_toy(str(tmp_path), TINY))
    assert len(read_split(root / 'target', 'train')) == 4


def test_leftovers_of_killed_writers_are_removed_after_a_day(tmp_path):
    names = {'.toy-0123456789-old': 25, '.toy-0123456789-new': 23, 'other': 25}
    for name, hours in names.items():
        (tmp_path / name / 'source').mkdir(parents=True)
        then = time.time() - hours * 3600
        os.utime(tmp_path / name, (then, then))
    root = write_toy(str(tmp_path), TINY)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {Path(root).name, '.toy-0123456789-new', 'other'}


def test_processes_that_start_together_share_one_folder(tiny, tmp_path):
    context = multiprocessing.get_context('fork')
    with context.Pool(3) as pool:
        roots = pool.starmap(write_toy, [(str(tmp_path), TINY)] * 3)
    assert len(set(roots)) == 1
    assert os.listdir(tmp_path) == [Path(roots[0]).name]
    assert checksums(Path(roots[0])) == checksums(tiny)


def test_dataset_labeled_and_unlabeled(tiny):
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadCheckedAnnotations')]
    config = dict(type='ToyDataset', split='train_1_8_labeled', data_root=str(tiny))
    labeled = DATASETS.build(dict(config, pipeline=pipeline))
    assert isinstance(labeled, ToyDataset) and len(labeled) == 2
    assert labeled.metainfo['classes'] == CLASSES
    sample = labeled[0]
    index = int(Path(sample['img_path']).stem.split('_')[1])
    scene = render(TINY, 'source', 'train', index)
    assert np.array_equal(sample['img'][..., ::-1], scene.image)
    assert np.array_equal(sample['gt_seg_map'], scene.labels)
    assert (sample['num_classes'], sample['ignore_index']) == (7, 255)

    unlabeled = ToyDataset('train_1_8_unlabeled', labeled=False, data_root=str(tiny))
    assert len(unlabeled) == 14
    assert all('seg_map_path' not in unlabeled.get_data_info(i) for i in range(14))
    target = ToyDataset('train', style='target', data_root=str(tiny), indices=3)
    assert len(target) == 3
    assert Path(target.get_data_info(0)['img_path']).parents[1] == tiny / 'target'


def test_dataset_writes_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    spec = dict(num_train=2, num_val=1, num_target_train=1, num_target_val=1, radius=[9, 20])
    assert len(ToyDataset('val', spec=spec)) == 1
    assert len(ToyDataset('train', spec=ToySpec(**spec))) == 2
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        (dict(split='train_1_16'), FileNotFoundError, "'train_1_16'.*train_1_8_labeled"),
        (dict(style='sketch'), ValueError, "'sketch'.*source, target"),
        (dict(spec=dict(num_train=4)), ValueError, 'either data_root or spec'),
        (dict(data_root='/nonexistent'), FileNotFoundError, 'leave data_root unset'),
    ],
)
def test_dataset_errors(tiny, arguments, error, message):
    with pytest.raises(error, match=message):
        ToyDataset(**dict(dict(data_root=str(tiny)), **arguments))


def test_other_errors(tmp_path):
    with pytest.raises(ValueError, match='unknown toy style'):
        toy_root('sketch', str(tmp_path))
    with pytest.raises(ValueError, match=r'radius is \(30, 9\)'):
        ToySpec(radius=(30, 9))
    with pytest.raises(ValueError, match=r'objects is \(0, 3\).*0 < low'):
        ToySpec(objects=(0, 3))
    with pytest.raises(ValueError, match=r'target_blur is \(1,\); give two numbers$'):
        ToySpec(target_blur=(1,))
    with pytest.raises(ValueError, match='num_val is 0'):
        ToySpec(num_val=0)
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match=CACHE_VARIABLE):
        write_toy(str(tmp_path / 'file' / 'below'), TINY)


def test_command_line(tiny, tmp_path, monkeypatch, capsys):
    # The default size would take seconds to draw: a finished folder stands in for it.
    default = tmp_path / f'toy-{ToySpec().digest()}'
    default.symlink_to(tiny)
    monkeypatch.setattr(sys, 'argv', ['toy', '--out', str(tmp_path)])
    runpy.run_module('label_efficient_seg.datasets.toy', run_name='__main__')
    lines = capsys.readouterr().out.splitlines()
    assert str(default) in lines
    table = {line.split()[0]: line.split()[1:] for line in lines if line.split()}
    assert table['background'][0] == '16'
    for index, name in enumerate(CLASSES):
        masks = [
            np.array(Image.open(tiny / 'source' / 'SegmentationClass' / f'{image}.png'))
            for image in read_split(tiny / 'source', 'train')
        ]
        assert int(table[name][0]) == sum((mask == index).any() for mask in masks)
        share = sum((m == index).sum() for m in masks) / sum((m != 255).sum() for m in masks)
        assert float(table[name][1].rstrip('%')) == pytest.approx(100 * share, abs=0.006)


def test_config_builds_its_datasets(tiny):
    config = Config.fromfile(REPOSITORY / 'configs' / '_base_' / 'datasets' / 'toy.py')
    streams = config.train_dataloader
    for loader, size in (
        (streams.labeled, 2), (streams.unlabeled, 8), (config.val_dataloader, 3),
    ):  # fmt: skip
        dataset = DATASETS.build(dict(loader.dataset, data_root=str(tiny), indices=8))
        assert len(dataset) == size
        data = dataset[0]
        mask = data['data_samples'].gt_sem_seg.data
        assert data['inputs'].shape[1:] == mask.shape[1:]
        if loader is streams.unlabeled:
            assert set(mask.unique().tolist()) == {0}


def test_test_time_augmentation_flips(tiny):
    config = Config.fromfile(REPOSITORY / 'configs' / '_base_' / 'datasets' / 'toy.py')
    assert config.tta_model.type == 'SegTTAModel'
    data = ToyDataset('val', data_root=str(tiny)).get_data_info(0)
    for transform in config.tta_pipeline:
        data = TRANSFORMS.build(transform)(data)
    plain, flipped = data['inputs']
    assert np.array_equal(flipped, plain.flip(-1)) and not np.array_equal(flipped, plain)
    assert [sample.flip for sample in data['data_samples']] == [False, True]
    # Merged predictions are flipped back, masks stay as they are.
    first, second = (sample.gt_sem_seg.data for sample in data['data_samples'])
    assert np.array_equal(first, second)
