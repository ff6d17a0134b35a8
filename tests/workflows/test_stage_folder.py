import json
import os

import pytest

from label_efficient_seg.workflows import stage_folder
from label_efficient_seg.workflows.stage_folder import StageFolder


@pytest.fixture
def folder(tmp_path) -> StageFolder:
    return StageFolder(tmp_path / 'stage')


def names(folder: StageFolder, *made_from) -> tuple[str, str]:
    return tuple(folder.state(*made_from))


def test_from_missing_to_finished(folder):
    made_from = 'digest', {'input': 'run'}
    assert names(folder, *made_from) == ('missing', '')
    folder.path.mkdir()
    assert names(folder, *made_from) == ('missing', '')
    folder.begin(*made_from)
    assert folder.state(*made_from).name == 'interrupted' and not folder.record
    record = folder.finish(metrics=dict(mIoU=3.5))
    assert record == folder.record and record['metrics'] == {'mIoU': 3.5}
    assert names(folder, *made_from) == ('finished', '')


@pytest.mark.parametrize('finished', [False, True])
def test_stale_when_the_definition_or_an_input_changed(folder, finished):
    folder.begin('digest', {'one': '1', 'two': '2'})
    if finished:
        folder.finish()
    definition, inputs = 'its config or settings changed', 'made from another run of '
    for made_from, why in (
        (('other', {'one': '1', 'two': '2'}), definition),
        (('digest', {'one': '1', 'two': '3'}), inputs + 'two'),
        (('digest', {'one': None, 'two': None}), inputs + 'one, two'),
        (('digest', {'one': '1', 'two': '2', 'three': '3'}), inputs + 'three'),
    ):
        assert names(folder, *made_from) == ('stale', why)


def test_runs_have_names_of_their_own(folder):
    folder.begin('digest', {})
    assert folder.finish()['run'] != folder.finish()['run']


def test_folders_of_others_are_stale(folder):
    folder.path.mkdir()
    (folder.path / 'iter_4.pth').touch()
    assert names(folder, 'digest', {}) == ('stale', 'no workflow wrote this folder')


def test_setting_aside_loses_nothing(folder):
    for number in (1, 2, 3):
        folder.path.mkdir()
        (folder.path / 'file').write_text(str(number))
        assert folder.set_aside().name == f'stage.stale-{number}'
        assert not folder.path.exists()
    files = sorted(folder.path.parent.glob('*/file'))
    assert [file.read_text() for file in files] == ['1', '2', '3']


def test_seconds_of_all_attempts_are_added(folder, monkeypatch):
    clock = iter([100.0, 1000.0, 5000.0, 5030.0])
    monkeypatch.setattr(stage_folder.time, 'time', lambda: next(clock))
    folder.begin('digest', {})
    folder.log.touch()
    os.utime(folder.log, (140, 140))
    folder.begin('digest', {})  # the first attempt was killed after 40 seconds
    os.utime(folder.log, (1005, 1005))
    folder.begin('digest', {})  # the second after 5
    assert folder.finish()['seconds'] == 40 + 5 + 30


def test_no_paths_in_the_files(folder):
    folder.begin('digest', {})
    folder.finish(outputs=dict(checkpoint='iter_4.pth'))
    for file in folder.path.glob('*.json'):
        assert str(folder.path) not in json.dumps(json.loads(file.read_text()))
