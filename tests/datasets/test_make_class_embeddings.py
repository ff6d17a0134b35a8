import gzip
import re
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from label_efficient_seg.datasets import load_class_embeddings
from label_efficient_seg.datasets.files import word_vector_files
from label_efficient_seg.datasets.files.make_class_embeddings import make_class_embeddings
from label_efficient_seg.datasets.files.word_vector_files import find_word_vectors

SIZE = 7
WORDS = ['</s>', 'the', 'Pole', 'cat', 'potted', 'pole', 'naïve', 'plant', 'hot_dog', 'wall']
KINDS = ('word2vec', 'word2vec with line feeds', 'word2vec text', 'GloVe', 'fastText')


@pytest.fixture
def table() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    # Line feeds and blanks among the bytes of the numbers, as in any large binary file.
    tricky = np.frombuffer(b'\n\n\n\x3f' + b'   \x3f' * (SIZE - 1), '<f4')
    words = WORDS + [f'word{i}' for i in range(40)]
    return {
        word: tricky if word == 'potted' else rng.normal(size=SIZE).astype(np.float32)
        for word in words
    }


def content(kind: str, table: dict[str, np.ndarray]) -> bytes:
    header = f'{len(table)} {SIZE}\n'.encode()
    if kind == 'word2vec':
        return header + b''.join(w.encode() + b' ' + v.tobytes() for w, v in table.items())
    if kind == 'word2vec with line feeds':
        return header + b''.join(w.encode() + b' ' + v.tobytes() + b'\n' for w, v in table.items())
    end = ' \n' if kind == 'fastText' else '\n'
    lines = (' '.join([w, *(repr(float(x)) for x in v)]) + end for w, v in table.items())
    return (b'' if kind == 'GloVe' else header) + ''.join(lines).encode()


def write(tmp_path: Path, kind: str, table: dict[str, np.ndarray], packed: bool = False) -> Path:
    data = content(kind, table)
    # gzip files may have several parts.
    data = gzip.compress(data[:200]) + gzip.compress(data[200:]) if packed else data
    (tmp_path / 'vectors').write_bytes(data)
    return tmp_path / 'vectors'


@pytest.fixture(params=[1, 16, 1 << 20])
def block(request, monkeypatch) -> int:
    """Records in all positions relative to the blocks."""
    monkeypatch.setattr(word_vector_files, 'BLOCK', request.param)
    monkeypatch.setattr(word_vector_files, 'FIRST_LINE', 200)
    return request.param


@pytest.mark.parametrize('packed', [False, True])
@pytest.mark.parametrize('kind', KINDS)
def test_words_are_found_in_every_kind_of_file(tmp_path, table, kind, packed, block):
    path = write(tmp_path, kind, table, packed)
    words = ['word39', 'potted', 'naïve', '</s>', 'missing', 'word']
    found = find_word_vectors(path, words)
    assert found.keys() == set(words) - {'missing', 'word'}
    for word, vector in found.items():
        assert vector.dtype == np.float32
        np.testing.assert_array_equal(vector, table[word])


def test_reading_ends_with_the_last_word(tmp_path, table, monkeypatch):
    """What follows may be anything."""
    monkeypatch.setattr(word_vector_files, 'BLOCK', 64)
    monkeypatch.setattr(word_vector_files, 'FIRST_LINE', 200)
    for kind in KINDS:
        path = write(tmp_path, kind, table)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        np.testing.assert_array_equal(find_word_vectors(path, ['cat'])['cat'], table['cat'])


def test_the_file_is_read_block_by_block(tmp_path, table, monkeypatch):
    monkeypatch.setattr(word_vector_files, 'BLOCK', 1 << 16)
    words = {f'filler{i}': np.zeros(SIZE, np.float32) for i in range(60_000)}
    path = write(tmp_path, 'word2vec', {**words, **table})
    assert path.stat().st_size > 1.8e6
    del words
    tracemalloc.start()
    np.testing.assert_array_equal(find_word_vectors(path, ['wall'])['wall'], table['wall'])
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_lines_of_several_words_are_not_those_of_the_first(tmp_path):
    path = tmp_path / 'glove.txt'
    path.write_text('the 1 2 3\ncat com 4 5 6\n. . . 7 8 9\ncat 10 11 12\n')
    assert find_word_vectors(path, ['cat'])['cat'].tolist() == [10, 11, 12]


