"""The fault drill finds what is lost and what differs, on stages that take no time."""

import json
import os
import sys
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from label_efficient_seg.core.config_index import resource_root

sys.path.insert(0, str(resource_root() / 'dev'))

from faults import drill, evidence, kills, outcome, small_workflow  # noqa: E402
from faults.single_faults import FAULTS, change_mask  # noqa: E402

from label_efficient_seg.core.progress import Progress  # noqa: E402
from label_efficient_seg.workflows import Workflow  # noqa: E402
from tests.workflows.fake_stage import fake  # noqa: E402


class Early(Random):
    """Chooses the first moment."""

    def uniform(self, a: float, b: float) -> float:
        return a


CHAIN = [fake('a', value=1), fake('b', 'a', value=10), fake('c', 'b', value=100)]


def write_stage(folder: Path, weight: float = 1.0, pixel: int = 3, metric: float = 50.0) -> Path:
    """What a training and an image stage leave, with times and paths of their own."""
    folder.mkdir(parents=True)
    state = dict(weight=torch.tensor([weight, 2.0]))
    checkpoint = dict(state_dict=state, optimizer=dict(lr=[0.1]), meta=dict(time=str(folder)))
    torch.save(checkpoint, folder / 'iter_8.pth')
    (folder / 'last_checkpoint').write_text(str(folder / 'iter_8.pth'))
    Image.fromarray(np.full((4, 5), pixel, np.uint8)).save(folder / 'mask.png')
    np.savez(folder / 'maps.npz', cam=np.arange(3), run=str(folder))
    (folder / 'scores.jsonl').write_text('\n{"image": "x", "score": 1}\n{"image": "y", "sc')
    (folder / 'stage.json').write_text(json.dumps(dict(metrics=metric, run=str(folder))))
    (folder / '20260101_000000').mkdir()
    (folder / '20260101_000000' / 'run.log').write_text(str(folder))
    return folder


class TestDifferences:
    def test_times_and_paths_do_not_count(self, tmp_path):
        one, two = (write_stage(tmp_path / name) for name in ('one', 'two'))
        assert evidence.differences(one, two) == []
        assert evidence.half_written(one) == []

    @pytest.mark.parametrize(
        ('change', 'place'),
        [
            (dict(weight=1.0 + 2**-23), 'iter_8.pth: state_dict: weight'),
            (dict(pixel=4), 'mask.png'),
            (dict(metric=50.1), 'stage.json: metrics'),
        ],
    )
    def test_the_place_is_named(self, tmp_path, change, place):
        one, two = write_stage(tmp_path / 'one'), write_stage(tmp_path / 'two', **change)
        assert evidence.differences(one, two) == [place]

    def test_missing_file(self, tmp_path):
        one, two = (write_stage(tmp_path / name) for name in ('one', 'two'))
        (two / 'maps.npz').unlink()
        assert evidence.differences(one, two) == ['maps.npz in one run only']


def test_half_written_files_are_found(tmp_path):
    folder = write_stage(tmp_path / 'stage')
    for name in ('iter_8.pth', 'mask.png', 'maps.npz', 'stage.json'):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
        (folder / f'.{name}').write_bytes(b'')  # never had its final name
        assert [text.split(':')[0] for text in evidence.half_written(folder)] == [name]
        (folder / name).write_bytes(content)


class TestLostFiles:
    BEFORE = {f'a/{name}': (1, 1) for name in ('iter_2.pth', 'best_mIoU_iter_2.pth', 'x.json')}

    def lost(self, after: list[str], **finished) -> list[str]:
        before = {**self.BEFORE, **finished}
        return evidence.lost_files(before, {name: (1, 1) for name in after} | finished)

    def test_newer_checkpoints_and_withdrawn_summaries(self):
        assert self.lost(['a/iter_4.pth', 'a/best_mIoU_iter_4.pth']) == []

    def test_checkpoints_that_are_gone(self):
        found = self.lost(['b/iter_4.pth', 'a/iter_1.pth', 'a/best_hIoU_iter_4.pth', 'a/x.json'])
        assert found == ['a/iter_2.pth', 'a/best_mIoU_iter_2.pth']

    def test_finished_stages_stay_as_they_are(self):
        record = {'a/stage.json': (1, 1)}
        assert self.lost([*self.BEFORE], **record) == []
        assert self.lost([*self.BEFORE][:2], **record) == ['a/x.json']
        changed = {name: (2, 1) for name in self.BEFORE}
        assert evidence.lost_files({**self.BEFORE, **record}, changed | record) == [*self.BEFORE]


