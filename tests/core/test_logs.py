"""Reading the logs of interrupted and resumed runs."""

import json
import math
from pathlib import Path

import pytest

from label_efficient_seg.core.logs import number_start, read_scalars, read_test_metrics


def write_log(work_dir: Path, start: str, records: list[dict], name: str = 'scalars.json') -> Path:
    file = work_dir / start / 'vis_data' / name
    file.parent.mkdir(parents=True)
    file.write_text(''.join(json.dumps(record) + '\n' for record in records))
    return file


def train(step: int, loss: float, **others: float) -> dict:
    return dict(loss=loss, iter=step, step=step, **others)


def val(step: int, miou: float) -> dict:
    return dict(mIoU=miou, time=0.1, step=step)


def points(series: tuple) -> list[tuple[int, float]]:
    return list(zip(series.steps.tolist(), series.values.tolist(), strict=True))


def test_train_and_validation_records_become_series(tmp_path: Path) -> None:
    write_log(tmp_path, '20260101_000000', [train(10, 2.0, lr=0.1), train(20, 1.5), val(20, 40.0)])
    scalars = read_scalars(tmp_path)
    assert sorted(scalars) == ['loss', 'lr', 'mIoU', 'time']
    assert points(scalars['loss']) == [(10, 2.0), (20, 1.5)]
    assert points(scalars['lr']) == [(10, 0.1)]
    assert points(scalars['mIoU']) == [(20, 40.0)]


def test_a_resume_replaces_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    first = [train(10, 5.0), train(20, 4.0), val(20, 30.0), train(30, 3.0), train(35, 2.9)]
    # Resumed from iteration 20, with another logging interval, while the first had reached 35.
    write_log(tmp_path, '20260101_000000', first)
    write_log(tmp_path, '20260102_000000', [train(30, 3.5), train(40, 2.0), val(40, 35.0)])
    scalars = read_scalars(tmp_path)
    assert points(scalars['loss']) == [(10, 5.0), (20, 4.0), (30, 3.5), (40, 2.0)]
    assert points(scalars['mIoU']) == [(20, 30.0), (40, 35.0)]


def test_a_start_from_scratch_replaces_everything(tmp_path: Path) -> None:
    write_log(tmp_path, '20260101_000000', [train(10, 5.0), train(20, 4.0), val(20, 30.0)])
    write_log(tmp_path, '20260102_000000', [train(10, 6.0)])
    scalars = read_scalars(tmp_path)
    assert points(scalars['loss']) == [(10, 6.0)]
    assert 'mIoU' not in scalars


def test_a_separate_validation_changes_no_curve(tmp_path: Path) -> None:
    write_log(tmp_path, '20260101_000000', [train(10, 5.0), val(10, 30.0)])
    write_log(tmp_path, '20260102_000000', [val(0, 99.0)])
    assert points(read_scalars(tmp_path)['mIoU']) == [(10, 30.0)]


def test_a_start_that_only_made_up_for_a_validation_adds_it(tmp_path: Path) -> None:
    write_log(tmp_path, '20260101_000000', [train(10, 5.0), val(10, 30.0), train(20, 4.0)])
    write_log(tmp_path, '20260102_000000', [val(20, 40.0)])
    scalars = read_scalars(tmp_path)
    assert points(scalars['loss']) == [(10, 5.0), (20, 4.0)]
    assert points(scalars['mIoU']) == [(10, 30.0), (20, 40.0)]


def test_an_unfinished_last_line_is_skipped(tmp_path: Path) -> None:
    file = write_log(tmp_path, '20260101_000000', [train(10, 5.0), train(20, 4.0)])
    file.write_text(file.read_text() + '{"loss": 3.0, "it')
    assert points(read_scalars(tmp_path)['loss']) == [(10, 5.0), (20, 4.0)]


