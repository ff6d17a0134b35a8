from collections.abc import Mapping, Sequence

from mmseg.datasets import BaseSegDataset
from mmseg.registry import TRANSFORMS

from ...core.errors import UserError
from ...core.labels import IGNORE
from ..files.class_splits import class_split
from .dataset_transform import DatasetTransform
from .loading import loads_masks


@TRANSFORMS.register_module()
class HideUnseenClasses(DatasetTransform):
    """Make sure that masks do not show the unseen classes of zero-shot learning.

    ::

        pipeline = [dict(type='LoadImageFromFile'),
                    dict(type='HideUnseenClasses', split='voc_15_5'),
                    dict(type='LoadCheckedAnnotations'), ...]

    Unseen and ignored classes become 255 in the table that maps the values of a mask file to
    labels. The transform that loads the mask applies it, so no later transform, and nothing after
    the pipeline, ever gets these labels. ``filter_cfg=dict(class_split=split)`` of the dataset, see
    :class:`PartiallyLabeledMixin`, leaves out images that show an unseen class.

    Its dataset has :class:`PartiallyLabeledMixin`. Modified key: ``label_map``.

    Args:
        split (str | Mapping[str, Sequence[str]]): The classes, as :func:`class_split` takes them.
    """

    def __init__(self, split: str | Mapping[str, Sequence[str]]) -> None:
        self.split = split

    def bind(self, dataset: BaseSegDataset) -> None:
        """Find the labels to hide.

        Args:
            dataset (BaseSegDataset): The dataset.

        Raises:
            ValueError: If the split does not fit its classes, or masks are not loaded behind this
                transform.
        """
        steps = dataset.pipeline.transforms
        loads = [loads_masks(step) for step in steps]
        place = next(index for index, step in enumerate(steps) if step is self)
        if any(loads[:place]) or not any(loads[place:]):
            raise UserError(
                'HideUnseenClasses hides classes where the mask is loaded, so it stands before '
                f'LoadCheckedAnnotations; the pipeline of this {type(dataset).__name__} has '
                f'{", ".join(getattr(step, "__name__", type(step).__name__) for step in steps)}'
            )
        classes = dataset.metainfo['classes']
        split = class_split(self.split, classes)
        hidden = {*split.unseen, *split.ignored}
        # The dataset's own choice of classes, with 255 for the hidden ones among them.
        label_map = dataset.label_map or {label: label for label in range(len(classes))}
        self.label_map = {old: IGNORE if new in hidden else new for old, new in label_map.items()}

    def transform(self, results: dict) -> dict:
        """Replace the table of labels.

        Args:
            results (dict): Data item of the dataset, whose mask is not loaded yet.

        Returns:
            dict: The same dict with another ``label_map``.
        """
        results['label_map'] = self.label_map
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(split={self.split!r})'
