import json
from pathlib import Path

import numpy as np
import pytest

from label_efficient_seg.datasets.files.image_labels import (
    TagVocabulary,
    read_image_labels,
    write_image_labels,
)

from .conftest import random_mask, write_mask

CLASSES = ('background', 'cat', 'traffic light', 'dog')
VOCABULARY = TagVocabulary(CLASSES)
IDS = ['a', 'sub/b', 'c']
TAGS = {
    'a': ['dog', 'cat', 'dog'],
    'sub/b': ['traffic light'],
    'c': ['cat', 'traffic light', 'dog'],
}
LABELS = [[1, 3], [2], [1, 2, 3]]


def write_json(path: Path, tags: object = TAGS) -> Path:
    path.write_text(json.dumps(tags))
    return path


def write_csv(path: Path, *lines: str) -> Path:
    path.write_text('\n'.join(('image,classes', *lines)))
    return path


def write_xml(folder: Path, name: str, objects: list[tuple[str, int | None]]) -> None:
    """As in VOC: parts of objects have names too, and the flag may be absent."""
    path = folder / f'{name}.xml'
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = ['' if flag is None else f'<difficult>{flag}</difficult>' for _, flag in objects]
    text = ''.join(
        f'<object><name>{tag}</name>{flag}<part><name>head</name></part></object>'
        for (tag, _), flag in zip(objects, flags, strict=True)
    )
    path.write_text(f'<annotation><filename>{name}.jpg</filename>{text}</annotation>')


def read(path: Path, ids: list[str] = IDS, vocabulary: TagVocabulary = VOCABULARY, **kwargs):
    return read_image_labels(path, ids, vocabulary, **kwargs)


def test_json(tmp_path):
    path = write_json(tmp_path / 'tags.json', dict(TAGS, unused=['no class']))
    assert read(path) == LABELS
    assert read(path, ['c', 'a']) == [LABELS[2], LABELS[0]]


def test_csv(tmp_path):
    path = write_csv(
        tmp_path / 'tags.csv', 'a,dog cat', 'sub/b,traffic light;', 'c,"cat; traffic light ;dog"'
    )
    assert read(path) == LABELS


def test_csv_with_mark_of_spreadsheets(tmp_path):
    path = tmp_path / 'tags.csv'
    path.write_bytes(b'\xef\xbb\xbfimage,classes\r\na,cat\r\n')
    assert read(path, ['a']) == [[1]]


@pytest.mark.parametrize('difficult', [True, False])
def test_annotations(tmp_path, difficult):
    write_xml(tmp_path, 'a', [('cat', 0), ('dog', 1), ('cat', 1)])
    write_xml(tmp_path, 'sub/b', [('traffic light', None), ('cat', 1)])
    expected = [[1, 3], [1, 2]] if difficult else [[1], [2]]
    assert read(tmp_path, IDS[:2], difficult=difficult) == expected


def test_image_with_difficult_objects_only(tmp_path):
    write_xml(tmp_path, 'a', [('cat', 1)])
    with pytest.raises(ValueError, match="image 'a' has no tag in .*; or set|allow_empty=True"):
        read(tmp_path, ['a'], difficult=False)
    assert read(tmp_path, ['a'], difficult=False, allow_empty=True) == [[]]


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple:
        return open, ('it_ran', 'w')


@pytest.mark.parametrize('content', [Evil(), {'a': np.ones(3)}, np.eye(3)])
def test_npy_is_refused_with_the_fix(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    np.save('x.npy', np.array(content))
    with pytest.raises(ValueError, match=r"'x\.npy' is .* convert it once to \.json with"):
        read(Path('x.npy'), ['a'])
    assert not Path('it_ran').exists()


@pytest.mark.parametrize('suffix', ['.csv', '.json'])
def test_mask_where_tags_are_expected(tmp_path, suffix):
    write_mask(tmp_path / 'mask.png', random_mask(0))
    path = (tmp_path / 'mask.png').rename(tmp_path / f'mask{suffix}')
    with pytest.raises(ValueError, match=rf"mask{suffix}' is no "):
        read(path)


def test_file_of_another_kind(tmp_path):
    write_mask(tmp_path / 'mask.png', random_mask(0))
    with pytest.raises(ValueError, match=r"mask.png' holds no tags; give .* or take .* 'masks'"):
        read(tmp_path / 'mask.png')
    with pytest.raises(ValueError, match=r"no annotation of these images.* set tags='masks'"):
        read(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"absent.csv' do not exist; give a folder of VOC"):
        read(tmp_path / 'absent.csv')


def test_annotation_cut_off(tmp_path):
    (tmp_path / 'a.xml').write_text('<annotation><object><name>cat')
    with pytest.raises(ValueError, match=r"a\.xml' is no VOC annotation: "):
        read(tmp_path, ['a'])


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{"a": ["cat"]', 'is no JSON file'),
        ('["a"]', 'must hold a dict'),
        ('{"a": "cat"}', "image 'a' .* 'cat' instead of a list"),
        ('{"a": [1]}', r'\[1\] instead of a list'),
    ],
)
def test_malformed_json(tmp_path, content, message):
    (tmp_path / 'x.json').write_text(content)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / 'x.json', ['a'])


