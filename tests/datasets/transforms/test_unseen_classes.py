import numpy as np
import pytest
from mmseg.registry import DATASETS

from label_efficient_seg.datasets import StreamDataLoader
from label_efficient_seg.datasets.files.masks import MaskError

from ..conftest import VOC_IDS, random_mask, write_mask

LOAD = dict(type='LoadImageFromFile')
UNSEEN = ('cow', 'sheep')  # 10, 17


def config(root, split=None, annotations='LoadCheckedAnnotations', **kwargs) -> dict:
    pipeline = [
        LOAD,
        dict(type='HideUnseenClasses', split=split or dict(unseen=UNSEEN)),
        dict(type=annotations),
        dict(type='RandomCrop', crop_size=(12, 12), cat_max_ratio=0.75),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PackSegInputs', meta_keys=('img_path', 'label_map')),
    ]
    return dict(
        dict(
            type='SemiVOCDataset',
            data_root=str(root),
            data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
            ann_file='ImageSets/Segmentation/train.txt',
            pipeline=pipeline,
        ),
        **kwargs,
    )


def build(root, split=None, **kwargs):
    return DATASETS.build(config(root, split, **kwargs))


def spy(dataset) -> list[np.ndarray]:
    """Every mask that exists between two transforms of the pipeline, or after the last."""
    masks = []

    def look(results: dict) -> dict:
        if 'gt_seg_map' in results:
            masks.append(results['gt_seg_map'].copy())
        if 'data_samples' in results:
            masks.append(results['data_samples'].gt_sem_seg.data.numpy())
        return results

    transforms = dataset.pipeline.transforms
    transforms[:] = [step for transform in transforms for step in (transform, look)]
    return masks


@pytest.mark.parametrize('annotations', ['LoadAnnotations', 'LoadCheckedAnnotations'])
@pytest.mark.parametrize(
    ('split', 'hidden'),
    [
        (dict(unseen=UNSEEN), {10, 17}),
        (dict(unseen=UNSEEN, ignored=['background']), {0, 10, 17}),
        ('voc_15_5', {0, 16, 17, 18, 19, 20}),
    ],
)
def test_no_transform_gets_a_hidden_label(voc_root, annotations, split, hidden):
    dataset = build(voc_root, split, annotations=annotations)
    masks = spy(dataset)
    assert len(dataset) == 6
    for index in range(6):
        expected = random_mask(index, 21)
        before = len(masks)
        dataset[index]
        np.testing.assert_array_equal(
            masks[before], np.where(np.isin(expected, sorted(hidden)), 255, expected)
        )
    # After loading, cropping, flipping and packing.
    assert len(masks) == 6 * 4
    found = {int(value) for mask in masks for value in np.unique(mask)}
    assert found == {*range(21), 255} - hidden


def test_what_hidden_pixels_are_does_not_matter(voc_root):
    """The proof: other unseen labels, the same samples."""
    dataset = build(voc_root)
    before = [load(dataset, index) for index in range(6)]
    rng = np.random.default_rng(0)
    for seed, name in enumerate(VOC_IDS[:6]):
        mask = random_mask(seed, 21)
        unseen = np.isin(mask, (10, 17))
        mask[unseen] = rng.choice(np.uint8([10, 17, 255]), int(unseen.sum()))
        write_mask(voc_root / f'SegmentationClass/{name}.png', mask, palette=True)
    for index in range(6):
        for old, new in zip(before[index], load(dataset, index), strict=True):
            np.testing.assert_array_equal(old, new)


def load(dataset, index: int) -> tuple[np.ndarray, np.ndarray]:
    np.random.seed(index)
    sample = dataset[index]
    return sample['inputs'].numpy(), sample['data_samples'].gt_sem_seg.data.numpy()


