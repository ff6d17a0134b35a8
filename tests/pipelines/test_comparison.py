import json
from pathlib import Path

import numpy as np
import pytest

from label_efficient_seg.pipelines import Comparison, Run

TINY = {
    'train_cfg.max_iters': 2,
    'train_cfg.val_interval': 2,
    'default_hooks.logger.interval': 1,
    'default_hooks.checkpoint.interval': 2,
    'model.backbone.base_channels': 4,
    'model.backbone.stem_channels': 4,
    'model.decode_head.in_channels': 32,
    'val_dataloader.dataset.indices': 2,
}


def write_run(folder: Path, values: list[float]) -> None:
    """A finished training: its log, as MMEngine writes it."""
    log = folder / '20260101_000000' / 'vis_data'
    log.mkdir(parents=True)
    records = [dict(loss=1.0, iter=1, step=1)]
    records += [dict(mIoU=value, step=10 * (i + 1)) for i, value in enumerate(values)]
    (log / 'scalars.json').write_text('\n'.join(map(json.dumps, records)))


def test_table_against_numpy(tmp_path):
    results = {'base': [30.0, 33.0, 31.0], 'method': [35.0, 33.0, 40.0]}
    for name, values in results.items():
        for seed, value in enumerate(values):
            write_run(tmp_path / f'{name}_seed{seed}', [1.0, value])
    comparison = Comparison([Run('base', 'a'), Run('method', 'b')], [0, 1, 2], tmp_path)
    headers, rows = comparison.table()
    assert headers[4] == 'against base'
    for row, values in zip(rows, results.values(), strict=True):
        assert row[2] == pytest.approx(np.mean(values))
        assert row[3] == pytest.approx(np.std(values, ddof=1))
        assert float(row[4]) == pytest.approx(np.mean(values) - np.mean(results['base']), abs=0.005)


def test_runs_need_names_of_their_own(tmp_path):
    with pytest.raises(ValueError, match='names of their own'):
        Comparison([Run('a', 'x'), Run('a', 'y')], [0], tmp_path)


def test_two_trainings_give_a_report_and_are_not_repeated(tmp_path, capsys):
    options = {**TINY, 'train_dataloader.labeled.batch_size': 2}
    options |= {'train_dataloader.unlabeled.batch_size': 2, 'model.semi_start': 1}
    runs = [
        Run('supervised', 'advsemi/deeplabv2_r18_toy_supervised', TINY),
        Run('advsemi', 'advsemi/deeplabv2_r18_toy_semi', options),
    ]
    comparison = Comparison(runs, [3], tmp_path)
    comparison.train()
    report = comparison.report('A title', num_images=2)
    html = report.read_text()
    assert 'A title' in html and 'src="http' not in html
    assert 'randomness.seed=3' in html
    assert json.loads((tmp_path / 'results.json').read_text()).keys() == {'supervised', 'advsemi'}
    assert (tmp_path / 'comparison.png').stat().st_size > 1000
    comparison.print_table()
    assert 'advsemi' in capsys.readouterr().out

    logs = {p: p.stat().st_mtime_ns for p in tmp_path.glob('*_seed3/console.log')}
    assert len(logs) == 2
    comparison.train()
    assert all(p.stat().st_mtime_ns == time for p, time in logs.items())

    other = Comparison([Run('supervised', runs[0].config, options)], [3], tmp_path)
    with pytest.raises(RuntimeError, match='holds a training of another config'):
        other.train()


def test_a_failed_training_names_its_log(tmp_path):
    run = Run('broken', 'advsemi/deeplabv2_r18_toy_supervised', {**TINY, 'model.typo': 1})
    with pytest.raises(RuntimeError, match=r'broken_seed0/console\.log'):
        Comparison([run], [0], tmp_path).train()
