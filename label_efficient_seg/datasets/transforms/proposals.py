"""Brings the boxes that may hold an object to the model."""

from pathlib import Path, PurePath

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...core.errors import MissingFileError, UserError
from ..files.proposal_files import Proposals, read_proposals
from ..proposals import check_method, make_proposals


@TRANSFORMS.register_module()
class LoadProposals(BaseTransform):
    """Load the best proposals of an image, or make them on the spot.

    It stands right behind ``LoadImageFromFile``. The boxes are in pixels of the image file,
    ``ori_shape``, and no later transform changes them; ``PackSegInputs`` hands them to the model
    with ``meta_keys=(..., 'ori_shape', 'proposals')``.

    Required keys: ``img``, as loaded, ``ori_shape`` and, for files, ``img_path``.

    Added keys: ``proposals``, float32 of shape (P, 4): left, top, right and bottom edge, right and
    bottom exclusive; the best one first.

    Args:
        folder (str, optional): Folder ``proposals`` that ``les proposals`` wrote. By
            default, they are made on the spot by ``method``.
        method (str): A method of :func:`make_proposals`.
        num (int): Number of boxes at most.
        img_suffix (str, optional): What the names of image files end with beyond their ids, such
            as ``'_leftImg8bit.png'`` of Cityscapes. Defaults to what follows the last dot.

    Raises:
        ValueError: If there is no such method, or the number is not positive.
    """

    def __init__(
        self,
        folder: str | None = None,
        method: str = 'windows',
        num: int = 50,
        img_suffix: str | None = None,
    ) -> None:
        check_method(method, num)
        self.folder, self.method, self.num, self.img_suffix = folder, method, num, img_suffix

    def transform(self, results: dict) -> dict:
        """Add the boxes.

        Args:
            results (dict): With a loaded ``img``.

        Returns:
            dict: The same dict with ``proposals``.

        Raises:
            FileNotFoundError: If the folder has no file of the image.
            ValueError: If the file is that of an image of another size, or the image was resized
                before.
        """
        found = self._make(results) if self.folder is None else self._read(self.folder, results)
        results['proposals'] = found.boxes[: self.num]
        return results

    def _make(self, results: dict) -> Proposals:
        image, size = results['img'], tuple(results['ori_shape'][:2])
        if image.shape[:2] != size:
            raise UserError(
                f"image '{results.get('img_path')}' is {image.shape[:2]} instead of {size}; put "
                'LoadProposals right behind LoadImageFromFile'
            )
        return make_proposals(np.ascontiguousarray(image[..., ::-1]), self.method, self.num)

    def _read(self, folder: str, results: dict) -> Proposals:
        path, size = self._find(folder, results['img_path']), tuple(results['ori_shape'][:2])
        found = read_proposals(path)
        if found.size != size:
            raise UserError(
                f"proposals '{path}' are those of an image of {found.size}, but image "
                f"'{results['img_path']}' has {size}; make them from these images"
            )
        return found

    def _find(self, folder: str, img_path: str) -> Path:
        """The file whose name has most in common with the image's: its id may have folders."""
        image = PurePath(img_path)
        name = image.stem if self.img_suffix is None else image.name.removesuffix(self.img_suffix)
        parts = [part for part in (*image.parent.parts, f'{name}.npz') if part not in ('/', '..')]
        for start in range(len(parts)):
            path = Path(folder, *parts[start:])
            if path.is_file():
                return path
        raise MissingFileError(
            f"'{folder}' has no '{name}.npz' for image '{img_path}'; run "
            'les proposals with the images of this config, and set img_suffix if the '
            'names of the image files end with more than one of .jpg, .png and the like'
        )

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(folder={self.folder!r}, method={self.method!r}, '
            f'num={self.num}, img_suffix={self.img_suffix!r})'
        )
