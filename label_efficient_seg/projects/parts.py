"""Which images are for training, which of them are labeled, and which are for validation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from ..core.digests import file_digest
from ..core.errors import UserError
from ..core.file_walk import find_missing, map_files
from ..datasets.checks.first_look import look_at
from ..datasets.files.card_keys import Part
from ..datasets.files.data_card import DataCard
from ..datasets.files.image_ids import image_ids
from ..datasets.files.splits import more, read_split, write_split
from ..datasets.files.stratification import stratified_selection
from .project import Project

LOAD_MASK = dict(type='LoadCheckedAnnotations')
MEASURED = 50
"""Images whose size is looked at."""


@dataclass(frozen=True)
class Parts:
    """Ids of the images of each part, and the lists that hold them.

    Attributes:
        train (list[str]): All images of the training.
        labeled (list[str]): Those of them whose masks are used.
        val (list[str]): Images of the validation.
        all_masks (bool): Whether all images of the training have masks.
        files (dict[str, str]): Path of the list of each part, as configs of the project name it.
        notes (dict[str, str]): How each part was found.
    """

    train: list[str]
    labeled: list[str]
    val: list[str]
    all_masks: bool
    files: dict[str, str]
    notes: dict[str, str]


class CardImages:
    """The images of a card.

    Args:
        card (DataCard): The card.
    """

    def __init__(self, card: DataCard) -> None:
        self.card = card
        init_default_scope('mmseg')
        self._images = self._dataset('', labeled=False)
        self.ids = image_ids(self._images)
        self._path = {
            name: self._images.get_data_info(i)['img_path'] for i, name in enumerate(self.ids)
        }

    def _dataset(self, ann_file: str, pipeline: Sequence[dict] = (), **kwargs):
        kwargs.update(ann_file=ann_file, pipeline=list(pipeline), serialize_data=False)
        return DATASETS.build(dict(type='CardDataset', card=str(self.card.path), **kwargs))

    def with_masks(self, ids: Sequence[str], scratch: Path, unseen: Sequence[str] = ()):
        """A dataset of some of the images, whose masks do not show the unseen classes."""
        hide = dict(type='HideUnseenClasses', split=dict(unseen=list(unseen)))
        write_split(scratch, ids)
        try:
            return self._dataset(str(scratch), [hide] * bool(unseen) + [LOAD_MASK])
        finally:
            scratch.unlink()

    def masked(self, ids: Sequence[str]) -> list[str]:
        """Those images that have a mask."""
        if not self.card.masks:
            return []
        names = {f'{name}{self.card.mask_suffix}': name for name in ids}
        missing = {names[name] for name in find_missing(str(self.card.masks), list(names))}
        return [name for name in ids if name not in missing]

    def presence(self, ids: Sequence[str], scratch: Path) -> np.ndarray:
        """Which classes the masks of images show, bool, shape (images, classes)."""
        dataset = self.with_masks(ids, scratch)
        items = [dataset.get_data_info(index) for index in range(len(dataset))]
        load = TRANSFORMS.build(LOAD_MASK)
        labels = range(len(self.card.classes))

        def shown(item: dict) -> np.ndarray:
            return np.isin(labels, load(dict(item, seg_fields=[]))['gt_seg_map'])

        return np.stack(list(map_files(shown, items, 'masks')))

    def sizes(self, ids: Sequence[str]) -> np.ndarray:
        """Width and height of a few of the images, shape (images, 2)."""
        found = []
        for name in ids[:: max(1, len(ids) // MEASURED)]:
            try:
                with Image.open(self._path[name]) as image:
                    found.append(image.size)
            except Exception:  # decoders raise many types; les check names the image
                continue
        if not found:
            raise UserError(f"no image in '{self.card.images}' can be read")
        return np.array(found)


def choose_parts(
    project: Project,
    images: CardImages,
    labeled: Part | None,
    seed: int,
    masks_needed: bool = True,
) -> Parts:
    """Find the lists of a card, and draw those of which it has the share or number only.

    What is drawn shows every class about as often as all images do, and is written to the folder.

    Args:
        project (Project): Where to write lists.
        images (CardImages): The images.
        labeled (Part, optional): In place of the card's.
        seed (int): Seed of what is drawn.
        masks_needed (bool): Whether images of the training need masks.

    Returns:
        Parts: The parts.

    Raises:
        ValueError: If the parts overlap, or one is empty.
    """
    card = images.card
    labeled = card.labeled if labeled is None and masks_needed else labeled
    files: dict[str, str] = {}
    notes: dict[str, str] = {}

    def given(part: str, path: str) -> list[str]:
        files[part], notes[part] = project.path(path), f"the card's {Path(path).name}"
        ids = read_split(path)
        if foreign := [name for name in ids if name not in known]:
            raise UserError(
                f"{part} list '{path}' has '{foreign[0]}'{more(foreign)}, but "
                f"'{card.images}' has no such image; ids are paths below it without suffix"
            )
        return ids

    def drawn(part: str, size: Fraction | int, pool: Sequence[str], of: str) -> list[str]:
        number = round(len(pool) * size) if isinstance(size, Fraction) else size
        if not 0 < number < len(pool):
            raise UserError(f'{part}: {size} of the {len(pool)} images {of} leaves one part empty')
        presence = images.presence(pool, project.folder / 'scratch.txt')
        chosen = stratified_selection(presence, number, seed)
        notes[part] = f'{size} of the {len(pool)} {of}, every class in proportion, seed {seed}'
        return [pool[index] for index in chosen]

    known = set(images.ids)
    lists = {part: given(part, value) for part, value in (
        ('train', card.train), ('labeled', labeled), ('val', card.val)) if isinstance(value, str)
    }  # fmt: skip
    if not card.masks:
        raise UserError(f"data card '{card.path}' has no masks; images of the validation need them")
    if card.val is None:
        raise UserError(
            f"data card '{card.path}' has no val: images with masks that are kept for the "
            'validation; add a list, or a share such as val: 0.2'
        )
    if 'val' not in lists:
        taken = {*lists.get('train', ()), *lists.get('labeled', ())}
        pool = [name for name in images.masked(images.ids) if name not in taken]
        lists['val'] = drawn('val', card.val, pool, 'with masks')  # type: ignore[arg-type]
    if 'train' not in lists:
        held_out = set(lists['val'])
        lists['train'] = [name for name in images.ids if name not in held_out]
        notes['train'] = 'all images that are not in val'
    masked = images.masked(lists['train'])
    if labeled is None:
        lists['labeled'], notes['labeled'] = masked, 'all training images with a mask'
    elif 'labeled' not in lists:
        lists['labeled'] = drawn('labeled', labeled, masked, 'with masks')  # type: ignore[arg-type]
    parts = Parts(**lists, all_masks=len(masked) == len(lists['train']), files=files, notes=notes)
    names = ('train', 'labeled', 'val') if masks_needed else ('train', 'val')
    _check(parts, names)
    _write(project, parts, names, seed)
    return parts


def look_at_parts(
    project: Project,
    images: CardImages,
    parts: Parts,
    labeled: Sequence[str] = (),
    source: CardImages | None = None,
    unseen: Sequence[str] = (),
) -> None:
    """Look at the masks as a training would, and note what it would warn of.

    Args:
        project (Project): Notes the warnings.
        images (CardImages): Images of the validation.
        parts (Parts): Of them.
        labeled (Sequence[str]): Images whose masks a network learns from.
        source (CardImages, optional): Where these are, in place of ``images``.
        unseen (Sequence[str]): Classes that are hidden from it.

    Raises:
        UserError: If nothing can be learned from the masks, or measured by them.
    """
    scratch = project.folder / 'scratch.txt'
    datasets = dict(val=images.with_masks(parts.val, scratch))
    if labeled:
        datasets['train'] = (source or images).with_masks(labeled, scratch, unseen)
    for finding in look_at(datasets):
        project.decide('WARNING', finding.kind, f'{finding.stream}: {finding.text}')


def _check(parts: Parts, names: Sequence[str]) -> None:
    for part in names:
        if not getattr(parts, part):
            raise UserError(f'{part}: there is no image; check images, masks and lists of the card')
    if both := sorted({*parts.train, *parts.labeled} & set(parts.val)):
        raise UserError(f"image '{both[0]}'{more(both)} is in val and in a list of the training")
    if outside := sorted(set(parts.labeled) - set(parts.train)):
        raise UserError(f"labeled image '{outside[0]}'{more(outside)} is not in train")


def _write(project: Project, parts: Parts, names: Sequence[str], seed: int) -> None:
    """Write the lists that the card does not have, and checksums of what was drawn."""
    for part in names:
        if part not in parts.files:
            parts.files[part] = project.path(project.folder / f'{part}.txt')
            write_split(project.folder / f'{part}.txt', getattr(parts, part))
    drawn = [part for part in names if 'seed' in parts.notes[part]]
    if drawn:
        summary = {
            part: dict(
                images=len(getattr(parts, part)),
                drawn=parts.notes[part],
                sha256=file_digest(project.folder / f'{part}.txt'),
            )
            for part in drawn
        }
        project.write('split.json', json.dumps(dict(summary, seed=seed), indent=2) + '\n')
