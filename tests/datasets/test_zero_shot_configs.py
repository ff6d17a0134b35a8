"""The zero-shot configs agree in their classes, and check their data."""

import pytest
from mmseg.registry import DATASETS

from label_efficient_seg.datasets.checks.checking import check_config
from label_efficient_seg.datasets.files.zero_shot_classes import zero_shot_classes
from label_efficient_seg.engine.launch import load_config


@pytest.mark.parametrize(
    ('dataset', 'split', 'unseen', 'seen'),
    [
        ('voc', None, 5, 15),
        ('voc', 'voc_k2', 2, 19),
        ('voc', 'voc_k10', 10, 11),
        ('context', None, 4, 29),
        ('context', 'context_k6', 6, 54),
        ('coco-stuff', None, 15, 156),
    ],
)
def test_model_data_and_metric_have_the_same_split(dataset, split, unseen, seen, monkeypatch):
    monkeypatch.delenv('CLASS_SPLIT', raising=False)
    if split:
        monkeypatch.setenv('CLASS_SPLIT', split)
    for step in ('training', 'transfer', 'self-training'):
        cfg = load_config(f'sign/deeplabv2_r101_{dataset}_{step}')
        model, images = cfg.model, cfg.train_dataloader.labeled.dataset
        (split,) = [step.split for step in images.pipeline if step.type == 'HideUnseenClasses']
        assert model.split == split == cfg.val_evaluator.split == cfg.test_evaluator.split
        assert DATASETS.get(model.classes).METAINFO == DATASETS.get(images.type).METAINFO
        known = zero_shot_classes(
            model.classes, model.split, model.embeddings, model.decode_head.num_classes
        )
        assert (len(known.split.unseen), len(known.split.seen)) == (unseen, seen)


def test_toy_data_without_two_classes():
    cfg = load_config('sign/deeplabv2_r18_toy_training')
    cfg.train_dataloader.labeled.dataset.indices = 20
    cfg.val_dataloader.dataset.indices = 20
    report = check_config(cfg)
    assert [stream.inspected for stream in report.streams[:2]] == [20, 20] and not report.findings
