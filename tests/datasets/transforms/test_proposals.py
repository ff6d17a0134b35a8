import cv2
import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from label_efficient_seg.datasets import Proposals, write_proposals
from label_efficient_seg.datasets.proposals import make_proposals
from label_efficient_seg.datasets.transforms import LoadProposals

SIZE = (30, 40)


def item(path: str = '/data/images/a/00.png') -> dict:
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    image = cv2.resize(image, SIZE[::-1])
    return dict(img=image, ori_shape=SIZE, img_shape=SIZE, img_path=path)


def write(path, first: float, size: tuple[int, int] = SIZE) -> None:
    boxes = np.array([[first, 0, 20, 20], [1, 1, 9, 9], [2, 2, 7, 7]], np.float32)
    write_proposals(path, Proposals(boxes, np.arange(3)[::-1], size))


def test_proposals_reach_the_model(tmp_path):
    write(tmp_path / 'a' / '00.npz', 3)
    step = TRANSFORMS.build(dict(type='LoadProposals', folder=str(tmp_path), num=2))
    pack = TRANSFORMS.build(dict(type='PackSegInputs', meta_keys=('ori_shape', 'proposals')))
    sample = pack(step(item()))['data_samples']
    found = sample.metainfo['proposals']
    assert found.dtype == np.float32 and found.tolist() == [[3, 0, 20, 20], [1, 1, 9, 9]]
    assert f'folder={str(tmp_path)!r}' in repr(step) and 'num=2' in repr(step)


def test_proposals_made_on_the_spot():
    results = LoadProposals(num=20).transform(item())
    expected = make_proposals(item()['img'][..., ::-1], num=20).boxes
    np.testing.assert_array_equal(results['proposals'], expected)
    assert 0 < len(expected) <= 20
    resized = dict(item(), ori_shape=(60, 80))
    with pytest.raises(ValueError, match='put LoadProposals right behind LoadImageFromFile'):
        LoadProposals().transform(resized)


def test_which_file_belongs_to_an_image(tmp_path):
    for name, first in (('00', 0), ('a/00', 1), ('images/b/00', 2), ('c/x_left', 3), ('c/x', 4)):
        write(tmp_path / f'{name}.npz', first)

    def first(path: str, **kwargs) -> float:
        return LoadProposals(str(tmp_path), **kwargs).transform(item(path))['proposals'][0, 0]

    assert first('/data/images/a/00.png') == 1 and first('a/00.jpeg') == 1
    assert first('/data/images/z/00.png') == 0 and first('/data/images/b/00.png') == 2
    assert first('/d/c/x_left.png') == 3 and first('/d/c/x_left.png', img_suffix='_left.png') == 4


def test_bad_files_and_settings(tmp_path):
    write(tmp_path / '00.npz', 0, (20, 41))
    with pytest.raises(ValueError, match=r'of an image of \(20, 41\), but .* \(30, 40\)'):
        LoadProposals(str(tmp_path)).transform(item())
    with pytest.raises(
        FileNotFoundError, match="has no '01.npz' for image '/d/01.png'; run les proposals"
    ):
        LoadProposals(str(tmp_path)).transform(item('/d/01.png'))
    with pytest.raises(ValueError, match="unknown method 'x'"):
        LoadProposals(method='x')
    with pytest.raises(ValueError, match='must be positive'):
        LoadProposals(num=0)
