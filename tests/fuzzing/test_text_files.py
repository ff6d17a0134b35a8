"""Split lists, tags and word vectors that are broken or hostile."""

import gzip
import json
import zlib

import numpy as np
import pytest

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets.files.image_labels import TagVocabulary, read_image_labels
from label_efficient_seg.datasets.files.splits import SplitError, read_split
from label_efficient_seg.datasets.files.word_vector_files import BLOCK, find_word_vectors
from tests.fuzzing.mutations import check_reader, mutations

SPLIT = b'2007_000032\naachen/aachen_000000_000019\n2007_000039\n'
IDS = ['a', 'sub/b', 'c']
VOCABULARY = TagVocabulary(('background', 'cat', 'traffic light', 'dog'))
CSV = b'image,classes\na,dog cat\nsub/b,traffic light;\nc,"cat; dog"\n'
JSON = json.dumps({'a': ['dog', 'cat'], 'sub/b': ['traffic light'], 'c': ['dog']}, indent=1)
OBJECT = '<object><name>{}</name><difficult>0</difficult></object>'
XML = f'<annotation>{OBJECT.format("cat")}\n{OBJECT.format("dog")}</annotation>'.encode()
WORDS = ['cat', 'dog', 'bus']
TEXT = b'cat 0.25 -1.5 3e-2\ndog 1 2 3\ntree 0 0 1\nbus -7.5 0.125 -1\n'
BINARY = b'4 3\n' + b''.join(
    word + b' ' + np.array([0.25, -1.5, 3], '<f4').tobytes() + b'\n'
    for word in (b'cat', b'dog', b'tree', b'bus')
)


def are_ids(ids: list[str]) -> bool:
    """Not empty, each once, and none outside of the folder that it is joined to."""
    parts = [part for name in ids for part in name.split('/')]
    absolute = [name for name in ids if name.startswith('/')]
    return len(set(ids)) == len(ids) > 0 and not {'..'} & {*parts} and not absolute


@pytest.mark.parametrize('valid', [SPLIT, SPLIT.decode().replace('_', 'ä').encode()])
def test_split_list(tmp_path, valid):
    path = tmp_path / 'list.txt'
    assert check_reader(read_split, path, mutations(valid), are_ids, SplitError) > 30


@pytest.mark.parametrize('strict', [False, True])
@pytest.mark.parametrize('name', ['../a', 'a/../../b', '/etc/passwd', '..', 'a/..', 'a\0b'])
def test_ids_that_lead_out_of_the_folder(tmp_path, name, strict):
    path = tmp_path / 'list.txt'
    path.write_text(f'x\n{name}\n')
    with pytest.raises(
        SplitError, match=r"list.txt' lists '.*', which is no id; .*below the image"
    ):
        read_split(path, strict)
    path.write_text('x..y\n..z\na/...\n')  # dots as such do no harm
    assert read_split(path) == ['x..y', '..z', 'a/...']


def read_tags(path) -> list[list[int]]:
    return read_image_labels(path, IDS, VOCABULARY)


def are_labels(labels: list[list[int]], count: int = 3) -> bool:
    found = [set(image) <= {1, 2, 3} and image == sorted(image) for image in labels]
    return all(found) and len(found) == count and all(labels)


@pytest.mark.parametrize(('suffix', 'valid'), [('.csv', CSV), ('.json', JSON.encode())])
def test_tags(tmp_path, suffix, valid):
    path = tmp_path / f'tags{suffix}'
    path.write_bytes(valid)
    assert are_labels(read_tags(path))
    assert check_reader(read_tags, path, mutations(valid), are_labels, UserError) > 90


def test_tags_with_the_mark_of_some_editors(tmp_path):
    path = tmp_path / 'tags.json'
    path.write_text(JSON, 'utf-8-sig')
    assert are_labels(read_tags(path))


