import csv
import dataclasses
import hashlib
import math
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from label_efficient_seg.datasets.toy import (
    ATTRIBUTE_NAMES,
    ATTRIBUTES,
    CLASSES,
    PALETTE,
    UNSEEN_CLASSES,
    ToyDataset,
    ToySpec,
    folder,
    render,
    stratified_order,
    toy_root,
    write_toy,
)
from label_efficient_seg.datasets.toy.style import difficulty

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


def polygon(item):
    """Corners of an object whose area is that of a disc of its radius."""
    sides = {'square': 4, 'triangle': 3}[item.shape]
    # Area of a regular n-gon by its circumradius R: n R^2 sin(2 pi / n) / 2.
    circumradius = item.radius * math.sqrt(2 * math.pi / (sides * math.sin(2 * math.pi / sides)))
    # The angle points at the middle of an edge.
    corners = [item.angle + (2 * k + 1) * math.pi / sides for k in range(sides)]
    return [
        (item.x + circumradius * math.cos(a), item.y + circumradius * math.sin(a)) for a in corners
    ]


def side_of_object(item, x, y):
    """+1 well inside, -1 well outside, 0 within 0.75 px of the outline; by corner triangles."""
    if item.shape == 'disc':
        distance = item.radius - math.dist((x, y), (item.x, item.y))
    else:
        corners = polygon(item)
        distance = math.inf
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
            distance = min(distance, cross / math.dist((ax, ay), (bx, by)))
    return 0 if abs(distance) < 0.75 else int(math.copysign(1, distance))


def test_classes_and_attributes():
    assert len(CLASSES) == len(PALETTE) == len(set(PALETTE)) == 10
    assert ATTRIBUTES.shape == (len(CLASSES), len(ATTRIBUTE_NAMES))
    for name, row in zip(CLASSES, ATTRIBUTES, strict=True):
        named = {a for a, value in zip(ATTRIBUTE_NAMES, row, strict=True) if value == 1}
        assert named == set(name.split('-'))
        assert row.sum() == len(named)
    seen = [index for index, name in enumerate(CLASSES) if name not in UNSEEN_CLASSES]
    assert len(seen) == len(CLASSES) - len(UNSEEN_CLASSES)
    assert ATTRIBUTES[seen].max(axis=0).tolist() == [1] * len(ATTRIBUTE_NAMES)


@pytest.mark.parametrize('style', ['source', 'target'])
def test_mask_agrees_with_geometry(style):
    shapes = set()
    for index in range(20):
        scene = render(ToySpec(), style, 'train', index)
        shapes.update(item.shape for item in scene.objects)
        for y in range(3, 128, 9):
            for x in range(1, 128, 9):
                sides = [side_of_object(item, x, y) for item in scene.objects]
                if 0 in sides:
                    continue
                inside = [number for number, side in enumerate(sides, start=1) if side > 0]
                nearest = max(inside, default=0)
                assert scene.instances[y, x] == nearest
                name = 'background'
                if nearest:
                    item = scene.objects[nearest - 1]
                    name = f'{item.texture}-{item.shape}'
                assert CLASSES[scene.labels[y, x]] == name
    assert shapes == {'disc', 'square', 'triangle'}


def test_contours_are_thin_and_void():
    for index in range(10):
        scene = render(ToySpec(), 'source', 'train', index)
        void = scene.labels == 255
        assert np.array_equal(void, scene.instances == 255)
        outline = sum(2 * math.pi * item.radius for item in scene.objects)
        # A square's outline is 1.13 times as long as the disc's, a triangle's 1.29 times.
        assert 0.3 * outline < void.sum() < 1.5 * outline
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
            outline = 2 * math.pi * item.radius * 1.3
            visible = (scene.instances == number).sum()
            assert visible >= spec.min_visible * math.pi * item.radius**2 - outline
            assert visible <= math.pi * item.radius**2
    assert min(counts) >= 1 and max(counts) == spec.objects[1]
    assert spec.radius[0] <= min(radii) < 12 and 24 < max(radii) <= spec.radius[1]


def test_colour_says_nothing_about_the_class():
    colors = {}
    for index in range(150):
        for item in render(ToySpec(), 'source', 'train', index).objects:
            colors.setdefault(item.class_index, []).append(item.colors.mean(axis=0))
    middle = np.array([np.mean(rows, axis=0) for _, rows in sorted(colors.items())])
    assert middle.shape == (9, 3)
    # Uniform colours in [40, 215] have deviation 50; a mean over 30 or more is within 4 sigma.
    fewest = min(len(rows) for rows in colors.values())
    assert np.abs(middle - 127.5).max() < 4 * 50.5 / math.sqrt(fewest)


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
    monkeypatch.setenv(folder.CACHE_VARIABLE, str(cache))
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


def test_processes_that_start_together_share_one_folder(tiny, tmp_path):
    context = multiprocessing.get_context('fork')
    with context.Pool(3) as pool:
        roots = pool.starmap(write_toy, [(str(tmp_path), TINY)] * 3)
    assert len(set(roots)) == 1
    assert os.listdir(tmp_path) == [Path(roots[0]).name]
    assert checksums(Path(roots[0])) == checksums(tiny)


def test_dataset_labeled_and_unlabeled(tiny):
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
    config = dict(type='ToyDataset', split='train_1_8_labeled', data_root=str(tiny))
    labeled = DATASETS.build(dict(config, pipeline=pipeline))
    assert isinstance(labeled, ToyDataset) and len(labeled) == 2
    assert labeled.metainfo['classes'] == CLASSES
    sample = labeled[0]
    index = int(Path(sample['img_path']).stem.split('_')[1])
    scene = render(TINY, 'source', 'train', index)
    assert np.array_equal(sample['img'][..., ::-1], scene.image)
    assert np.array_equal(sample['gt_seg_map'], scene.labels)

    unlabeled = ToyDataset('train_1_8_unlabeled', labeled=False, data_root=str(tiny))
    assert len(unlabeled) == 14
    assert all('seg_map_path' not in unlabeled.get_data_info(i) for i in range(14))
    target = ToyDataset('train', style='target', data_root=str(tiny), indices=3)
    assert len(target) == 3
    assert Path(target.get_data_info(0)['img_path']).parents[1] == tiny / 'target'


def test_dataset_writes_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(folder.CACHE_VARIABLE, str(tmp_path))
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
    with pytest.raises(OSError, match=folder.CACHE_VARIABLE):
        write_toy(str(tmp_path / 'file' / 'below'), TINY)


def test_command_line(tiny, cache, tmp_path):
    # The default size would take seconds to draw: a finished folder stands in for it.
    default = tmp_path / f'toy-{ToySpec().digest()}'
    default.symlink_to(tiny)
    result = subprocess.run(
        [sys.executable, '-m', 'label_efficient_seg.datasets.toy', '--out', str(tmp_path)],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = result.stdout.splitlines()
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
