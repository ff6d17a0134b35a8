"""Loading of masks: checked ones for labeled images, a validity mask for unlabeled ones."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms import LoadAnnotations as MMCVLoadAnnotations
from mmcv.transforms import LoadImageFromFile as MMCVLoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from ...core.errors import UserError
from ...core.labels import IGNORE
from ..files.images import read_image
from ..files.masks import (
    MaskError,
    apply_lookup,
    check_mask_layout,
    describe_stray,
    label_lookup,
    read_index_mask,
    stray_values,
)


def loads_masks(transform: Callable | Mapping[str, Any]) -> bool:
    """Whether a transform loads the mask of a labeled image.

    Args:
        transform (Callable | Mapping[str, Any]): The transform, or its config.
    """
    kind: Any = type(transform)
    if isinstance(transform, Mapping):
        kind = transform.get('type')
        kind = TRANSFORMS.get(kind) if isinstance(kind, str) else kind
    return isinstance(kind, type) and issubclass(kind, MMCVLoadAnnotations)


@TRANSFORMS.register_module(name='LoadImageFromFile')
class LoadImage(MMCVLoadImageFromFile):
    """MMCV's ``LoadImageFromFile``, under the same name, with errors that name the file.

    An image is equal to that of MMCV's. Every pipeline in MMSegmentation's scope gets this one, so
    all streams, also those of MMSegmentation's own datasets, read images in one way.

    Args:
        **kwargs: As in MMCV.
    """

    def transform(self, results: dict) -> dict | None:
        """Load the image at ``img_path``.

        Args:
            results (dict): Item of a dataset.

        Returns:
            dict | None: The same dict with ``img``, ``img_shape`` and ``ori_shape``; None for an
            image that cannot be read, with ``ignore_empty``.

        Raises:
            OSError: If the image cannot be read.
        """
        try:
            image = read_image(
                results['img_path'],
                backend_args=self.backend_args,
                flag=self.color_type,
                backend=self.imdecode_backend,
            )
        except OSError:
            if self.ignore_empty:
                return None
            raise
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadValidMask(BaseTransform):
    """Give an unlabeled image a mask that only says which pixels are image.

    It stands where ``LoadAnnotations`` stands in a labeled pipeline and reads no file. Every pixel
    starts as 0, *valid*. Later transforms treat the mask as any other, so what ``Pad`` or the data
    preprocessor add becomes 255, *padding*. Models read ``gt_sem_seg != 255`` from it and nothing
    else: the zeros are not labels of class 0.

    Required keys: ``img`` of shape (H, W, C).

    Added keys: ``gt_seg_map``, uint8 zeros of shape (H, W), which is also named in ``seg_fields``.
    """

    def transform(self, results: dict) -> dict:
        """Add the mask.

        Args:
            results (dict): With a loaded ``img``.

        Returns:
            dict: The same dict with ``gt_seg_map``.
        """
        results['gt_seg_map'] = np.zeros(results['img'].shape[:2], dtype=np.uint8)
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


@TRANSFORMS.register_module()
class LoadCheckedAnnotations(LoadAnnotations):
    """MMSeg's ``LoadAnnotations`` with errors that name the file instead of training on bad masks.

    It gives what ``LoadAnnotations`` gives (``reduce_zero_label`` and ``label_map`` applied) and
    checks that the mask can be read, has one channel, has the size of the image, and holds no
    label outside the classes. A mask value equal to the dataset's ``ignore_index`` becomes 255,
    the value that losses, metrics and padding use.

    Required keys: ``seg_map_path``, ``seg_fields``, ``reduce_zero_label``. Optional keys:
    ``label_map``; ``img_path`` (for messages); ``ori_shape``, without which the size is not
    checked; ``num_classes``, without which labels are not checked (the datasets of this package
    provide it, MMSeg's own do not); ``ignore_index``; ``mask_values``, see
    :func:`read_index_mask`.

    Added keys: ``gt_seg_map``, uint8 of shape (H, W), which is also named in ``seg_fields``.

    Args:
        reduce_zero_label (bool, optional): As in MMSeg; set it on the dataset instead.
        backend_args (dict, optional): File backend of mmengine.
        imdecode_backend (str): Decoder of the mask files. ``'pillow'`` keeps palette indices.
    """

    def transform(self, results: dict) -> dict:
        """Load the mask of a dataset's item; leave other images alone.

        ``mmseg.apis`` runs test pipelines on images that belong to no dataset. It takes out
        ``LoadAnnotations`` beforehand, but by that name only.

        Args:
            results (dict): With ``seg_fields`` if it is an item of a dataset.

        Returns:
            dict: The same dict, with ``gt_seg_map`` for an item.
        """
        return super().transform(results) if 'seg_fields' in results else results

    def _load_seg_map(self, results: dict) -> None:
        reduce_zero_label = results['reduce_zero_label']
        if self.reduce_zero_label not in (None, reduce_zero_label):
            raise UserError(
                f'reduce_zero_label is {self.reduce_zero_label} on {type(self).__name__} but '
                f'{reduce_zero_label} on the dataset; set it on the dataset only'
            )
        if 'seg_map_path' not in results:
            raise KeyError(
                f"image '{results.get('img_path')}' belongs to an unlabeled part and has no mask; "
                f'put LoadValidMask in the place of {type(self).__name__} in its pipeline'
            )
        mask = self._read(results)
        names = f"mask '{results['seg_map_path']}' of image '{results.get('img_path')}'"
        check_mask_layout(mask, results.get('ori_shape'), names)
        lookup = label_lookup(
            reduce_zero_label, results.get('label_map'), results.get('ignore_index', IGNORE)
        )
        num_classes = results.get('num_classes')
        stray = stray_values(mask, lookup, num_classes)
        if stray:
            raise MaskError(
                f'{names} has {describe_stray(stray, num_classes)}; run les check '
                'CONFIG for all masks, or set ignore_index, reduce_zero_label or the classes '
                '(metainfo) of the dataset'
            )
        results['gt_seg_map'] = apply_lookup(mask, lookup)
        results['seg_fields'].append('gt_seg_map')

    def _read(self, results: dict) -> np.ndarray:
        """Decode the mask file as it is, before any mapping of labels."""
        return read_index_mask(
            results['seg_map_path'],
            f"mask '{results['seg_map_path']}' of image '{results.get('img_path')}'",
            results.get('mask_values', ()),
            backend_args=self.backend_args,
            backend=self.imdecode_backend,
        )