def test_commas_and_spaces_of_csv(tmp_path):
    path = write_csv(tmp_path / 'x.csv', 'a , cat,dog', 'b,"dog, cat"', 'c,dog,', 'd,traffic light')
    path.write_text(path.read_text().replace('image,', ' image , '))
    assert read(path, ['a', 'b', 'c', 'd']) == [[1, 3], [1, 3], [3], [2]]


@pytest.mark.parametrize(
    ('cell', 'labels'),
    [('traffic light', [3]), ('light traffic', [1, 2]), ('dog traffic light', 'semicolons'),
     ('traffic; light', [1, 2]), ('dog traffic', [1, 4]), ('dog traffic cone', "'cone', which is")],
)  # fmt: skip
def test_tags_of_several_words_that_are_classes_too(tmp_path, cell, labels):
    vocabulary = TagVocabulary(('background', 'traffic', 'light', 'traffic light', 'dog'))
    path = write_csv(tmp_path / 'x.csv', f'a,{cell}')
    if isinstance(labels, list):
        assert read(path, ['a'], vocabulary) == [labels]
        return
    with pytest.raises(ValueError, match=labels):
        read(path, ['a'], vocabulary)


@pytest.mark.parametrize('text', ['{"a": ["cat"], "a": ["dog"]}', '{"a": ["cat"], " a": ["dog"]}'])
def test_repeated_id_of_json(tmp_path, text):
    (tmp_path / 'x.json').write_text(text)
    with pytest.raises(ValueError, match="x.json' lists 'a' twice"):
        read(tmp_path / 'x.json', ['a'])


@pytest.mark.parametrize('key', ['a.jpg', '7', 'images/a'])
def test_ids_of_another_form_are_shown(tmp_path, key):
    path = write_csv(tmp_path / 'x.csv', f'{key},cat')
    with pytest.raises(ValueError, match=rf"no entry for image 'a' .* such as '{key}'"):
        read(path, ['a'])


def test_vectors_become_names(tmp_path):
    vectors = {'a': np.array([1.0, 0, 1], np.float32), 'sub/b': [0, 1, 0], 'c': [True] * 3}
    write_image_labels(tmp_path / 'x.json', vectors, CLASSES)
    assert read(tmp_path / 'x.json') == LABELS


@pytest.mark.parametrize(
    ('name', 'vector', 'message'),
    [('a', [1, -1, -1], 'values -1, 1; give 0'), ('a', [0.9, 0.1, 0], 'values 0.0, 0.1, 0.9'),
     ('a', [np.nan, 0, 1], 'nan'), (7, [1, 0, 0], 'id 7 is of type int'),
     ('a', [1, 0], r'shape \(2,\)'),
     ('a', 1, r'shape \(\)')],
)  # fmt: skip
def test_vectors_that_are_no_tags(tmp_path, name, vector, message):
    with pytest.raises(ValueError, match=message):
        write_image_labels(tmp_path / 'x.json', {name: np.array(vector)}, CLASSES)
    assert not (tmp_path / 'x.json').exists()


def test_malformed_csv(tmp_path):
    path = write_csv(tmp_path / 'x.csv', 'a,cat', 'a,dog')
    with pytest.raises(ValueError, match="lists image 'a' twice"):
        read(path, ['a'])
    path.write_text('id;tags\na;cat')
    with pytest.raises(ValueError, match='columns image and classes, but has id;tags'):
        read(path, ['a'])
    for text, message in (
        ('', 'has nothing'),
        ('image,classes\na', "the line 'a', which has too few columns"),
        ('image,classes\na,"cat\nb,dog', 'is no table of tags: unexpected end'),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read(path, ['a'])


def test_image_without_entry(tmp_path):
    path = write_json(tmp_path / 'x.json', {'a': ['cat']})
    with pytest.raises(ValueError, match=r"x\.json' has no entry for image 'sub/b' \(1 more\)"):
        read(path)


def test_image_without_tag(tmp_path):
    path = write_json(tmp_path / 'x.json', {'a': ['cat'], 'sub/b': [], 'c': ['background']})
    with pytest.raises(ValueError, match=r"image 'sub/b' \(1 more\) has no tag in '.*x\.json'"):
        read(path)
    assert read(path, allow_empty=True) == [[1], [], []]


def test_tag_outside_the_classes(tmp_path):
    path = write_json(tmp_path / 'x.json', {'a': ['cat', 'trafic light']})
    message = r"image 'a' in .* tag 'trafic light', which is no class .* did you mean 'traffic lig"
    with pytest.raises(ValueError, match=message):
        read(path, ['a'])
    with pytest.raises(ValueError, match='there are cat, traffic light, dog'):
        read(write_json(tmp_path / 'x.json', {'a': ['xyz']}), ['a'])


def test_image_with_all_tags(tmp_path):
    assert read(write_json(tmp_path / 'x.json', {'a': list(CLASSES)}), ['a']) == [[1, 2, 3]]


def test_chosen_and_joined_classes(tmp_path):
    # As a dataset with metainfo=dict(classes=('background', 'pet')): the light was not chosen.
    label_map = {0: 0, 1: 1, 2: 255, 3: 1}
    vocabulary = TagVocabulary(('background', 'pet'), CLASSES, label_map)
    path = write_json(tmp_path / 'x.json', dict(TAGS, d=['pet']))
    ids = ['a', 'sub/b', 'c', 'd']
    assert read(path, ids, vocabulary, allow_empty=True) == [[1], [], [1], [1]]
