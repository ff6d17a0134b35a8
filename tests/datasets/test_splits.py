from pathlib import Path

import pytest

from label_efficient_seg.datasets.files.splits import (
    SplitError,
    complement,
    find_split,
    read_split,
    write_split,
)


def test_order_of_places(tmp_path, monkeypatch):
    root, here = tmp_path / 'root', tmp_path / 'here'
    name = Path('splits/voc/val.txt')
    here.mkdir()
    monkeypatch.chdir(here)
    shipped = find_split(name, root)
    assert shipped.is_absolute()
    assert len(read_split(shipped)) == 1449
    for folder in (here, root):
        write_split(folder / name, ['a'])
        assert find_split(name, root).samefile(folder / name)
    assert find_split(name).samefile(here / name)
    assert find_split(root / name) == root / name


def test_missing_list_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match="'nope.txt' does not exist") as error:
        find_split('nope.txt', tmp_path)
    assert str(tmp_path / 'nope.txt') in str(error.value)
    assert 'les split' in str(error.value)


@pytest.mark.parametrize('text', ['a\nb', 'a\nb\n', '\ufeffa\r\nb\r\n', '\n a \n\nb\t\n'])
def test_forms_of_text(tmp_path, text):
    path = tmp_path / 'list.txt'
    path.write_text(text, encoding='utf-8', newline='')
    assert read_split(path) == ['a', 'b']


def test_empty_list(tmp_path):
    (tmp_path / 'list.txt').write_text('\n\n')
    with pytest.raises(SplitError, match="list.txt' lists no image"):
        read_split(tmp_path / 'list.txt')
    assert read_split(tmp_path / 'list.txt', strict=False) == []


def test_repeated_ids(tmp_path):
    (tmp_path / 'list.txt').write_text('a\nb\nc\nb\na\nb\n')
    with pytest.raises(SplitError, match=r"lists 'a' more than once \(1 more\)"):
        read_split(tmp_path / 'list.txt')
    assert len(read_split(tmp_path / 'list.txt', strict=False)) == 6


def test_complement_is_the_set_difference_in_order():
    population = [f'{i * 7 % 100:02d}' for i in range(100)]
    excluded = population[::3] + ['foreign']
    rest = complement(population, excluded, 'x')
    assert rest == [name for name in population if name not in excluded]
    assert set(rest) == set(population) - set(excluded)


def test_complement_must_take_something_and_leave_something():
    with pytest.raises(SplitError, match='lists: nothing is left'):
        complement(['a', 'b'], ['b', 'a', 'c'], 'lists')
    with pytest.raises(SplitError, match=r"none of the 1 excluded ids \(such as 'a.jpg'\)"):
        complement(['a', 'b'], ['a.jpg'], 'lists')


def test_written_list_is_read_back(tmp_path):
    path = tmp_path / 'new' / 'list.txt'
    write_split(path, ['b', 'a'])
    assert path.read_bytes() == b'b\na\n'
    assert [entry.name for entry in path.parent.iterdir()] == ['list.txt']