def test_chosen_classes_keep_their_numbers(voc_root):
    metainfo = dict(classes=('background', 'sheep', 'dog', 'cow'))
    dataset = build(voc_root, dict(unseen=['cow']), metainfo=metainfo)
    masks = spy(dataset)
    for index in range(6):
        before = len(masks)
        dataset[index]
        expected = np.full((20, 30), 255)
        for new, old in enumerate((0, 17, 12)):
            expected[random_mask(index, 21) == old] = new
        np.testing.assert_array_equal(masks[before], expected)
    assert dataset.metainfo['classes'][3] == 'cow'


def test_masks_without_background_class(voc_root):
    """With reduce_zero_label, value c + 1 of a file is class c."""
    classes = tuple('abcdefghijklmnopqrst')
    dataset = build(
        voc_root, dict(unseen=['c']), type='ImageFolderSegDataset', img_suffix='.jpg',
        reduce_zero_label=True, metainfo=dict(classes=classes),
    )  # fmt: skip
    masks = spy(dataset)
    dataset[0]
    expected = random_mask(0, 21).astype(int) - 1
    expected[np.isin(expected, (-1, 2, 254))] = 255
    np.testing.assert_array_equal(masks[0], expected)


def test_images_with_unseen_pixels_can_be_dropped(voc_root):
    for seed, name in enumerate(VOC_IDS[:6]):
        mask = random_mask(seed, 5)
        mask[5, 5] = {1: 10, 4: 17}.get(seed, 16)
        write_mask(voc_root / f'SegmentationClass/{name}.png', mask)
    dataset = build(voc_root, filter_cfg=dict(class_split=dict(unseen=UNSEEN)))
    assert len(dataset) == 4
    paths = [dataset[index]['data_samples'].img_path for index in range(4)]
    assert [path[-15:-4] for path in paths] == [VOC_IDS[i] for i in (0, 2, 3, 5)]
    # Classes that are merely ignored drop no image.
    split = dict(unseen=['sheep'], ignored=['background'])
    assert len(build(voc_root, split, filter_cfg=dict(class_split=split))) == 5


def test_dropping_every_image_is_refused(voc_root):
    with pytest.raises(ValueError, match='all 6 images show an unseen class'):
        build(voc_root, filter_cfg=dict(class_split=dict(unseen=UNSEEN)))


def test_a_damaged_mask_is_named_when_images_are_dropped(voc_root):
    write_mask(voc_root / f'SegmentationClass/{VOC_IDS[3]}.png', np.full((20, 30), 40, np.uint8))
    with pytest.raises(MaskError, match=f'{VOC_IDS[3]}.png'):
        build(voc_root, filter_cfg=dict(class_split=dict(unseen=UNSEEN)))


def test_an_unknown_filter_is_refused(voc_root):
    with pytest.raises(ValueError, match="filter_cfg has 'unsen'; give dict"):
        build(voc_root, filter_cfg=dict(unsen=UNSEEN))


def test_as_a_stream(voc_root):
    sampler = dict(type='InfiniteSampler', shuffle=True)
    loader = StreamDataLoader(
        dict(labeled=dict(batch_size=3, num_workers=0, dataset=config(voc_root), sampler=sampler)),
        seed=0,
    )
    batch = next(iter(loader))['labeled']
    labels = {int(v) for s in batch['data_samples'] for v in s.gt_sem_seg.data.unique()}
    assert labels and not labels & {10, 17}


HIDE = dict(type='HideUnseenClasses', split=dict(unseen=UNSEEN))
MASK = dict(type='LoadCheckedAnnotations')


@pytest.mark.parametrize(
    'pipeline', [[LOAD, HIDE], [HIDE, LOAD, dict(type='LoadValidMask')], [LOAD, MASK, HIDE],
                 [MASK, HIDE, MASK]]
)  # fmt: skip
def test_a_pipeline_that_loads_no_masks_behind_it_is_refused(voc_root, pipeline):
    with pytest.raises(ValueError, match='before LoadCheckedAnnotations; .* SemiVOCDataset has'):
        build(voc_root, pipeline=pipeline)


def test_a_split_that_does_not_fit_is_refused(voc_root):
    with pytest.raises(ValueError, match="'cows', .* did you mean 'cow'"):
        build(voc_root, dict(unseen=['cows']))