@pytest.mark.parametrize('kind', KINDS)
def test_class_vectors_are_means_of_words(tmp_path, table, kind):
    path = write(tmp_path, kind, table)
    classes = ['potted plant', 'cat', 'Wall-Plant', 'hot dog', 'Pole', 'the_cat/wall']
    out = tmp_path / 'folder' / 'own.npz'
    found = make_class_embeddings(path, classes, out, {'hot dog': 'hot_dog'})
    rows = [
        (table['potted'] + table['plant']) / 2, table['cat'],
        (table['wall'] + table['plant']) / 2, table['hot_dog'], table['Pole'],
        (table['the'] + table['cat'] + table['wall']) / 3,
    ]  # fmt: skip
    np.testing.assert_allclose(found, rows, rtol=1e-6)
    np.testing.assert_array_equal(load_class_embeddings(out, classes, normalize=False), found)
    with np.load(out) as file:
        assert 'hot dog: hot_dog; Pole: Pole' in str(file['note'])


def test_missing_words_are_listed_with_their_classes(tmp_path, table):
    path = write(tmp_path, 'GloVe', table)
    with pytest.raises(ValueError, match='words: Tv, lamp of .Tv lamp.; tree of .tree.*--ali'):
        make_class_embeddings(path, ['Tv lamp', 'cat', 'tree'], tmp_path / 'a.npz')
    assert not (tmp_path / 'a.npz').exists()


@pytest.mark.parametrize(
    ('classes', 'aliases', 'message'),
    [
        (['cat', 'cat'], {}, 'a class is repeated in cat, cat'),
        (['cat', ' '], {}, "class ' ' has no word"),
        (['cat', 'wall'], {'wall': ''}, "class 'wall' has no word"),
        (['cat'], {'cats': 'cat'}, "alias of 'cats', which is none of the classes"),
        (['wall brick', 'wall-brick'], {'wall brick': 'wall', 'wall-brick': 'wall'}, 'repeat a'),
    ],
)
def test_faulty_names(tmp_path, table, classes, aliases, message):
    path = write(tmp_path, 'GloVe', table)
    with pytest.raises(ValueError, match=message):
        make_class_embeddings(path, classes, tmp_path / 'a.npz', aliases)


@pytest.mark.parametrize('packed', [False, True])
@pytest.mark.parametrize('kind', KINDS)
def test_files_that_are_cut_off(tmp_path, table, kind, packed, block):
    path = write(tmp_path, kind, table, packed)
    data = path.read_bytes()
    path.write_bytes(data[:-45])
    with pytest.raises(ValueError, match="vectors' are damaged or cut off: .*download"):
        find_word_vectors(path, ['cat', 'missing'])


def test_words_that_a_complete_file_lacks_are_left_out(tmp_path, table):
    for kind in KINDS:
        assert find_word_vectors(write(tmp_path, kind, table), ['missing']) == {}
    path = tmp_path / 'vectors'
    path.write_bytes(path.read_bytes().rstrip())  # no line feed at the end
    assert find_word_vectors(path, ['word39', 'missing']).keys() == {'word39'}


SPACED = ['. . .', 'New York', '3', 'hot dog', 'dog']


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('change', ['', 'tabs', 'mark'])
def test_words_with_spaces_and_other_forms_of_lines(tmp_path, kind, change, block):
    rng = np.random.default_rng(3)
    table = {word: rng.normal(size=SIZE).astype(np.float32) for word in SPACED}
    path = write(tmp_path, kind, table)
    data = path.read_bytes()
    if change == 'tabs' and kind in KINDS[2:]:
        rows = (f'{w}\t' + '\t'.join(map(str, v.tolist())) for w, v in table.items())
        header = data.partition(b'\n')[0].decode() if kind != 'GloVe' else ''
        data = '\n'.join(filter(None, [header, *rows])).encode()
    path.write_bytes(b'\xef\xbb\xbf' * (change == 'mark') + data)
    found = find_word_vectors(path, SPACED)
    assert found.keys() == set(SPACED)
    for word in SPACED:
        np.testing.assert_array_equal(found[word], table[word])


def test_text_of_another_encoding(tmp_path, table):
    (tmp_path / 'a').write_bytes(content('GloVe', table).decode().encode('utf-16'))
    with pytest.raises(ValueError, match='is a text in UTF-16; save it in UTF-8'):
        find_word_vectors(tmp_path / 'a', ['dog'])


