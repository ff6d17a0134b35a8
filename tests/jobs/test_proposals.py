"""Proposals of small images, and how many objects they find."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from label_efficient_seg.datasets import read_proposals
from label_efficient_seg.datasets.files.instances import object_boxes
from label_efficient_seg.jobs import ProposalJob, ProposalSettings, proposals
from label_efficient_seg.jobs.fingerprint import read_run
from label_efficient_seg.visualization import make_proposal_panel, plot_recall
from label_efficient_seg.workflows import ProposalStage, Report
from tests.jobs import cam_case
from tests.jobs.cam_case import NAMES, NUMBER, files, mask_of

CONFIG = 'advsemi/deeplabv2_r18_toy_semi'


def make(cfg: Config, out: Path, num: int = 60, **kwargs) -> None:
    ProposalJob(cfg, out, ProposalSettings(num=num, **kwargs)).run()


def summary(out: Path) -> dict:
    return json.loads((out / 'proposals.json').read_text())


def overlap(box: Sequence[float], other: Sequence[float]) -> float:
    (a1, b1, a2, b2), (c1, d1, c2, d2) = box, other
    common = max(min(a2, c2) - max(a1, c1), 0) * max(min(b2, d2) - max(b1, d1), 0)
    return common / ((a2 - a1) * (b2 - b1) + (c2 - c1) * (d2 - d1) - common)


@pytest.fixture(scope='module')
def data_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('data')
    cam_case.make_data(root)
    return root


@pytest.fixture(scope='module')
def made(data_root, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('made')
    make(cam_case.config(data_root), out)
    return out


def test_recall_object_by_object(data_root, made):
    run = read_run(made / 'proposals', 'tool')
    best = {10: [], 50: [], 60: []}
    total = 0
    for name in NAMES:
        mask = mask_of(data_root, name)
        found = read_proposals(made / 'proposals' / f'{name}.npz', run)
        assert found.size == mask.shape
        total += len(found.boxes)
        for _, box in object_boxes(mask):
            if min(box[2] - box[0], box[3] - box[1]) >= 8:
                for count, values in best.items():
                    values.append(max(overlap(box, b) for b in found.boxes[:count]))
    metrics = summary(made)
    assert metrics['objects'] == len(best[10]) > 10 and metrics['images'] == NUMBER
    assert metrics['proposals_per_image'] == round(total / NUMBER, 1)
    assert (metrics['method'], metrics['num']) == ('windows', 60)
    for iou in (0.5, 0.7):
        expected = {str(c): round(100 * np.mean(np.array(v) >= iou), 2) for c, v in best.items()}
        assert metrics['recall'][f'{iou:g}'] == expected
    assert (made / 'recall.png').exists() and len(list((made / 'panels').iterdir())) == 8


def test_images_without_masks(data_root, made, tmp_path):
    tags = cam_case.write_tags(tmp_path / 'tags.json', dict.fromkeys(NAMES, [1]))
    out = tmp_path / 'out'
    make(cam_case.config(data_root, labeled=False, tags=tags), out)
    assert 'recall' not in summary(out) and not (out / 'recall.png').exists()
    assert summary(out)['proposals_per_image'] == summary(made)['proposals_per_image']


def run_in(root: Path, out: Path, kill_at: int = 0) -> Callable[[str], None]:
    def run(launcher: str) -> None:
        cfg = cam_case.config(root)
        cfg.launcher = launcher
        if kill_at:
            cam_case.die_at(proposals, 'write_proposals', kill_at)
        make(cfg, out)

    return run


def test_killed_and_continued_by_fewer_processes(data_root, made, tmp_path):
    cam_case.launch(2, run_in(data_root, tmp_path, kill_at=4), killed=True)
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / 'proposals').rglob('*.npz')}
    assert len(done) == 6 and not (tmp_path / 'proposals.json').exists()
    cam_case.launch(1, run_in(data_root, tmp_path))
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert files(tmp_path) == files(made)


def test_other_settings(data_root, made):
    cfg = cam_case.config(data_root)
    for other in (dict(num=61), dict(method='edge_boxes')):
        with pytest.raises(ValueError, match='holds proposals of another config'):
            make(cfg, made, **other)
    with pytest.raises(ValueError, match="unknown method 'x'"):
        ProposalStage(CONFIG, method='x')
    with pytest.raises(ValueError, match='must be positive, but is 0'):
        ProposalSettings(num=0)


def test_stage(made):
    stage = ProposalStage(CONFIG, num=60)
    result = stage.collect(made)
    values = summary(made)['recall']['0.5']
    assert result.outputs == dict(proposals=made / 'proposals')
    assert result.metrics == dict(recall_50=values['50'], recall_60=values['60'])
    report = Report('Run')
    stage.describe(report, made)
    assert report.to_html().count('<img') == 9


def test_metrics():
    image = np.full((40, 60, 3), 200, np.uint8)
    boxes, objects = (
        np.array([[5, 5, 30, 30], [1, 2, 9, 9.0]]),
        np.array([[5, 6, 30, 30], [40, 9, 55, 30]]),
    )
    panels = [
        make_proposal_panel(image, boxes, found, caption='a')
        for found in (objects, objects[:0], None)
    ]
    assert panels[0].shape[1] == panels[1].shape[1] > panels[2].shape[1]
    colors = {tuple(color) for color in panels[0].reshape(-1, 3).tolist()}
    assert {(0, 158, 115), (213, 94, 0), (86, 180, 233)} <= colors
    assert make_proposal_panel(image, boxes[:0], objects).ndim == 3
    assert plot_recall({'IoU 0.5': {10: 20.0, 50: 40.0}}).startswith(b'\x89PNG')
    with pytest.raises(ValueError, match='at least one value'):
        plot_recall({})