def test_damage_in_the_middle_is_an_error(tmp_path: Path) -> None:
    file = write_log(tmp_path, '20260101_000000', [train(10, 5.0)])
    file.write_text('{"loss": 3.0, "it\n' + file.read_text())
    with pytest.raises(ValueError, match=r"line 1 of '.*scalars.json'"):
        read_scalars(tmp_path)


def test_nan_is_kept_and_other_values_are_not_numbers(tmp_path: Path) -> None:
    write_log(tmp_path, '20260101_000000', [train(10, float('nan'), note='text', flag=True)])
    scalars = read_scalars(tmp_path)
    assert list(scalars) == ['loss']
    assert math.isnan(scalars['loss'].values[0])


def test_prefixes_and_the_other_file_name_are_understood(tmp_path: Path) -> None:
    record = {'train/loss': 1.0, 'iter': 5, 'step': 5}
    start = '20260101_000000'
    write_log(tmp_path, start, [record, {'val/mIoU': 20.0, 'step': 5}], name=f'{start}.json')
    assert sorted(read_scalars(tmp_path)) == ['loss', 'mIoU']
    assert sorted(read_scalars(tmp_path / start)) == ['loss', 'mIoU']


def test_empty_and_missing_folders(tmp_path: Path) -> None:
    assert read_scalars(tmp_path) == {}
    assert read_test_metrics(tmp_path) == {}
    with pytest.raises(FileNotFoundError, match='nowhere'):
        read_scalars(tmp_path / 'nowhere')


def test_metrics_are_those_of_the_latest_finished_test(tmp_path: Path) -> None:
    for start, text in (
        ('20260101_000000', '{"mIoU": 30.0, "time": 0.1}'),
        ('20260102_000000', '{"mIoU": 31.5, "aAcc": 80, "data_time": 0.1, "per_class": [1, 2]}'),
        ('20260103_000000', '{"mIoU": 99'),
    ):
        folder = tmp_path / start
        folder.mkdir()
        (folder / f'{start}.json').write_text(text)
    assert read_test_metrics(tmp_path) == {'mIoU': 31.5, 'aAcc': 80.0}


def test_the_clock_does_not_order_starts(tmp_path: Path) -> None:
    # Resumed from iteration 20 after the clock had gone back by an hour.
    write_log(tmp_path, '20261025_025900', [train(10, 5.0), train(20, 4.0), train(30, 3.0)])
    write_log(tmp_path, '20261025_020500', [train(30, 3.5), train(40, 2.0), val(40, 35.0)])
    expected = [(10, 5.0), (20, 4.0), (30, 3.5), (40, 2.0)]
    assert points(read_scalars(tmp_path)['loss']) == expected
    assert points(read_scalars(tmp_path)['mIoU']) == [(40, 35.0)]


def test_numbered_starts_come_in_their_order(tmp_path: Path) -> None:
    for start, records in (
        ('20260103_000000', [train(10, 5.0), train(20, 4.0)]),
        ('20260102_000000', [train(20, 4.5), train(30, 3.0)]),
        # From scratch, which nothing but the number tells.
        ('20260101_000000', [train(10, 9.0)]),
    ):
        write_log(tmp_path, start, records)
        (tmp_path / start / f'{start}.json').write_text(json.dumps(dict(mIoU=records[0]['loss'])))
        number_start(tmp_path / start)
    assert points(read_scalars(tmp_path)['loss']) == [(10, 9.0)]
    assert read_test_metrics(tmp_path) == {'mIoU': 9.0}
    assert number_start(tmp_path / 'new' / 'folder') == 1
    assert number_start(tmp_path / '20260101_000001') == 4


def test_starts_without_numbers_precede_those_with_numbers(tmp_path: Path) -> None:
    write_log(tmp_path, '20260105_000000', [train(10, 5.0), train(20, 4.0)])
    write_log(tmp_path, '20260101_000000', [train(10, 6.0)])
    number_start(tmp_path / '20260101_000000')
    assert points(read_scalars(tmp_path)['loss']) == [(10, 6.0)]
