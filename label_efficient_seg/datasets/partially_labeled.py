"""Labeled and unlabeled parts of a dataset, with early checks of lists and files."""

# The attributes that the mixin reads are those of the dataset beside it.
# mypy: disable-error-code="attr-defined, call-arg, misc"

import os
import posixpath
from collections.abc import Sequence

import mmengine.fileio as fileio
import numpy as np

from ..core.errors import MissingFileError, UserError
from ..core.file_walk import find_missing, map_files
from ..core.labels import class_number_fault
from .files.class_splits import class_split
from .files.images import IMAGE_SUFFIXES
from .files.splits import SplitError, complement, find_split, read_split
from .item_list import ItemList
from .transforms import LoadCheckedAnnotations, bind_transforms

CHECK_HINT = 'check data_root and data_prefix, or run les check CONFIG'


class PartiallyLabeledMixin:
    """Lets any MMSeg dataset serve as the labeled or the unlabeled part of its images.

    Put it before the dataset: ``class SemiADE20K(PartiallyLabeledMixin, ADE20KDataset)``. A list
    of labeled ids is enough for both parts, as the unlabeled one is its complement::

        labeled = dict(type='SemiVOCDataset', ann_file='splits/voc/1_8/labeled.txt')
        unlabeled = dict(type='SemiVOCDataset', ann_file='splits/voc/train_aug.txt',
                         exclude='splits/voc/1_8/labeled.txt', labeled=False)

    Every data item carries, besides MMSeg's keys, ``num_classes`` and ``ignore_index``, by which
    :class:`LoadCheckedAnnotations` checks masks. Items of an unlabeled part have no
    ``seg_map_path``, so that no transform can read a mask.

    Args:
        *args: Of the dataset.
        data_prefix (dict, optional): Folders of images and masks, ``img_path`` and
            ``seg_map_path``. What is left out is taken from :attr:`DATA_PREFIX`.
        labeled (bool): Whether the images have masks. Unlabeled images need no mask file.
        exclude (str): Split list of ids to leave out; empty for none. Lists are looked for as
            :func:`find_split` says; this holds for ``ann_file`` too. An empty ``ann_file`` stands
            for all images in the folder.
        strict (bool): Whether to check lists and files at construction: one listing per folder,
            local files only. ``les check`` switches it off to report every fault.
        filter_cfg (dict, optional): ``dict(class_split=split)`` leaves out images that show an
            unseen class, as the strictest protocols of zero-shot learning do; ``split`` is what
            :func:`class_split` takes. This reads all masks once.
        **kwargs: Of the dataset. ``ignore_index`` is the value of void pixels in the mask files;
            in memory it is always 255.

    Raises:
        FileNotFoundError: If a list, an image or the mask of a labeled image does not exist.
        SplitError: If a list is empty or repeats an id, or the exclusion leaves nothing or
            excludes nothing.
        ValueError: If ``filter_cfg`` leaves nothing, a transform does not fit the dataset, or it
            has one class or more than 255.
    """

    DATA_PREFIX: dict = {}
    """Folders of images and masks in the usual layout of a dataset."""

    def __init__(
        self,
        *args,
        data_prefix: dict | None = None,
        labeled: bool = True,
        exclude: str = '',
        strict: bool = True,
        **kwargs,
    ) -> None:
        self.labeled = labeled
        self.exclude = exclude
        self.strict = strict
        # An `ItemList` is small and shared as it is.
        kwargs.setdefault('serialize_data', False)
        super().__init__(*args, data_prefix={**self.DATA_PREFIX, **(data_prefix or {})}, **kwargs)

    def _join_prefix(self) -> None:
        """Join folders as MMSeg does; lists have their own rule."""
        ann_file, self.ann_file = self.ann_file, ''
        super()._join_prefix()
        self.ann_file = str(find_split(ann_file, self.data_root)) if ann_file else ''

    def load_data_list(self) -> ItemList:  # type: ignore[override]
        """Data items of the split.

        Returns:
            ItemList: With ``img_path``, ``seg_map_path`` (labeled parts only), ``label_map``,
            ``reduce_zero_label``, ``seg_fields``, ``num_classes`` and ``ignore_index``.
        """
        classes = self._metainfo.get('classes')
        if classes and (fault := class_number_fault(len(classes))):
            raise UserError(f'{type(self).__name__} has {fault}')
        ids = self._ids()
        image_names = self._image_names(ids)
        image_folder, mask_folder = self._folder('img_path'), ''
        if self.labeled:
            mask_folder = self._folder('seg_map_path')
        if self.strict:
            self._check_files(image_folder, image_names, 'image')
            if self.labeled:
                self._check_files(mask_folder, [i + self.seg_map_suffix for i in ids], 'mask')
        shared = dict(
            label_map=self.label_map,
            reduce_zero_label=self.reduce_zero_label,
            ignore_index=self.ignore_index,
        )
        if classes:
            shared['num_classes'] = len(classes)
        paths = dict(img_path=(image_folder, image_names, ''))
        if self.labeled:
            paths['seg_map_path'] = (mask_folder, ids, self.seg_map_suffix)
        return ItemList(shared, **paths)

    def full_init(self) -> None:
        """Read the list, and let the transforms check that they fit it."""
        if not self._fully_initialized:
            super().full_init()
            bind_transforms(self)

    def filter_data(self) -> Sequence[dict]:  # type: ignore[override]
        """Data items without those that ``filter_cfg`` leaves out.

        Returns:
            Sequence[dict]: In the same order.
        """
        if not self.filter_cfg:
            return self.data_list
        if self.filter_cfg.keys() != {'class_split'}:
            raise UserError(
                f'filter_cfg has {", ".join(map(repr, self.filter_cfg))}; give '
                "dict(class_split=...), such as dict(class_split='voc_15_5')"
            )
        unseen = class_split(self.filter_cfg['class_split'], self.metainfo['classes']).unseen
        load = LoadCheckedAnnotations(backend_args=self.backend_args)

        def shows_unseen(item: dict) -> bool:
            mask = load(dict(item, seg_fields=[]))['gt_seg_map']
            return bool(np.isin(mask, unseen).any())

        found = map_files(shows_unseen, self.data_list, 'masks')
        kept = [item for item, drop in zip(self.data_list, found, strict=True) if not drop]
        if not kept:
            raise UserError(
                f'all {len(self.data_list)} images show an unseen class, so filter_cfg leaves '
                'none; remove it: HideUnseenClasses hides their unseen pixels'
            )
        return kept

    def _ids(self) -> list[str]:
        if self.ann_file:
            if self.data_root is None:  # then MMSeg does not call `_join_prefix`
                self.ann_file = str(find_split(self.ann_file))
            ids = read_split(self.ann_file, self.strict)
        else:
            ids = self._listed_ids()
            if not ids and self.strict:
                raise SplitError(
                    f"image folder '{self._folder('img_path')}' has no file that ends in "
                    f'{self.img_suffix!r}; {CHECK_HINT}'
                )
        if not self.exclude:
            return ids
        path = find_split(self.exclude, self.data_root)
        names = f"'{self.ann_file or self._folder('img_path')}' without '{path}'"
        return complement(ids, read_split(path, self.strict), names)

    def _listed_ids(self) -> list[str]:
        """Ids of all images below the image folder, sorted."""
        suffix = self.img_suffix
        return sorted(name[: -len(suffix)] for name in self._listed_images(suffix))

    def _listed_images(self, suffix: str | tuple[str, ...]) -> list[str]:
        """Files below the image folder that end in a suffix; hidden ones are left out."""
        folder = self._folder('img_path')
        if self._is_local(folder) and not os.path.isdir(folder):
            raise MissingFileError(f"image folder '{folder}' does not exist; {CHECK_HINT}")
        names = fileio.list_dir_or_file(
            folder, list_dir=False, suffix=suffix, recursive=True, backend_args=self.backend_args
        )
        return [name.replace(os.sep, '/') for name in names]

    def _image_names(self, ids: Sequence[str]) -> list[str]:
        """Image files of the ids, relative to the image folder."""
        return [name + self.img_suffix for name in ids]

    def _folder(self, key: str) -> str:
        folder = self.data_prefix.get(key)
        if folder is None:
            raise UserError(
                f'{type(self).__name__} needs data_prefix.{key}'
                + (', or labeled=False' if key == 'seg_map_path' else '')
            )
        return folder

    def _is_local(self, folder: str) -> bool:
        backend = (self.backend_args or {}).get('backend', 'local')
        return backend == 'local' and '://' not in folder

    def _check_files(self, folder: str, names: Sequence[str], kind: str) -> None:
        if not self._is_local(folder):
            return
        missing = find_missing(folder, names)
        if not missing:
            return
        source = f"split file '{self.ann_file}'" if self.ann_file else 'the image folder'
        listed = ', '.join(f"'{os.path.join(folder, name)}'" for name in missing[:3])
        raise MissingFileError(
            f'{len(missing)} of the {len(names)} {kind}s of {source} do not exist: {listed}'
            f'{", ..." if len(missing) > 3 else ""}; {_hint(missing[0])}'
        )


def _hint(missing: str) -> str:
    """Tell a list in another form from files that are not there."""
    stem, _ = posixpath.splitext(missing)
    if ' ' in stem or stem.lower().endswith(IMAGE_SUFFIXES):
        return 'a split file has one id per line: the path below the image folder without suffix'
    return CHECK_HINT
