"""Random scaling relative to each image's own size."""

import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import Resize
from mmseg.registry import TRANSFORMS

from ...core.errors import UserError

ATTEMPTS = 10


@TRANSFORMS.register_module()
class RandomScale(Resize):
    """Scale image and masks by one random factor of the image's own size.

    MMSeg's ``RandomResize`` multiplies a fixed target scale, so that images of all sizes end up
    alike; here a 500x375 image and a factor of 0.5 give 250x188. Images are interpolated
    bilinearly, masks by nearest neighbour.

    Required keys: ``img``, every key named in ``seg_fields`` (optional).

    Modified keys: ``img``, ``img_shape`` and the masks. Added keys: ``scale`` (width, height),
    ``scale_factor`` (width ratio, height ratio) and ``keep_ratio``.

    Args:
        ratio_range (tuple[float, float]): Smallest and largest factor, both positive. The factor
            is drawn uniformly from this interval.
        step (float, optional): Draw from ``low, low + step, ..., high`` instead of from the
            whole interval.
        cover (tuple[int, int], optional): Height and width that the result has at least: an image
            that is too small is scaled again, and after ten times resized to just this size. So
            the released AdvSemiSeg makes label maps without padding for its discriminator.

    Raises:
        ValueError: If the range is empty or not positive, or ``step`` is not positive.
    """

    def __init__(
        self,
        ratio_range: tuple[float, float] = (0.5, 1.5),
        step: float | None = None,
        cover: tuple[int, int] | None = None,
    ) -> None:
        low, high = ratio_range
        if not 0 < low <= high:
            raise UserError(f'ratio_range must satisfy 0 < low <= high, got {tuple(ratio_range)}')
        if step is not None and step <= 0:
            raise UserError(f'step must be positive or None, got {step}')
        super().__init__(scale=1)  # a required argument; `transform` sets the scale per image
        self.ratio_range = (float(low), float(high))
        self.step = step
        self.cover = cover

    @cache_randomness
    def random_factor(self) -> float:
        """Draw the factor; one draw is shared inside mmcv's ``cache_random_params``."""
        low, high = self.ratio_range
        if self.step is None:
            return float(np.random.uniform(low, high))
        # The small number keeps `high` itself when it lies a rounding error beyond the last step.
        steps = int((high - low) / self.step + 1e-6)
        return low + self.step * np.random.randint(steps + 1)

    def transform(self, results: dict) -> dict:
        """Scale the image and its masks.

        Args:
            results (dict): With ``img`` of shape (H, W, C) and masks of shape (H, W).

        Returns:
            dict: The same dict, with the size multiplied by the factor and rounded, at least 1.
        """
        for _ in range(ATTEMPTS):
            factor = self.random_factor()
            height, width = results['img'].shape[:2]
            size = (max(int(width * factor + 0.5), 1), max(int(height * factor + 0.5), 1))
            self._resize_to(results, size)
            if self.cover is None or _covers(results['img'].shape, self.cover):
                return results
        assert self.cover is not None
        self._resize_to(results, (self.cover[1], self.cover[0]))
        return results

    def _resize_to(self, results: dict, size: tuple[int, int]) -> None:
        results['scale'] = size
        self._resize_img(results)
        self._resize_seg(results)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(ratio_range={self.ratio_range}, step={self.step}, '
            f'cover={self.cover})'
        )


def _covers(shape: tuple[int, ...], size: tuple[int, int]) -> bool:
    return shape[0] >= size[0] and shape[1] >= size[1]
