"""Transforms that need to know the dataset whose pipeline they are part of."""

from abc import abstractmethod

from mmcv.transforms import BaseTransform
from mmseg.datasets import BaseSegDataset

from ...core.errors import UserError


class DatasetTransform(BaseTransform):
    """Transform that reads classes, lists or folders of its dataset once, before the first image.

    :class:`PartiallyLabeledMixin` binds the transforms of its pipeline when it has read its list.
    So everything that can be wrong is found when the dataset is built, and the settings of the
    dataset need not be repeated in the config of the transform.
    """

    is_bound = False

    @abstractmethod
    def bind(self, dataset: BaseSegDataset) -> None:
        """Take what is needed from the dataset, and check it.

        Args:
            dataset (BaseSegDataset): Its list is complete and its pipeline built.
        """

    def __call__(self, results: dict) -> dict | None:
        """Apply the transform.

        Raises:
            UserError: If no dataset has bound it.
        """
        if not self.is_bound:
            name = type(self).__name__
            raise UserError(
                f'{name} does not know its dataset; put {name} directly into the pipeline of a '
                'dataset that has PartiallyLabeledMixin, not into another transform or wrapper'
            )
        return super().__call__(results)


def bind_transforms(dataset: BaseSegDataset) -> None:
    """Bind all transforms of a dataset's pipeline that need to know it.

    Args:
        dataset (BaseSegDataset): Its list is complete and its pipeline built.
    """
    for transform in dataset.pipeline.transforms:
        if isinstance(transform, DatasetTransform):
            transform.bind(dataset)
            transform.is_bound = True