@pytest.mark.parametrize('line', ['cat 1 2', 'cat 1 x 3', 'cat', 'cat 1 nan 3', 'cat 1 2 inf'])
@pytest.mark.parametrize('header', ['', '3 3\n'])
def test_damaged_lines(tmp_path, line, header):
    path = tmp_path / 'a.vec'
    path.write_text(f'{header}the 1 2 3\n{line}\nwall 4 5 6\n')
    with pytest.raises(ValueError, match="vector of 'cat' in .*a.vec' is damaged"):
        find_word_vectors(path, ['cat', 'wall'])
    assert find_word_vectors(path, ['wall'])['wall'].tolist() == [4, 5, 6]


@pytest.mark.parametrize('dtype', ['<f8', '>f4'])
def test_binary_numbers_of_another_form(tmp_path, dtype):
    numbers = np.random.default_rng(0).normal(size=40).astype(dtype)
    (tmp_path / 'a.bin').write_bytes(b'1 40\ncat ' + numbers.tobytes())
    with pytest.raises(ValueError, match="vector of 'cat' in .* of 32 bits, the lowest byte first"):
        find_word_vectors(tmp_path / 'a.bin', ['cat'])


@pytest.mark.parametrize('kind', KINDS)
def test_the_form_of_words_is_shown(tmp_path, kind):
    table = {f'/c/en/{word}': np.ones(SIZE, np.float32) for word in ('cat', 'dog')}
    with pytest.raises(ValueError, match="begins with '/c/en/cat', '/c/en/dog'"):
        make_class_embeddings(write(tmp_path, kind, table), ['dog'], tmp_path / 'a.npz')


def test_damaged_binary_vectors(tmp_path):
    path = tmp_path / 'a.bin'
    path.write_bytes(b'2 2\ncat ' + np.array([np.nan, 1], '<f4').tobytes())
    with pytest.raises(ValueError, match="vector of 'cat' in .* is damaged"):
        find_word_vectors(path, ['cat'])
    path.write_bytes(b'2 2\n' + b'\xff' * 30_000)
    with pytest.raises(ValueError, match='damaged or cut off: it has a word of more than 10000'):
        find_word_vectors(path, ['cat'])


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'', 'holds no word vectors'),
        (b'\x89PNG\r\n\x1a\n' + bytes(50), 'holds no word vectors'),
        (b'some text without numbers\n', 'holds no word vectors'),
        (b'PK\x03\x04rest', 'is a zip archive; unpack it'),
        (b'\xba\x16\x4f\x2f' + bytes(50), 'is a model of fastText; use the .vec file'),
        (b'\x1f\x8bno gzip at all', 'damaged or cut off'),
    ],
)
def test_other_files(tmp_path, data, message):
    (tmp_path / 'a.vec').write_bytes(data)
    with pytest.raises(ValueError, match=f"a.vec' .*{message}"):
        find_word_vectors(tmp_path / 'a.vec', ['cat'])


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nope.vec' do not exist"):
        find_word_vectors(tmp_path / 'nope.vec', ['cat'])


@pytest.fixture
def tool(les):
    return partial(les, 'embeddings')


def test_tool(tmp_path, table, tool, capsys):
    path, out = write(tmp_path, 'word2vec', table), tmp_path / 'own.npz'
    (tmp_path / 'names.txt').write_text('potted plant\ncat\nhot dog\n')
    names = ['--classes-file', tmp_path / 'names.txt']
    assert tool(path, *names, '--alias', 'hot dog=hot_dog', '--out', out) == 0
    assert f"3 classes, 7 numbers each, in '{out}'" in capsys.readouterr().out
    found = load_class_embeddings(out, ['hot dog', 'cat'], normalize=False)
    np.testing.assert_array_equal(found, [table['hot_dog'], table['cat']])


@pytest.mark.parametrize(
    ('options', 'status', 'message'),
    [
        (['--classes', 'cat', 'tree'], 1, "error: .* tree of 'tree' .*Name other words"),
        (['--classes-file', 'nope.txt'], 1, "error: .*'nope.txt'"),
        (['--classes', 'cat', '--alias', 'cat'], 2, "'cat' is not of the form NAME=WORDS"),
        ([], 2, 'one of the arguments --classes --classes-file is required'),
        (['--classes', 'cat', '--out', 'a.txt'], 2, "'a.txt' does not end in .npz"),
    ],
)
def test_faulty_calls_of_the_tool(tmp_path, table, tool, capsys, options, status, message):
    path, out = write(tmp_path, 'GloVe', table), tmp_path / 'own.npz'
    assert tool(path, '--out', out, *options) == status
    assert re.search(message, capsys.readouterr().err)
    assert not out.exists()
