"""The page's configs for one's own tags, on images without masks."""

import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from label_efficient_seg.datasets import write_class_maps

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the page's configs and of images with their tags."""
    (tmp_path / 'images').mkdir()
    for name in 'abc':
        Image.new('RGB', (90, 70), (200, 100, 50)).save(tmp_path / 'images' / f'{name}.jpg')
    (tmp_path / 'train.txt').write_text('a\nb\n')
    (tmp_path / 'val.txt').write_text('c\n')
    (tmp_path / 'tags.csv').write_text('image,classes\na,cat\nb,dog;cat\nc,dog\n')
    monkeypatch.setenv('AFFINITY_SCORES', str(tmp_path / 'scores'))
    page = (ROOT / 'docs' / 'affinitynet.md').read_text(encoding='utf-8')
    for text in re.findall(r'^```python\n(.*?)^```', page, re.MULTILINE | re.DOTALL):
        name = re.match(r'# configs/mine/(\w+\.py)\n', text)[1]
        text = text.replace("'../", f"'{ROOT}/configs/").replace('data/mine', str(tmp_path))
        (tmp_path / name).write_text(text)
    return tmp_path


def test_classifier(configs: Path) -> None:
    cfg = Config.fromfile(configs / 'mine_cls.py')
    loaders = cfg.train_dataloader.tagged, cfg.val_dataloader
    train, val = (DATASETS.build(loader.dataset) for loader in loaders)
    assert train[1]['inputs'].shape == (3, 448, 448)
    assert train[1]['data_samples'].gt_label.tolist() == [0, 1]
    assert [sample['data_samples'].gt_label.tolist() for sample in val] == [[1]]


def test_cams(configs: Path) -> None:
    cfg = Config.fromfile(configs / 'mine_cls.py')
    cfg.merge_from_dict({'model.type': 'CAMSegmentor'})
    images = DATASETS.build(cfg.test_dataloader.dataset)
    samples = [images[index] for index in range(len(images))]
    assert [sample['data_samples'].image_labels for sample in samples] == [[1], [1, 2]]
    assert all(sample['inputs'].shape == (3, 70, 90) for sample in samples)
    model = MODELS.build(cfg.model)
    assert model.head.num_classes + 1 == len(images.metainfo['classes'])


def test_affinity_network(configs: Path) -> None:
    maps = np.zeros((2, 70, 90), np.float32)
    maps[1, :, :45] = maps[0, :, 45:] = 1
    for name in 'ab':
        write_class_maps(configs / 'scores' / f'{name}.npz', [0, 2], low=maps, high=maps)
    cfg = Config.fromfile(configs / 'mine_affinity.py')
    train, test = (
        DATASETS.build(loader.dataset)
        for loader in (cfg.train_dataloader.labeled, cfg.test_dataloader)
    )
    assert train[0]['data_samples'].gt_sem_seg.data.unique().tolist() == [0, 2, 255]
    assert [sample['inputs'].shape for sample in test] == [(3, 70, 90)] * 2
