"""Which classes zero-shot learning sees, and which it does not."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...core.errors import UserError
from ...core.suggest import did_you_mean

CONTEXT_33 = (
    'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow', 'table',
    'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor',
    'sky', 'grass', 'ground', 'road', 'building', 'tree', 'water', 'mountain', 'wall', 'floor',
    'track', 'keyboard', 'ceiling',
)  # fmt: skip
"""The 33 classes of PASCAL-Context that CaGNet and SIGN use."""

CONTEXT_UNSEEN = ('cow', 'motorbike', 'sofa', 'cat')

COCO_STUFF_UNSEEN = (
    'cow', 'giraffe', 'suitcase', 'frisbee', 'skateboard', 'carrot', 'scissors', 'cardboard',
    'clouds', 'grass', 'playingfield', 'river', 'road', 'tree', 'wall-concrete',
)  # fmt: skip

# ZS3Net holds out the first 2, 4, 6, 8 or 10 of these.
VOC_NESTED = (
    'cow', 'motorbike', 'aeroplane', 'sofa', 'cat', 'tvmonitor', 'train', 'bottle', 'chair',
    'pottedplant',
)  # fmt: skip
CONTEXT_NESTED = (
    'cow', 'motorbike', 'sofa', 'cat', 'boat', 'fence', 'bird', 'tvmonitor', 'keyboard',
    'aeroplane',
)  # fmt: skip

# Not published: no class is unseen in two of them, and each has relatives that are seen.
MSRC_UNSEEN = (
    ('cow', 'cat', 'car', 'flower', 'road'),
    ('sheep', 'dog', 'bicycle', 'sign', 'water'),
    ('bird', 'boat', 'chair', 'tree', 'building'),
)

CLASS_SPLITS: dict[str, dict[str, Sequence[str]]] = {
    'voc_15_5': dict(
        unseen=('pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor'), ignored=('background',)
    ),
    'context_29_4': dict(
        seen=tuple(name for name in CONTEXT_33 if name not in CONTEXT_UNSEEN),
        unseen=CONTEXT_UNSEEN,
    ),
    'coco_stuff_167_15': dict(unseen=COCO_STUFF_UNSEEN),
    **{f'voc_k{k}': dict(unseen=VOC_NESTED[:k]) for k in (2, 4, 6, 8, 10)},
    **{f'context_k{k}': dict(unseen=CONTEXT_NESTED[:k]) for k in (2, 4, 6, 8, 10)},
    **{f'msrc_{n}': dict(unseen=unseen) for n, unseen in enumerate(MSRC_UNSEEN, start=1)},
}
"""Splits by name, in the class names of the datasets: the published ones, and three of MSRC."""


class ClassSplit(NamedTuple):
    """What :func:`class_split` finds: class indices, each in ascending order.

    Attributes:
        seen (tuple[int, ...]): Classes with labels.
        unseen (tuple[int, ...]): Classes known by their word vectors only.
        ignored (tuple[int, ...]): Classes that are left out of training and scores.
    """

    seen: tuple[int, ...]
    unseen: tuple[int, ...]
    ignored: tuple[int, ...]


def class_split(split: str | Mapping[str, Sequence[str]], classes: Sequence[str]) -> ClassSplit:
    """Divide the classes of a dataset.

    Args:
        split (str | Mapping[str, Sequence[str]]): A name in :data:`CLASS_SPLITS`, such as
            ``'voc_15_5'``, or class names, ``dict(unseen=['cow', 'sheep'])``. The other classes
            are seen, unless they are named ``ignored``; or ``seen`` names the classes that are,
            and what is in neither is ignored.
        classes (Sequence[str]): Names of the classes, in the order of their indices.

    Returns:
        ClassSplit: The indices of each kind.

    Raises:
        ValueError: If the split or one of its classes is unknown, a class is in two kinds or twice
            in one, or no class is unseen or none is seen.
    """
    if isinstance(split, str):
        if split not in CLASS_SPLITS:
            raise UserError(f'unknown class split {split!r}; {did_you_mean(split, CLASS_SPLITS)}')
        name, kinds = repr(split), CLASS_SPLITS[split]
    else:
        name, kinds = 'of the config', split
    if not set(kinds) <= {'unseen', 'seen', 'ignored'} or {'seen', 'ignored'} <= set(kinds):
        raise UserError(
            f"class split {name} has {', '.join(sorted(kinds))}; give the class names of 'unseen' "
            "and, where not all others are seen, either of 'seen' or of 'ignored'"
        )
    labels = {kind: _labels(names, classes, f'{kind} of class split {name}')
              for kind, names in kinds.items()}  # fmt: skip
    _check_disjoint(labels, classes, name)
    unseen = labels.get('unseen', ())
    rest = [label for label in range(len(classes)) if label not in unseen]
    ignored = labels.get('ignored', ())
    if 'seen' in labels:
        ignored = tuple(label for label in rest if label not in labels['seen'])
    seen = tuple(label for label in rest if label not in ignored)
    if not unseen or not seen:
        raise UserError(
            f'class split {name} has no {"seen" if unseen else "unseen"} class; zero-shot learning '
            'needs both'
        )
    return ClassSplit(seen, unseen, ignored)


def _labels(names: Sequence[str], classes: Sequence[str], where: str) -> tuple[int, ...]:
    if isinstance(names, str):
        raise UserError(f'{where} is {names!r}; give a list of class names')
    for name in names:
        if not isinstance(name, str):
            raise UserError(
                f'{where} has {name!r}; give names of classes, such as {classes[0]!r}, in place of '
                'indices'
            )
        if name not in classes:
            raise UserError(
                f'{where} has {name!r}, which is no class of the dataset; '
                f'{did_you_mean(name, classes)}'
            )
    if len(set(names)) < len(names):
        repeated = next(name for name in names if list(names).count(name) > 1)
        raise UserError(f'{where} has {repeated!r} more than once')
    return tuple(sorted(list(classes).index(name) for name in names))


def _check_disjoint(
    labels: Mapping[str, tuple[int, ...]], classes: Sequence[str], name: str
) -> None:
    for kind in ('seen', 'ignored'):
        if common := set(labels.get('unseen', ())) & set(labels.get(kind, ())):
            both = ', '.join(classes[label] for label in sorted(common))
            raise UserError(f'class split {name} has {both} both in unseen and in {kind}')
