import os

import numpy as np
import torch
from mmseg.registry import DATASETS
from torchvision.ops import box_iou

from ..core.errors import MissingFileError, UserError
from .box_crops import BoxCropDataset
from .files.image_ids import image_ids
from .files.instances import Box
from .files.proposal_files import read_proposals


@DATASETS.register_module()
class ProposalCropDataset(BoxCropDataset):
    """Crops around proposals that overlap an object, with all classes: DeconvNet's hard images.

    ::

        dict(type='ProposalCropDataset', proposals='work_dirs/proposals/proposals',
             dataset=..., pipeline=...)  # as of ObjectCropDataset

    Args:
        *args: Of :class:`BoxCropDataset`.
        proposals (str): Folder of the files ``<id>.npz`` that ``les proposals`` wrote.
        min_iou (float): Least intersection over union of a proposal with the box of an object.
        **kwargs: Of :class:`BoxCropDataset`.

    Raises:
        FileNotFoundError: If an image has no file of proposals.
        ValueError: If a file holds those of an image of another size.

    Source: Noh et al., Learning Deconvolution Network, ICCV 2015, sec. 4.2.
    """

    def __init__(self, *args, proposals: str, min_iou: float = 0.5, **kwargs) -> None:
        if not 0 < min_iou <= 1:
            raise UserError(f'min_iou is {min_iou}, but must be in (0, 1]')
        self.proposals, self.min_iou = proposals, min_iou
        super().__init__(*args, **kwargs)

    def _add_sources(self, items: list[dict]) -> None:
        for item, name in zip(items, image_ids(self.dataset), strict=True):
            item['sources'] = [os.path.join(self.proposals, f'{name}.npz')]
            if not os.path.isfile(item['sources'][0]):
                raise MissingFileError(
                    f"image '{item['img_path']}' has no proposals '{item['sources'][0]}'; make "
                    'them with les proposals, and give its folder "proposals"'
                )

    def _settings(self) -> dict:
        return dict(min_iou=self.min_iou)

    def _boxes(
        self, item: dict, objects: list[tuple[int, Box]], size: tuple[int, int]
    ) -> list[tuple[int, np.ndarray]]:
        (path,) = item['sources']
        proposals = read_proposals(path)
        if tuple(proposals.size) != tuple(size):
            (height, width), (rows, columns) = size, proposals.size
            raise UserError(
                f"mask '{item['seg_map_path']}' is {width}x{height} (width x height), but the "
                f"image is {columns}x{rows} by its proposals '{path}'; run les check "
                'CONFIG to find masks of another size than their image, or make the proposals '
                'again, from these images'
            )
        if not objects:
            return []
        boxes = torch.tensor([box for _, box in objects], dtype=torch.float64)
        overlaps = box_iou(torch.from_numpy(proposals.boxes).double(), boxes).numpy()
        nearest = overlaps.argmax(axis=1)
        kept = (overlaps.max(axis=1) >= self.min_iou).nonzero()[0]
        return [(objects[nearest[index]][0], proposals.boxes[index]) for index in kept]
