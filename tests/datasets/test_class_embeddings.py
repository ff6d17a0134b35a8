import numpy as np
import pytest
from mmseg.datasets import COCOStuffDataset, PascalContextDataset

from label_efficient_seg.datasets import (
    SemiVOCDataset,
    ToyDataset,
    list_class_embeddings,
    load_class_embeddings,
)
from label_efficient_seg.datasets.files import class_embeddings
from label_efficient_seg.datasets.files.class_embeddings import write_class_embeddings
from label_efficient_seg.datasets.toy import ATTRIBUTES

NAMES = ('cat', 'potted plant', 'wall-brick')
SHIPPED = [name for name in list_class_embeddings() if name != 'toy']


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)


@pytest.fixture
def path(tmp_path, vectors):
    write_class_embeddings(tmp_path / 'own.npz', NAMES, vectors, 'a note')
    return tmp_path / 'own.npz'


def test_written_vectors_are_read_in_the_order_of_the_classes(path, vectors):
    found = load_class_embeddings(path, ('wall-brick', 'cat'), normalize=False)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, vectors[[2, 0]])
    np.testing.assert_array_equal(
        load_class_embeddings(str(path), ['Potted_Plant', 'wall brick'], normalize=False),
        vectors[[1, 2]],
    )
    with np.load(path) as file:
        assert str(file['note']) == 'a note'


def test_normalised_vectors_have_length_one(path, vectors):
    found = load_class_embeddings(path, NAMES)
    for row, vector in zip(found, vectors, strict=True):
        length = sum(float(value) ** 2 for value in vector) ** 0.5
        np.testing.assert_allclose(row, vector / length, rtol=1e-6)


def test_several_sources_are_joined_and_then_normalised(path, vectors, tmp_path):
    other = np.random.default_rng(1).normal(size=(2, 4))
    write_class_embeddings(tmp_path / 'other.npz', ['cat', 'pottedplant'], other)
    sources, classes = [path, tmp_path / 'other.npz'], NAMES[1::-1]
    joined = np.concatenate([vectors[[1, 0]], other[[1, 0]]], axis=1)
    found = load_class_embeddings(sources, classes, normalize=False)
    np.testing.assert_allclose(found, joined, rtol=1e-6)
    expected = joined / np.sqrt((joined**2).sum(1, keepdims=True))
    np.testing.assert_allclose(load_class_embeddings(sources, classes), expected, rtol=1e-6)


def test_half_precision_files_give_float32(tmp_path, vectors):
    write_class_embeddings(tmp_path / 'half.npz', NAMES, vectors.astype(np.float16))
    found = load_class_embeddings(tmp_path / 'half.npz', NAMES, normalize=False)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, vectors, rtol=1e-3)


def test_toy_classes_have_their_attributes():
    classes = ToyDataset.METAINFO['classes']
    found = load_class_embeddings('toy', classes, normalize=False)
    np.testing.assert_array_equal(found, ATTRIBUTES)
    assert found.sum(1).tolist() == [1] + [2] * 6
    lengths = np.linalg.norm(load_class_embeddings('toy', classes[::-1]), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-6)
    assert len(np.unique(found, axis=0)) == 7


@pytest.mark.parametrize('name', SHIPPED)
def test_shipped_vectors_fit_mmsegs_datasets(name):
    of = dict(voc=SemiVOCDataset, context=PascalContextDataset, coco=COCOStuffDataset)
    classes = of[name.split('_')[0]].METAINFO['classes']
    found = load_class_embeddings(name, classes)
    assert found.shape == (len(classes), 300) and len(np.unique(found, axis=0)) == len(classes)
    if 'cow' in classes:  # word vectors, and not rows of other classes
        cow, sheep, bus = (found[classes.index(c)] for c in ('cow', 'sheep', 'bus'))
        assert cow @ sheep > 0.4 > cow @ bus


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        (['cat', 'tree', 'dog'], r"own.npz' has no vector of tree, dog, but of cat, potted plant"),
        (['cat', 'wall-brick', 'cat'], 'a class is repeated in cat, wall-brick, cat'),
        (['wall brick', 'wall-brick'], 'a class is repeated'),
    ],
)
def test_classes_that_do_not_fit(path, classes, message):
    with pytest.raises(ValueError, match=message):
        load_class_embeddings(path, classes)


def test_missing_file():
    with pytest.raises(
        FileNotFoundError, match="'nope' do not exist; .*les embeddings.* one of .*toy"
    ):
        load_class_embeddings('nope', ['cat'])


def test_zero_vector(tmp_path):
    write_class_embeddings(tmp_path / 'a.npz', ['cat', 'dog'], np.eye(2)[:, :1])
    with pytest.raises(ValueError, match="vector of class 'dog' .* is zero"):
        load_class_embeddings(tmp_path / 'a.npz', ['cat', 'dog'])
    assert load_class_embeddings(tmp_path / 'a.npz', ['dog'], normalize=False).tolist() == [[0]]


@pytest.mark.parametrize('length', [0, 3, 100, -1])
def test_damaged_file(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"own.npz'"):
        load_class_embeddings(path, NAMES)


@pytest.mark.parametrize(
    'content', [dict(a=np.eye(2)), dict(names=np.array(['a']), vectors=np.array([{}], object))]
)
def test_other_archives(tmp_path, content):
    np.savez(tmp_path / 'a.npz', **content)
    with pytest.raises(ValueError, match="a.npz' holds no class embeddings"):
        load_class_embeddings(tmp_path / 'a.npz', ['cat'])
    (tmp_path / 'a.npz').write_text('cat 1 2 3')
    with pytest.raises(ValueError, match="a.npz' holds no class embeddings"):
        load_class_embeddings(tmp_path / 'a.npz', ['cat'])


@pytest.mark.parametrize(
    ('names', 'vectors', 'message'),
    [
        (['a', 'b'], np.ones((3, 4)), r'names of shape \(2,\) and vectors of shape \(3, 4\)'),
        (['a', 'b'], np.ones(2), r'vectors of shape \(2,\)'),
        (['a', 'b'], np.ones((2, 3), int), 'type int64'),
        (['a', 'b'], np.array([[1.0], [np.nan]]), 'of b are not finite'),
        (['a b', 'a-b'], np.ones((2, 3)), 'repeat a class of a b, a-b'),
    ],
)
def test_faulty_vectors_are_neither_written_nor_read(tmp_path, names, vectors, message):
    with pytest.raises(ValueError, match=message):
        write_class_embeddings(tmp_path / 'a.npz', names, vectors)
    assert not list(tmp_path.iterdir())
    np.savez(tmp_path / 'a.npz', names=np.array(names), vectors=vectors)
    with pytest.raises(ValueError, match=message):
        load_class_embeddings(tmp_path / 'a.npz', ['a'])


def test_classes_with_one_vector_are_named(tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(class_embeddings, 'print_log', lambda text, **_: warnings.append(text))
    path = tmp_path / 'a.npz'
    vectors = np.array([[1, 2], [2, 1], [2, 4], [0.5, 1], [1, 2.001]], np.float32)
    write_class_embeddings(path, list('abcde'), vectors)
    load_class_embeddings(path, list('abcde'))
    assert [text.split(' have the same')[0] for text in warnings] == [
        "the classes 'a' and 'c'",
        "the classes 'a' and 'd'",
    ]
