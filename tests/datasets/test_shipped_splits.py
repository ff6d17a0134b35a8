from pathlib import Path

import pytest

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.core.digests import file_digest
from label_efficient_seg.datasets.files.make_split import check_split
from label_efficient_seg.datasets.files.splits import read_split

SPLITS = resource_root() / 'splits'
COUNTS = {
    'voc': {
        'train_aug.txt': 10582,
        'val.txt': 1449,
        '92': 92,
        '183': 183,
        '366': 366,
        '732': 732,
        '1464': 1464,
        '1_16': 662,
        '1_8': 1323,
        '1_4': 2646,
        '1_2': 5291,
        'u2pl_1_16': 662,
        'u2pl_1_8': 1323,
        'u2pl_1_4': 2646,
    },
    'cityscapes': {
        'train.txt': 2975,
        'val.txt': 500,
        '1_30': 100,
        '1_16': 186,
        '1_8': 372,
        '1_4': 744,
        '1_2': 1488,
    },
    'voc_animals': {'train.txt': 437, 'val.txt': 445, '1_8': 55, '1_16': 27},
    'camvid': {
        '1_8': 46,
        'day_to_dusk/source.txt': 577,
        'day_to_dusk/target.txt': 62,
        'day_to_dusk/target_val.txt': 62,
        'weather/source.txt': 305,
        'weather/target.txt': 171,
        'weather/target_val.txt': 101,
    },
    'idd_lite': {'20': 20},
}


def path_of(dataset: str, name: str) -> Path:
    path = SPLITS / dataset / name
    return path if path.suffix else path / 'labeled.txt'


@pytest.mark.parametrize('dataset', COUNTS)
def test_counts_and_no_other_list(dataset):
    expected = {path_of(dataset, name): count for name, count in COUNTS[dataset].items()}
    # `read_split` refuses repeated ids.
    found = {path: len(read_split(path)) for path in (SPLITS / dataset).rglob('*.txt')}
    assert found == expected


@pytest.mark.parametrize(
    ('dataset', 'train'),
    [
        ('voc', 'train_aug.txt'),
        ('cityscapes', 'train.txt'),
        ('voc_animals', 'train.txt'),
    ],
)
def test_labeled_parts_belong_to_the_training_list(dataset, train):
    population = set(read_split(SPLITS / dataset / train))
    assert not population & set(read_split(SPLITS / dataset / 'val.txt'))
    for name in COUNTS[dataset]:
        if not name.endswith('.txt'):
            assert set(read_split(path_of(dataset, name))) < population


def test_animals_are_a_part_of_voc():
    for name, whole in (('train.txt', '1464/labeled.txt'), ('val.txt', 'val.txt')):
        part = set(read_split(SPLITS / 'voc_animals' / name))
        assert part < set(read_split(SPLITS / 'voc' / whole))


def test_day_and_dusk_are_different_sequences_and_dusk_is_cut_once():
    folder = SPLITS / 'camvid' / 'day_to_dusk'
    source, target, val = (
        read_split(folder / f'{name}.txt') for name in ('source', 'target', 'target_val')
    )
    assert {name.split('_')[0] for name in source} == {'0006R0', '0016E5', 'Seq05VD'}
    assert {name.split('_')[0] for name in target + val} == {'0001TP'}
    # Neighbouring frames look alike: the halves meet in one place only.
    assert max(target) < min(val)


def test_the_weather_changes_with_the_sequence():
    folder = SPLITS / 'camvid' / 'weather'
    sequences = dict(source='0016E5', target='Seq05VD', target_val='0006R0')
    for part, sequence in sequences.items():
        assert {name.split('_')[0] for name in read_split(folder / f'{part}.txt')} == {sequence}


def test_checksums():
    sums = dict(
        reversed(line.split('  ')) for line in (SPLITS / 'SHA256SUMS').read_text().splitlines()
    )
    lists = SPLITS.rglob('*.txt')
    found = {path.relative_to(SPLITS).as_posix(): file_digest(path) for path in lists}
    assert sums == found


@pytest.mark.parametrize(
    ('dataset', 'train', 'name'),
    [
        ('voc', 'train_aug.txt', '1_2'),
        ('voc_animals', 'train.txt', '1_8'),
    ],
)
def test_lists_made_here_are_as_they_were_made(dataset, train, name):
    assert check_split(SPLITS / dataset / name, SPLITS / dataset / train) == []


def test_lists_stay_small():
    assert sum(path.stat().st_size for path in SPLITS.rglob('*') if path.is_file()) < 2**20
