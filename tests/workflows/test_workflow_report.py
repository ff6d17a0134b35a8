"""The tables, and a workflow of a real training and its test."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from label_efficient_seg.workflows import (
    Result,
    Stage,
    Workflow,
    print_results,
    result_table,
    write_report,
)
from tests.workflows.fake_stage import FakeStage, fake

TINY = {
    'train_cfg.max_iters': 4,
    'train_cfg.val_interval': 2,
    'default_hooks.logger.interval': 1,
    'default_hooks.checkpoint.interval': 4,
    'model.backbone.base_channels': 4,
    'model.backbone.stem_channels': 4,
    'model.backbone.init_cfg': None,
    'model.decode_head.in_channels': 32,
    'val_dataloader.dataset.indices': 2,
    'test_dataloader.dataset.indices': 2,
}
STAGES = [
    fake('pretrain', value=0, per_seed=False),
    fake('base', 'pretrain', value=30),
    fake('method', 'pretrain', value=40),
]


def test_table_against_numpy(tmp_path, capsys):
    seeds, results = [0, 3, 11], ['base', 'method']
    workflow = Workflow(STAGES, tmp_path, seeds, results)
    workflow.run()
    headers, rows = result_table(workflow)
    assert headers[4] == 'difference' and [row[0] for row in rows] == results
    for row, first in zip(rows, (30, 40), strict=True):
        values = [first + seed for seed in seeds]
        assert row[1:4] == [
            3,
            pytest.approx(np.mean(values)),
            pytest.approx(np.std(values, ddof=1)),
        ]
        assert row[4] == f'{first - 30:+.2f}'
        assert row[5] == ', '.join(f'{value:.2f}' for value in values)
        assert 0 < row[6] < 1
    capsys.readouterr()
    print_results(workflow)
    assert '+10.00' in capsys.readouterr().out


def test_a_result_may_be_another_figure_of_a_stage(tmp_path, monkeypatch):
    def collect(self: Stage, folder: Path) -> Result:
        value = float((folder / 'value.txt').read_text())
        return Result(dict(value=folder / 'value.txt'), dict(mIoU=value, recall=value + 20))

    monkeypatch.setattr(FakeStage, 'collect', collect)
    results = ['base', 'base.recall', 'next.recall', 'base.nothing']
    workflow = Workflow([fake('base', value=30), fake('next', value=35)], tmp_path, [0, 2], results)
    workflow.run()
    rows = result_table(workflow)[1]
    assert [row[:3] + [row[4]] for row in rows] == [
        ['base', 2, 31.0, '+0.00'],
        ['base.recall', 2, 51.0, '+0.00'],
        ['next.recall', 2, 56.0, '+5.00'],
    ]
    write_report(workflow)
    assert list(json.loads((tmp_path / 'results.json').read_text())) == ['base', 'next']


def test_partial_runs_are_reported(tmp_path, capsys):
    workflow = Workflow(STAGES, tmp_path, [0, 1], ['base', 'method'])
    workflow.run(only=['pretrain'])
    capsys.readouterr()
    print_results(workflow)
    assert capsys.readouterr().out == ''
    html = write_report(workflow).read_text()
    assert 'Results' not in html and html.count('missing') == 4
    workflow.run(only=['method'])
    # The first with the metric is compared with itself; one seed has no deviation.
    assert [row[4] for row in result_table(workflow)[1]] == ['+0.00']
    one = Workflow(STAGES, tmp_path, [0], ['base', 'method'])
    assert result_table(one)[1][0][1:4] == [1, 40.0, None]
    write_report(workflow)
    metrics = json.loads((tmp_path / 'results.json').read_text())
    assert metrics == {'base': {}, 'method': {'0': {'mIoU': 40.0}, '1': {'mIoU': 41.0}}}


def test_stages_describe_themselves_once(tmp_path, monkeypatch):
    def describe(self: Stage, report: object, folder) -> None:
        report.text(f'described {folder.name}')

    monkeypatch.setattr(FakeStage, 'describe', describe)
    workflow = Workflow(STAGES, tmp_path, [4, 5])
    workflow.run(only=['pretrain', 'base'])
    html = write_report(workflow).read_text()
    found = [line for line in html.splitlines() if 'described' in line]
    assert found == ['<p>described pretrain</p>', '<p>described base_seed4</p>']
    assert 'fake_tool.py' in html and 'fake (0:00)' not in html


def test_a_training_and_its_test(tmp_path, capsys):
    stages = [
        dict(
            name='train',
            type='TrainStage',
            config='advsemi/deeplabv2_r18_toy_supervised',
            checkpoint='best',
            criterion='mIoU',
        ),
        dict(
            name='test', type='TestStage', config='{train.config}', checkpoint='{train.checkpoint}'
        ),
    ]
    workflow = Workflow(stages, tmp_path, [3], title='A title', cfg_options=TINY)
    workflow.run()
    output = capsys.readouterr()
    trained, tested = (node.folder.record for node in workflow.nodes)
    assert trained['outputs']['checkpoint'] in ('best_mIoU_iter_2.pth', 'best_mIoU_iter_4.pth')
    # The test of that checkpoint on the same images.
    assert tested['metrics']['mIoU'] == pytest.approx(trained['metrics']['mIoU'], abs=1e-3)
    assert re.search(r'chosen with the labels of the validation set \(\d+:\d\d\)', output.out)
    assert 'iterations of 2 stages: 104/104 in' in output.err
    html = write_report(workflow, num_images=2).read_text()
    assert 'A title' in html and 'src="http' not in html and 'randomness.seed=3' in html
    assert (tmp_path / 'comparison.png').stat().st_size > 1000
    assert len(result_table(workflow)[1]) == 2
    (log,) = tmp_path.glob('train_seed3/*/vis_data/scalars.json')
    steps = [json.loads(line)['step'] for line in log.read_text().splitlines()]
    assert steps == [1, 2, 2, 3, 4, 4]