class TestKills:
    @pytest.fixture
    def reference(self, tmp_path, monkeypatch) -> Workflow:
        monkeypatch.setenv('OMP_NUM_THREADS', '1')
        monkeypatch.setattr(kills.time, 'sleep', lambda _: None)
        return kills.run_undisturbed(CHAIN, tmp_path / 'undisturbed')

    def kill(self, reference: Workflow, folder: Path, stages=CHAIN) -> outcome.Outcome:
        found = outcome.Outcome('fake', 'kill')
        with open(os.devnull, 'w') as null, Progress(4, 'kills', null) as progress:
            kills.kill_workflows(stages, reference, folder, 4, Early(0), found, progress)
            assert progress.done == 4
        return found

    def test_sound_pipeline(self, reference, tmp_path):
        found = self.kill(reference, tmp_path)
        assert (found.tried, found.survived, found.lost) == (4, 4, 0)
        assert found.runs == found.equal > 1 and found.sound and found.notes == []
        assert not [path for path in tmp_path.glob('killed_*') if path.is_dir()]

    def test_other_result(self, reference, tmp_path):
        other = [*CHAIN[:2], fake('c', 'b', value=101)]
        found = self.kill(reference, tmp_path, other)
        assert (found.survived, found.equal, found.sound) == (4, 0, False)
        assert any('c_seed0/stage.json: ' in note for note in found.notes)
        assert (tmp_path / 'killed_1').is_dir()

    def test_lost_file(self, reference, tmp_path, monkeypatch):
        wait, calls = kills._wait_for_others, []

        def wait_and_delete(work_dir: Path) -> None:
            wait(work_dir)
            calls.append(work_dir)
            if len(calls) == 3:  # in c, and a was finished at the second kill
                (work_dir / 'a_seed0' / 'value.txt').unlink()

        monkeypatch.setattr(kills, '_wait_for_others', wait_and_delete)
        found = self.kill(reference, tmp_path)
        assert (found.survived, found.lost, found.sound) == (3, 1, False)
        assert 'a_seed0/value.txt is lost' in found.notes[0]


def test_small_workflows_train_little(tmp_path):
    assert set(small_workflow.list_methods()) >= {'advsemi', 'affinitynet', 'deconvnet', 'intrada'}
    pipeline = Workflow(small_workflow.small_stages('advsemi', tmp_path / 'configs'), tmp_path)
    assert [node.stage.steps for node in pipeline.nodes] == [small_workflow.LENGTH] * 4


def test_masks_keep_all_else():
    image = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    image.putpalette([9] * 768)
    content = BytesIO()
    image.save(content, 'png')
    changed = Image.open(BytesIO(change_mask(content.getvalue(), lambda mask: mask[:-1])))
    assert np.asarray(changed).tolist() == [[0, 1, 2]] and changed.getpalette()[:3] == [9, 9, 9]


def test_messages_are_judged():
    (fault,) = (fault for fault in FAULTS if fault.name == 'nan_loss')
    line = 'error: iteration 7: loss = nan. Stopped'
    assert fault.judge(1, f'text\n{line}\n(more)') == (line, [])
    assert len(fault.judge(0, line)[1]) == 1
    assert len(fault.judge(1, 'error: something else')[1]) == 1
    assert len(fault.judge(-9, 'ValueError: loss = nan')[1]) == 2


def test_table_and_file(tmp_path):
    rows = [outcome.Outcome('m', 'kill', 2, 2, 0, 1, 1), outcome.Outcome('m', 'disk', 1, 0, 3)]
    outcome.write_outcomes(tmp_path / 'a.json', rows, seed=0)
    written = json.loads((tmp_path / 'a.json').read_text())
    assert [row['sound'] for row in written['outcomes']] == [True, False] and written['seed'] == 0
    lines = outcome.format_table(rows).splitlines()
    assert [cell.strip() for cell in lines[2].split('|')[1:-1]] == [
        'm', 'kill', '2', '2', '0', '1 of 1',
    ]  # fmt: skip
    assert len({len(line) for line in lines}) == 1


def test_unknown_names(tmp_path):
    with pytest.raises(ValueError, match="no method 'advsem'; did you mean 'advsemi'"):
        drill.run_drill(['advsem'], None, 1, 0, tmp_path, tmp_path / 'a.json')
    with pytest.raises(
        ValueError, match="no fault 'fire'; there are kill, changed_data, full_disk"
    ):
        drill.run_drill(None, ['fire'], 1, 0, tmp_path, tmp_path / 'a.json')
