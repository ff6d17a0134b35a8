"""What runs leave for later ones, broken or hostile: states of stages, scores, fingerprints."""

import json
from pathlib import Path

import pytest

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets.files.make_split import check_split, make_split
from label_efficient_seg.jobs.fingerprint import claim_folder, read_run
from label_efficient_seg.jobs.image_scoring import ImageScore, read_scores, write_score
from label_efficient_seg.workflows.stage_folder import StageFolder, State
from label_efficient_seg.workflows.workflow import describe_metrics
from tests.fuzzing.mutations import check_reader, mutations

NAMES = ('missing', 'interrupted', 'finished', 'stale')
MADE_FROM = 'digest', {'input': 'run'}


@pytest.fixture
def folder(tmp_path) -> StageFolder:
    folder = StageFolder(tmp_path / 'stage')
    folder.begin(*MADE_FROM)
    return folder


def exchanged(valid: bytes) -> list[bytes]:
    """Records of which one value is something else, or is missing."""
    record = json.loads(valid)
    values = [None, True, -1, 1e999, 'x', [], [1], {}, {'a': None}, {'a': []}, {'a': {'b': 1}}]
    found = [json.dumps({**record, key: value}).encode() for key in record for value in values]
    found += [json.dumps({k: v for k, v in record.items() if k != key}).encode() for key in record]
    return [*found, *(json.dumps(value).encode() for value in values), b'{"a":' * 50_000]


def test_stage_that_began(folder):
    path = folder.path / 'attempt.json'

    def resume(path: Path) -> State:
        state = folder.state(*MADE_FROM)
        folder.begin(*MADE_FROM)
        return state

    def is_state(state: State) -> bool:
        return state.name in NAMES

    valid = path.read_bytes()
    contents = [*mutations(valid), *exchanged(valid)]
    assert check_reader(resume, path, contents, is_state, UserError) > 100
    path.write_bytes(b'\xff')
    with pytest.raises(ValueError, match=r"attempt.json' is damaged \(.*\); restore it, or delete"):
        resume(path)
    path.unlink()  # as the message says
    assert folder.state(*MADE_FROM).name == 'missing'


def test_stage_that_is_finished(folder):
    outputs, metrics = dict(checkpoint='iter_4.pth'), dict(mIoU=3.5, images=4)
    folder.finish(outputs=outputs, metrics=metrics, note='a note', command='python a.py')
    path = folder.path / 'stage.json'

    def use(path: Path) -> tuple[State, dict]:
        record = folder.record
        describe_metrics(record)
        assert isinstance(record['run'], str) and isinstance(record['command'], str)
        assert float(record['seconds']) is not None
        [folder.path / output for output in record['outputs'].values()]
        return folder.state(*MADE_FROM), record

    def is_used(found: tuple[State, dict]) -> bool:
        return found[0].name in ('finished', 'stale')

    valid = path.read_bytes()
    contents = [*mutations(valid), *exchanged(valid)]
    assert check_reader(use, path, contents, is_used, UserError) > 100
    path.unlink()
    assert folder.state(*MADE_FROM).name == 'interrupted'


def test_folders_in_the_place_of_files(tmp_path):
    for name in ('stage.json', 'attempt.json'):
        (tmp_path / name).mkdir()
    assert StageFolder(tmp_path).state(*MADE_FROM).name == 'stale'


def test_fingerprints(tmp_path):
    path = tmp_path / 'fingerprint.json'
    claim_folder(tmp_path, dict(checkpoint='a', config='b'), 'scores')
    valid = path.read_bytes()
    contents = [*mutations(valid), *exchanged(valid)]

    def is_run(run: str) -> bool:
        return len(run) == 16

    def read(path: Path) -> str:
        return read_run(path.parent / 'maps', 'make_cams.py')

    assert check_reader(read, path, contents, is_run, UserError) > 80
    # Claiming refuses other fingerprints too, by the name of the folder.
    for content in contents:
        path.write_bytes(content)
        try:
            assert is_run(claim_folder(tmp_path, dict(checkpoint='a', config='b'), 'scores'))
        except Exception as error:
            assert type(error) is UserError and str(tmp_path) in str(error)


def test_scores_of_images(tmp_path):
    path = tmp_path / '0.jsonl'
    for i in range(5):
        write_score(path, ImageScore(f'city/{i}', 0.1 * i, [0, i]))
    valid = path.read_bytes()

    def are_scores(scores: dict[str, ImageScore]) -> bool:
        for name, (image, score, classes) in scores.items():
            whole = isinstance(name, str) and name == image and -1e309 < score < 1e309
            if not whole or not all(isinstance(label, int) for label in classes):
                return False
        return sorted(scores) is not None

    assert len(read_scores(tmp_path)) == 5

    def read(path: Path) -> dict[str, ImageScore]:
        return read_scores(path.parent)

    line = valid.split(b'\n')[1]
    contents = [*mutations(valid), *(b'\n'.join([x, line]) for x in exchanged(line))]
    # What is damaged is scored again.
    assert check_reader(read, path, contents, are_scores) == 0
    path.write_bytes(b'{"image": "x", "score": NaN, "classes": []}\n' + line)
    assert read_scores(tmp_path).keys() == {'city/0'}


def test_summaries_of_splits(tmp_path):
    images, path = tmp_path / 'train.txt', tmp_path / 'split' / 'split.json'
    images.write_text(''.join(f'{i}\n' for i in range(8)))
    make_split(images, path.parent, count=2)
    assert check_split(path.parent, images) == []
    valid = path.read_bytes()
    contents = [*mutations(valid), *exchanged(valid)]

    def read(path: Path) -> list[str]:
        return check_split(path.parent, images)

    def are_faults(faults: list[str]) -> bool:
        return all(isinstance(fault, str) for fault in faults)

    assert check_reader(read, path, contents, are_faults) == 0
    path.write_bytes(valid[:-20])
    assert f"'{path}' is damaged" in read(path)[0]
