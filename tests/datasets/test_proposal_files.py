import numpy as np
import pytest

from label_efficient_seg.datasets import Proposals, read_proposals, write_proposals


def proposals(**kwargs) -> Proposals:
    boxes = [[0, 0, 7, 5], [1.5, 2, 3, 4]]
    found = Proposals(np.array(boxes, np.float32), np.array([2, 1], np.float32), (5, 7))
    return found._replace(**kwargs)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / 'a' / 'b.npz'
    for name in 'bc':
        write_proposals(path.with_stem(name), proposals(), run='r1')
    found = read_proposals(path, 'r1')
    assert found.size == (5, 7) and found.boxes.dtype == found.scores.dtype == np.float32
    np.testing.assert_array_equal(found.boxes, proposals().boxes)
    np.testing.assert_array_equal(found.scores, [2, 1])
    assert path.read_bytes() == path.with_stem('c').read_bytes()
    with pytest.raises(ValueError, match=r"b.npz' come from another run \(r1, not r2\)"):
        read_proposals(path, 'r2')


def test_an_image_without_proposals(tmp_path):
    empty = proposals(boxes=np.zeros((0, 4)), scores=np.zeros(0))
    write_proposals(tmp_path / 'a.npz', empty)
    assert read_proposals(tmp_path / 'a.npz').boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(boxes=np.array([[0, 0, 8, 5], [0, 0, 1, 1]])), r'\[0.0, 0.0, 8.0, 5.0\].*7 x 5'),
        (dict(boxes=np.array([[0, 0, 7, 5], [2, 3, 2, 4]])), 'no area inside the image'),
        (dict(boxes=np.array([[0, 0, 7, 5], [np.nan, 3, 2, 4]])), 'no area inside the image'),
        (dict(boxes=np.array([[-1, 0, 7, 5], [0, 0, 2, 4]])), 'no area inside the image'),
        (dict(scores=np.array([1, 2])), 'not in falling order'),
        (dict(scores=np.array([np.inf, 2])), 'not finite'),
        (dict(scores=np.array([1])), r'shapes \(2, 4\) and \(1,\)'),
    ],
)
def test_bad_boxes_are_not_written(tmp_path, change, message):
    with pytest.raises(ValueError, match=f'the proposals for .*{message}'):
        write_proposals(tmp_path / 'a.npz', proposals(**change))
    assert not list(tmp_path.iterdir())


def test_other_and_damaged_files(tmp_path):
    path = tmp_path / 'a.npz'
    write_proposals(path, proposals())
    content = path.read_bytes()
    path.write_bytes(content[:-30])
    with pytest.raises(ValueError, match="a.npz' are damaged or cut off .* delete the file"):
        read_proposals(path)
    for other in (b'cat dog\n', b''):
        path.write_bytes(other)
        with pytest.raises(ValueError, match='holds no proposals; .* les proposals'):
            read_proposals(path)
    empty = dict(boxes=np.zeros((1, 4), np.float32), scores=np.zeros(1, np.float32), run='')
    np.savez(path, size=[5, 7], **empty)
    with pytest.raises(ValueError, match='the proposals of .* no area inside'):
        read_proposals(path)
    with pytest.raises(FileNotFoundError, match='b.npz. do not exist; make them with'):
        read_proposals(tmp_path / 'b.npz')


def test_arrays_that_are_missing_are_named(tmp_path):
    np.savez(tmp_path / 'a.npz', boxes=np.zeros((1, 4)), scores=np.ones(1))
    with pytest.raises(ValueError, match='it lacks size, run, and has boxes, scores'):
        read_proposals(tmp_path / 'a.npz')