def test_annotations(tmp_path):
    def read(path):
        return read_image_labels(path.parent, ['a'], VOCABULARY)

    encodings = [f'<?xml version="1.0" encoding="{name}"?>'.encode() for name in ('x-no', 'cp932')]
    entities = b'<!DOCTYPE a [<!ENTITY x0 "ha">%s]>' % b''.join(
        b'<!ENTITY x%d "%s">' % (i, b'&x%d;' % (i - 1) * 10) for i in range(1, 12)
    )
    hostile = [encoding + XML for encoding in encodings] + [
        entities + XML.replace(b'cat', b'&x11;'),
        b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + XML.replace(b'cat', b'&f;'),
    ]
    contents = [*mutations(XML), *hostile]

    def are_sound(labels):
        return are_labels(labels, 1)

    (tmp_path / 'a.xml').write_bytes(XML)
    assert read(tmp_path / 'a.xml') == [[1, 3]]
    # A tag that is no class is told of the image and of the folder.
    (tmp_path / 'named').mkdir()
    for content in contents:
        path = tmp_path / 'named' / 'a.xml'
        path.write_bytes(content)
        try:
            assert are_sound(read(path)), content
        except Exception as error:
            assert type(error) is UserError and str(path.parent) in str(error), content
            assert "'a'" in str(error) or str(path) in str(error)


def are_vectors(found: dict[str, np.ndarray]) -> bool:
    sizes = {vector.shape for vector in found.values()}
    kinds = {vector.dtype for vector in found.values()}
    finite = all(np.isfinite(vector).all() for vector in found.values())
    whole = len(sizes) <= 1 and kinds <= {np.dtype('f4')} and (0,) not in sizes
    return whole and finite and set(found) <= set(WORDS)


FORMS = {
    'glove': TEXT,
    'fasttext': b'4 3\n' + TEXT,
    'word2vec': BINARY,
    'gzip': gzip.compress(TEXT, mtime=0),
}


@pytest.mark.parametrize('form', FORMS)
def test_word_vectors(tmp_path, form):
    path = tmp_path / 'vectors'
    path.write_bytes(FORMS[form])
    assert find_word_vectors(path, WORDS).keys() == set(WORDS)

    def read(path):
        return find_word_vectors(path, WORDS)

    assert check_reader(read, path, mutations(FORMS[form]), are_vectors, UserError) > 30


@pytest.mark.parametrize(
    'content',
    [
        b'3 999999999999\ncat ' + bytes(8 * BLOCK),
        b'3 0\ncat \ndog \n',
        b'3 ' + b'9' * 5000 + b'\ncat ',
        b'cat 1 2 3\ndog ' + b'1' * 3 * BLOCK,
        b'4 3\n' + b'c' * 3 * BLOCK,
    ],
    ids=['long vectors', 'no numbers', 'long number', 'long line', 'long word'],
)
def test_word_vectors_of_hostile_sizes(tmp_path, content):
    (tmp_path / 'a').write_bytes(content)
    with pytest.raises(ValueError, match=rf"{tmp_path / 'a'}'"):
        find_word_vectors(tmp_path / 'a', ['dog'])


def test_word_vectors_that_unpack_to_a_thousand_times_their_size(tmp_path):
    packer = zlib.compressobj(9, wbits=31)
    line = packer.compress(b'cat 1 2 3\n') + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(bytes(BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    (tmp_path / 'a').write_bytes(line + zeros * 900)
    assert (tmp_path / 'a').stat().st_size < BLOCK
    with pytest.raises(ValueError, match=rf"{tmp_path / 'a'}'"):
        find_word_vectors(tmp_path / 'a', ['dog'])


@pytest.mark.parametrize('last', ['-1', '0', 'nan', '1e-3'])
def test_first_line_may_end_in_any_number(tmp_path, last):
    (tmp_path / 'a').write_text(f'cat 2 {last}\ndog 3 4\n')
    assert find_word_vectors(tmp_path / 'a', ['dog'])['dog'].tolist() == [3, 4]


@pytest.mark.parametrize(
    ('name', 'read'),
    [
        ('list.txt', read_split),
        ('tags.csv', read_tags),
        ('vectors', lambda path: find_word_vectors(path, WORDS)),
    ],
)
def test_folder_in_the_place_of_a_file(tmp_path, name, read):
    (tmp_path / name).mkdir()
    with pytest.raises((OSError, ValueError), match=str(tmp_path / name)):
        read(tmp_path / name)
