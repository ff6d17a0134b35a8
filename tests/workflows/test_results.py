"""The tables, and a workflow of a real training and its test."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from label_efficient_seg.workflows import (
    Result,
    Results,
    Stage,
    Workflow,
    paired_difference,
    print_results,
    results,
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
    headers, rows = Results(workflow).table()
    assert headers == [
        'run', 'seeds', 'mean', 'std', 'by seed', 'difference', 'wins/losses', 'minutes',
    ]  # fmt: skip
    for row, name, first in zip(rows, results, (30, 40), strict=True):
        values = [first + seed for seed in seeds]
        mean, std = pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1))
        assert row[:4] == [name, 3, mean, std]
        assert row[4] == ', '.join(f'{value:.2f}' for value in values)
        assert 0 < row[7] < 1
    # The first is not compared with itself.
    assert [row[5:7] for row in rows] == [['', ''], ['+10.00 ± 0.00', '3/0']]
    capsys.readouterr()
    print_results(workflow)
    assert '| +10.00 ± 0.00 | 3/0 ' in capsys.readouterr().out


def test_paired_differences_by_hand():
    # Differences 1, 2 and 6: mean 3, deviations -2, -1, 3, variance 14 / 2, error sqrt(7 / 3).
    differences, mean, error = paired_difference({0: 11, 1: 22, 2: 36}, {0: 10, 1: 20, 2: 30})
    assert (differences, mean) == ([1, 2, 6], 3) and error == pytest.approx(1.5275252317)
    # Only the seeds that both have.
    assert paired_difference({0: 5, 4: 9}, {4: 10, 7: 1}) == ([-1], -1, None)
    assert paired_difference({0: 5}, {None: 4}) == ([], None, None)


def collect(self: Stage, folder: Path) -> Result:
    """Metrics that go up and down with the seed; the folder ends in its number."""
    value, seed = float((folder / 'value.txt').read_text()), int(folder.name[-1])
    entropy = 0.5 - value / 100
    mixed = value + (-3 if seed % 2 else 1)
    metrics = dict(mIoU=value, recall=value + 20, entropy=entropy, mixed=mixed)
    return Result(dict(value=folder / 'value.txt'), metrics)


def compared(workflow: Workflow) -> dict[str, list[str]]:
    return {row[0]: row[5:7] for row in Results(workflow).table()[1]}


def test_wins_are_counted_seed_by_seed(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeStage, 'collect', collect)
    stages = [fake('base', value=30), fake('next', value=30), fake('better', value=31)]
    results = ['base', 'next.mixed', 'base.mixed', 'better.mixed', 'base.entropy', 'better.entropy']
    workflow = Workflow(stages, tmp_path, [0, 1, 2], results)
    workflow.run()
    assert compared(workflow) == {
        'base': ['', ''],
        'next.mixed': ['', ''],
        'base.mixed': ['+0.00 ± 0.00', '0/0'],
        'better.mixed': ['+1.00 ± 0.00', '3/0'],
        'base.entropy': ['', ''],
        'better.entropy': ['-0.01 ± 0.00', '3/0'],
    }
    # A seed that only one of them has is left out, and so is the deviation of one seed.
    shutil.rmtree(tmp_path / 'base_seed1')
    shutil.rmtree(tmp_path / 'base_seed2')
    workflow = Workflow(stages, tmp_path, [0, 1, 2], ['base', 'better'])
    assert compared(workflow)['better'] == ['+1.00 (1 shared seeds)', '1/0']


def test_class_table_against_a_loop(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    ious = {name: rng.uniform(0, 100, (2, 4)) for name in ('base', 'method', 'other')}

    def collect(self: Stage, folder: Path) -> Result:
        name, _, seed = folder.name.partition('_seed')
        cat, cow = ious[name][:, int(seed)].tolist()
        metrics = dict(mIoU=(cat + cow) / 2, IoU_cat=cat, IoU_cow=cow)
        return Result(dict(value=folder / 'value.txt'), metrics)

    monkeypatch.setattr(FakeStage, 'collect', collect)
    stages = [fake(name, value=0) for name in ious]
    results = ['base', 'method.mIoU', 'other', 'method.IoU_cow']
    workflow = Workflow(stages, tmp_path, range(4), results)
    assert Results(workflow).class_table() == (['class'], [])
    workflow.run()
    headers, rows = Results(workflow).class_table()
    assert headers == ['class', 'base', 'method', 'other']
    for index, name in enumerate(['cat', 'cow']):
        base = ious['base'][index]
        cells = []
        for other in ('method', 'other'):
            difference = [x - y for x, y in zip(ious[other][index], base, strict=True)]
            mean = sum(difference) / 4
            error = (sum((d - mean) ** 2 for d in difference) / 3 / 4) ** 0.5
            wins = len([d for d in difference if d > 0])
            cells.append(f'{mean:+.2f} ± {error:.2f} {wins}/{4 - wins}')
        assert rows[index] == [name, pytest.approx(sum(base) / 4), *cells]
    assert len(rows) == 2
    print_results(workflow)
    assert rows[0][2] in capsys.readouterr().out


def test_results_on_other_images_are_not_compared(tmp_path, monkeypatch):
    def config(stage: Stage, *_: object) -> dict:
        return dict(test_dataloader=dict(dataset=dict(type=stage, pipeline=[len(made)])))

    made: list = []
    monkeypatch.setattr(
        results, 'config_content', lambda name, options: made.append(0) or config(name)
    )
    monkeypatch.setattr(FakeStage, 'config', property(lambda self: self.value % 2), raising=False)
    monkeypatch.setattr(FakeStage, 'cfg_options', {}, raising=False)
    stages = [fake('odd', value=1), fake('even', value=2), fake('other', value=3)]
    workflow = Workflow(stages, tmp_path, [0, 1])
    workflow.run()
    assert compared(workflow) == {
        'odd': ['', ''], 'even': ['', ''], 'other': ['+2.00 ± 0.00', '2/0']
    }  # fmt: skip


def test_a_result_may_be_another_metric_of_a_stage(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeStage, 'collect', collect)
    results = ['base', 'base.recall', 'next.recall', 'base.nothing']
    workflow = Workflow([fake('base', value=30), fake('next', value=35)], tmp_path, [0, 2], results)
    workflow.run()
    rows = Results(workflow).table()[1]
    assert [row[:3] + row[5:7] for row in rows] == [
        ['base', 2, 31.0, '', ''],
        ['base.recall', 2, 51.0, '', ''],
        ['next.recall', 2, 56.0, '+5.00 ± 0.00', '2/0'],
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
    # There is nothing to compare it with; one seed has no deviation.
    assert compared(workflow) == {'method': ['', '']}
    one = Workflow(STAGES, tmp_path, [0], ['base', 'method'])
    assert Results(one).table()[1][0][1:4] == [1, 40.0, None]
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
    assert len(Results(workflow).table()[1]) == 2
    (log,) = tmp_path.glob('train_seed3/*/vis_data/scalars.json')
    steps = [json.loads(line)['step'] for line in log.read_text().splitlines()]
    assert steps == [1, 2, 2, 3, 4, 4]
