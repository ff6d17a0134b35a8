"""The dataset configs of domain adaptation on miniature data in the real layouts."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.datasets.transforms import PackSegInputs  # noqa: F401 - registers
from mmseg.registry import DATASETS, METRICS, TRANSFORMS
from PIL import Image

from label_efficient_seg.core.config_index import get_config, resource_root
from label_efficient_seg.datasets import SYNTHIADataset
from label_efficient_seg.datasets.checks.checking import check_config
from label_efficient_seg.datasets.files.splits import read_split

from .conftest import random_mask, write_image, write_list, write_mask

CONFIGS = resource_root() / 'configs' / '_base_' / 'datasets'
SPLITS = resource_root() / 'splits'
SIZES = dict(num_train=3, num_val=1, num_target_train=4, num_target_val=2)
# Streams with the height and width of their images in training; the first one has masks.
STREAMS = {
    'gta5_to_cityscapes': dict(source=(720, 1280), target=(512, 1024)),
    'synthia_to_cityscapes': dict(source=(20, 30), target=(512, 1024)),
    'synscapes_to_cityscapes': dict(source=(20, 30), target=(512, 1024)),
    'intrada/deeplabv2_r101_cityscapes_intrada': dict(easy=(512, 1024), hard=(512, 1024)),
    'gta5_to_cityscapes_crops': dict(source=(512, 512), target=(512, 512)),
    'synthia_to_cityscapes_crops': dict(source=(20, 30), target=(512, 512)),
    'cityscapes_to_acdc_crops': dict(source=(512, 512), target=(512, 512)),
    'camvid_day_to_dusk': dict(source=(241, 241), target=(241, 241)),
    'camvid_to_idd_lite': dict(source=(97, 129), target=(97, 129)),
    'camvid_to_weather': dict(source=(97, 129), target=(97, 129)),
    'intrada/mobilenetv2_camvid-dusk_intrada': dict(easy=(241, 241), hard=(241, 241)),
    'toy_source_to_target': dict(source=(113, 113), target=(113, 113)),
    'intrada/deeplabv2_r18_toy_intrada': dict(easy=(113, 113), hard=(113, 113)),
}
SOURCES = dict(gta5='images', synthia='RGB', synscapes='img/rgb')


def write_pairs(images: Path, masks: Path | None, ids: list[str], suffixes: tuple[str, str]):
    """Sound files for the first two ids; of the others, which no test reads, the names only."""
    for index, name in enumerate(ids):
        image = images / f'{name}{suffixes[0]}'
        mask = masks / f'{name}{suffixes[1]}' if masks else None
        if index < 2:
            write_image(image, seed=index)
            if mask:
                write_mask(mask, random_mask(index, 11), palette=True)
            continue
        for path in filter(None, (image, mask)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


@pytest.fixture(scope='module')
def roots(tmp_path_factory) -> dict[str, Path]:
    """Miniatures of the datasets, with all images that the shipped lists name."""
    folder = tmp_path_factory.mktemp('urban')
    found = {}
    for name, images in SOURCES.items():
        root = found[f'{name.upper()}_ROOT'] = folder / name
        write_pairs(root / images, root / 'labels_train_ids', ['1', '2'], ('.png', '.png'))
        write_list(root / 'labels_train_ids.txt', ['1', '2'])
    root = found['CITYSCAPES_ROOT'] = folder / 'cityscapes'
    for part in ('train', 'val'):
        ids = read_split(SPLITS / 'cityscapes' / f'{part}.txt')
        masks = root / 'gtFine' / part if part == 'val' else None  # training images have none
        suffixes = ('_leftImg8bit.png', '_gtFine_labelTrainIds.png')
        write_pairs(root / 'leftImg8bit' / part, masks, ids, suffixes)
        write_list(root / f'small_{part}.txt', ids[:2])
    root = found['CAMVID_ROOT'] = folder / 'camvid'
    found['CAMVID_WEATHER_ROOT'] = root
    for change in ('weather', 'day_to_dusk'):
        for part in ('source', 'target', 'target_val'):
            ids = read_split(SPLITS / 'camvid' / change / f'{part}.txt')
            masks = root / 'labels' if part != 'target' else None
            write_pairs(root / 'images', masks, ids, ('.jpg', '.png'))
    root = found['IDD_LITE_ROOT'] = folder / 'idd_lite'
    for part, ids in dict(train=['a', 'b'], val=['c', 'd']).items():
        write_pairs(root / 'images', None, ids, ('.jpg', '.png'))
        write_list(root / f'{part}.txt', ids)
    for name in ('c', 'd'):
        write_mask(root / f'labels/{name}.png', random_mask(0, 7))
    root = found['ACDC_ROOT'] = folder / 'acdc'
    suffixes = ('_rgb_anon.png', '_gt_labelTrainIds.png')
    for part in ('train', 'val'):
        masks = root / 'gt' / part if part == 'val' else None
        write_pairs(root / 'rgb_anon' / part, masks, ['fog/a', 'night/b'], suffixes)
    return found


@pytest.fixture
def load(roots, tmp_path, monkeypatch):
    """Load a config, with a ranking of the first two images of its target."""
    for variable, root in roots.items():
        monkeypatch.setenv(variable, str(root))
    monkeypatch.setenv('RANKING_ROOT', str(tmp_path / 'ranking'))

    def _load(name: str) -> Config:
        folder = CONFIGS.parents[1] if '/' in name else CONFIGS
        cfg = Config.fromfile(folder / f'{name}.py')
        if 'easy' in cfg.train_dataloader:
            size = (20, 30)
            if 'cityscapes' in name:
                ids = read_split(SPLITS / 'cityscapes/train.txt')
            elif 'camvid' in name:
                ids = read_split(SPLITS / 'camvid/day_to_dusk/target.txt')
            else:
                ids, size = ['train_0000', 'train_0001'], (128, 128)
            mask = random_mask(7, 7, *size)
            write_mask(tmp_path / f'ranking/pseudo_masks/{ids[0]}.png', mask, palette=True)
            write_list(tmp_path / 'ranking/easy.txt', ids[:1])
            write_list(tmp_path / 'ranking/hard.txt', ids[1:2])
        if 'acdc' in name:
            cfg.train_dataloader.source.dataset.ann_file = 'small_val.txt'
            part = dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val')
            cfg.train_dataloader.source.dataset.data_prefix = part
        for loader in (*cfg.train_dataloader.values(), cfg.val_dataloader, cfg.test_dataloader):
            if loader.dataset.type == 'ToyDataset':
                loader.dataset.spec = SIZES
        return cfg

    return _load


@pytest.mark.parametrize('name', STREAMS)
def test_every_stream_gives_what_a_model_needs(name, load):
    cfg = load(name)
    assert list(cfg.train_dataloader) == list(STREAMS[name])
    classes = set()
    for number, (stream, shape) in enumerate(STREAMS[name].items()):
        dataset = DATASETS.build(cfg.train_dataloader[stream].dataset)
        classes.add(dataset.metainfo['classes'])
        sample = dataset[0]
        assert sample['inputs'].shape == (3, *shape)
        mask = sample['data_samples'].gt_sem_seg.data
        assert mask.shape == (1, *shape)
        labels = set(mask.unique().tolist())
        allowed = {*range(len(dataset.metainfo['classes'])), 255}
        assert labels <= (allowed if number == 0 else {0, 255})
        assert number == 1 or len(labels) > 2
        assert ('seg_map_path' in sample['data_samples'].metainfo) == (number == 0)
    val = DATASETS.build(cfg.val_dataloader.dataset)
    assert classes == {val.metainfo['classes']}
    truth = val[0]['data_samples'].gt_sem_seg.data
    assert truth.shape == ((1, 128, 128) if 'toy' in name else (1, 20, 30))
    inputs = (512, 1024) if 'cityscapes' in name else truth.shape[1:]
    small = dict.fromkeys(('camvid_to_idd_lite', 'camvid_to_weather'), (113, 160))
    inputs = dict(small, cityscapes_to_acdc_crops=(540, 960)).get(name, inputs)
    assert val[0]['inputs'].shape == (3, *inputs)
    METRICS.build(cfg.val_evaluator).dataset_meta = val.metainfo


@pytest.mark.parametrize(
    ('name', 'counts'),
    [
        ('gta5_to_cityscapes', (2, 2975, 500)),
        ('camvid_day_to_dusk', (577, 62, 62)),
        ('camvid_to_weather', (305, 171, 101)),
        ('toy_source_to_target', (3, 4, 2)),
        ('intrada/deeplabv2_r101_cityscapes_intrada', (1, 1, 500)),
    ],
)
def test_numbers_of_images(name, counts, load):
    cfg = load(name)
    loaders = (*cfg.train_dataloader.values(), cfg.val_dataloader)
    assert tuple(len(DATASETS.build(loader.dataset)) for loader in loaders) == counts


def test_images_are_resized_as_in_the_released_code(load):
    cfg = load('gta5_to_cityscapes')
    sizes = [step['scale'] for step in cfg.source_pipeline if step['type'] == 'Resize']
    assert sizes == [(1280, 720)]
    image = np.random.default_rng(0).integers(0, 256, (60, 120, 3), dtype=np.uint8)
    resize = TRANSFORMS.build(dict(cfg.target_resize, scale=(30, 15)))
    found = resize(dict(img=image, seg_fields=[]))['img']
    expected = Image.fromarray(image).resize((30, 15), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(found, expected)


def test_synthia_has_the_same_16_classes_in_all_streams(load):
    cfg = load('synthia_to_cityscapes')
    loaders = (*cfg.train_dataloader.values(), cfg.val_dataloader, cfg.test_dataloader)
    assert {loader.dataset.metainfo.classes for loader in loaders} == {SYNTHIADataset.CLASSES}
    thirteen = set(SYNTHIADataset.CLASSES) - {'wall', 'fence', 'pole'}
    assert set(cfg.val_evaluator.subsets.mIoU13) == thirteen


def test_synthia_passes_the_check_of_data(load):
    cfg = load('synthia_to_cityscapes')
    cfg.train_dataloader.target.dataset.ann_file = 'small_train.txt'
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.ann_file = 'small_val.txt'
    cfg.model = dict(decode_head=dict(num_classes=16))
    report = check_config(cfg)
    # There are too few pixels for all classes.
    assert {finding.kind for finding in report.findings} == {'class without a pixel'}
    assert [len(stream.samples) for stream in report.streams] == [2, 2, 2, 2]


@pytest.mark.parametrize('name', ['gta5_to_cityscapes', 'camvid_day_to_dusk'])
def test_test_time_augmentation_can_be_built(name, load):
    cfg = load(name)
    dataset = DATASETS.build(dict(cfg.val_dataloader.dataset, pipeline=cfg.tta_pipeline))
    assert len(dataset[0]['inputs']) == 2 * len(cfg.tta_pipeline[1].transforms[0])


def test_the_ranking_is_below_the_working_directory_by_default(monkeypatch, tmp_path):
    monkeypatch.delenv('RANKING_ROOT', raising=False)
    monkeypatch.chdir(tmp_path)
    cfg = get_config('intrada/deeplabv2_r101_cityscapes_intrada')
    easy = cfg.train_dataloader.easy.dataset
    assert easy.ann_file == f'{tmp_path}/work_dirs/ranking/easy.txt'
    assert easy.data_prefix.seg_map_path == f'{tmp_path}/work_dirs/ranking/pseudo_masks'
    with pytest.raises(FileNotFoundError, match=f"split file '{tmp_path}/work_dirs/ranking/easy"):
        DATASETS.build(easy)
