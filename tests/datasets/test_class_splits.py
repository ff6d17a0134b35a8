import pytest
from mmseg.datasets import COCOStuffDataset, PascalContextDataset, PascalContextDataset59

from label_efficient_seg.datasets import (
    CLASS_SPLITS,
    MSRCPersonDataset,
    SemiVOCDataset,
    class_split,
)

CLASSES = ('background', 'cat', 'cow', 'dog', 'sheep')


def dataset_classes(name: str) -> tuple[str, ...]:
    """Classes of the dataset that a split is of."""
    of = dict(
        voc=SemiVOCDataset,
        context=PascalContextDataset,
        coco=COCOStuffDataset,
        msrc=MSRCPersonDataset,
    )
    return of[name.split('_')[0]].METAINFO['classes']


@pytest.mark.parametrize('name', CLASS_SPLITS)
def test_splits_divide_the_classes_of_their_datasets(name):
    classes = dataset_classes(name)
    split = class_split(name, classes)
    assert sorted(sum(split, ())) == list(range(len(classes)))
    assert [classes[i] for i in split.unseen] == sorted(
        CLASS_SPLITS[name]['unseen'], key=classes.index
    )


@pytest.mark.parametrize(
    ('name', 'seen', 'unseen', 'ignored'),
    [
        ('voc_15_5', 15, 5, 1),
        ('context_29_4', 29, 4, 27),
        ('coco_stuff_167_15', 156, 15, 0),  # 11 of the 182 ids have no pixels and no class
        *((f'voc_k{k}', 21 - k, k, 0) for k in (2, 4, 6, 8, 10)),
        *((f'context_k{k}', 60 - k, k, 0) for k in (2, 4, 6, 8, 10)),
        *((f'msrc_{n}', 15, 5, 0) for n in (1, 2, 3)),
    ],
)
def test_sizes_of_splits(name, seen, unseen, ignored):
    assert [len(kind) for kind in class_split(name, dataset_classes(name))] == [
        seen,
        unseen,
        ignored,
    ]


def test_voc_15_5_is_in_the_order_of_voc():
    split = class_split('voc_15_5', dataset_classes('voc_15_5'))
    assert split.seen == tuple(range(1, 16)) and split.unseen == tuple(range(16, 21))
    assert split.ignored == (0,)


def test_nested_splits_grow():
    for prefix in ('voc', 'context'):
        kinds = [set(CLASS_SPLITS[f'{prefix}_k{k}']['unseen']) for k in (2, 4, 6, 8, 10)]
        assert all(small < large for small, large in zip(kinds, kinds[1:], strict=False))


def test_no_class_is_unseen_in_two_splits_of_msrc():
    unseen = [name for n in (1, 2, 3) for name in CLASS_SPLITS[f'msrc_{n}']['unseen']]
    assert len(set(unseen)) == 15


def test_nested_context_splits_fit_the_dataset_without_background():
    classes = PascalContextDataset59.METAINFO['classes']
    assert len(class_split('context_k10', classes).seen) == 49


@pytest.mark.parametrize(
    ('split', 'expected'),
    [
        (dict(unseen=['sheep', 'cow']), ((0, 1, 3), (2, 4), ())),
        (dict(unseen=('cow',), ignored=['background', 'dog']), ((1, 4), (2,), (0, 3))),
        (dict(unseen=['cow'], seen=['dog', 'cat']), ((1, 3), (2,), (0, 4))),
        (dict(unseen=['cow'], ignored=[]), ((0, 1, 3, 4), (2,), ())),
    ],
)
def test_splits_by_class_name(split, expected):
    assert class_split(split, CLASSES) == expected
    assert class_split(split, list(CLASSES)) == expected


@pytest.mark.parametrize(
    ('split', 'message'),
    [
        ('voc_15-5', "'voc_15-5'; did you mean 'voc_15_5'"),
        ('xyz', "'xyz'; there are voc_15_5, context_29_4"),
        ('voc_k2', "'motorbike', which is no class of the dataset"),
        (dict(unseen=['shep']), "unseen of .* has 'shep', .* did you mean 'sheep'"),
        (dict(unseen=['cow'], ignored=['tree']), "ignored of .* has 'tree', .* there are backg"),
        (dict(unseen=['cow', 'dog'], seen=['cat', 'dog']), 'has dog both in unseen and in seen'),
        (dict(unseen=['cow'], ignored=['cow']), 'has cow both in unseen and in ignored'),
        (dict(unseen=['cow', 'dog', 'cow']), "has 'cow' more than once"),
        (dict(unseen='cow'), "is 'cow'; give a list"),
        (dict(unseen=[3]), "has 3; give names of classes, such as 'background', in place"),
        (dict(unseen=[]), 'has no unseen class'),
        (dict(ignored=['cow']), 'has no unseen class'),
        (dict(unseen=CLASSES), 'has no seen class'),
        (dict(unseen=['cow'], seen=[]), 'has no seen class'),
        (dict(unseen=CLASSES[1:], ignored=CLASSES[:1]), 'has no seen class'),
        (dict(unseen=['cow'], novel=['dog']), 'has novel, unseen; give'),
        (dict(unseen=['cow'], seen=['dog'], ignored=['cat']), 'either of .seen. or of .ignored.'),
    ],
)
def test_faulty_splits(split, message):
    with pytest.raises(ValueError, match=message):
        class_split(split, CLASSES)
