"""Packing of unlabeled images together with the random parameters of their strong views."""

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from ...core.errors import UserError


@TRANSFORMS.register_module()
class PackStrongViews(PackSegInputs):
    """MMSeg's ``PackSegInputs`` that also draws how the image is augmented strongly and mixed.

    The image itself is packed once, as the weak view. :class:`StrongViewsPreProcessor` makes the
    strong views from it on the device, so that all views share their geometry and one crop travels.
    The parameters are drawn here because each sample is seeded by its position in training
    (:class:`SeededSamples`): they do not depend on batches, workers or processes.

    Put it after all transforms that change the geometry, ``Pad`` included.

    Required keys: those of ``PackSegInputs``. The packed sample gets ``strong_views``, with a row
    for each view (V rows): ``factors`` (V, 4) and ``order`` (V, 4) of :func:`jitter_colors` and
    ``gray`` (V), which are lists; ``sigma`` (V) of the blur in pixels, and ``boxes`` (V, 4) of
    CutMix, empty ones where nothing is pasted.

    The defaults are those of UniMatch.

    Args:
        views (int): Views to draw for, V.
        jitter (tuple[float, float, float, float]): Brightness, contrast, saturation and hue, as in
            torchvision's ``ColorJitter``.
        jitter_prob (float): Probability of the colour jitter.
        gray_prob (float): Probability of grayscale.
        blur_prob (float): Probability of the blur.
        blur_sigma (tuple[float, float]): Range of its width, in pixels; at most 2.
        cutmix_prob (float): Probability of a box.
        **kwargs: Arguments of ``PackSegInputs``.

    Source: Yang et al., UniMatch, CVPR 2023.
    """

    def __init__(
        self,
        views: int = 2,
        jitter: tuple[float, float, float, float] = (0.5, 0.5, 0.5, 0.25),
        jitter_prob: float = 0.8,
        gray_prob: float = 0.2,
        blur_prob: float = 0.5,
        blur_sigma: tuple[float, float] = (0.1, 2.0),
        cutmix_prob: float = 0.5,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= blur_sigma[0] <= blur_sigma[1] <= 2:
            raise UserError(
                f'blur_sigma must satisfy 0 <= low <= high <= 2, got {tuple(blur_sigma)}: the '
                'kernel of the blur ends at 6 pixels'
            )
        self.views = views
        self.jitter, self.jitter_prob = jitter, jitter_prob
        self.gray_prob = gray_prob
        self.blur_prob, self.blur_sigma = blur_prob, blur_sigma
        self.cutmix_prob = cutmix_prob

    def transform(self, results: dict) -> dict:
        """Pack the sample.

        Args:
            results (dict): See ``PackSegInputs``.

        Returns:
            dict: ``inputs`` and ``data_samples``, of which the latter has ``strong_views``.
        """
        # NumPy's global generator is the one that SeededSamples seeds.
        random = np.random.default_rng(np.random.randint(2**31, size=4))
        size = results['img'].shape[:2]
        views = [self._draw(random, size) for _ in range(self.views)]
        packed = super().transform(results)
        packed['data_samples'].set_data(
            dict(
                strong_views=BaseDataElement(
                    # What is no tensor stays in the memory of the host.
                    metainfo={n: [view[n] for view in views] for n in ('factors', 'order', 'gray')},
                    sigma=torch.tensor([view['sigma'] for view in views]).float(),
                    boxes=torch.tensor([view['box'] for view in views]),
                )
            )
        )
        return packed

    def _draw(self, random: np.random.Generator, size: tuple[int, int]) -> dict:
        """Draw one view, always with the same number of draws before the box."""
        apply = random.random(4) < (
            self.jitter_prob,
            self.gray_prob,
            self.blur_prob,
            self.cutmix_prob,
        )
        brightness, contrast, saturation, hue = self.jitter
        factors = [
            random.uniform(max(0, 1 - strength), 1 + strength)
            for strength in (brightness, contrast, saturation)
        ]
        factors.append(random.uniform(-hue, hue))
        order, sigma = random.permutation(4), random.uniform(*self.blur_sigma)
        return dict(
            factors=np.float32(factors).tolist() if apply[0] else [1.0, 1.0, 1.0, 0.0],
            order=order.tolist(),
            gray=bool(apply[1]),
            sigma=sigma if apply[2] else 0.0,
            box=draw_cutmix_box(size, random) if apply[3] else (0, 0, 0, 0),
        )


def draw_cutmix_box(
    size: tuple[int, int],
    random: np.random.Generator,
    area: tuple[float, float] = (0.02, 0.4),
    aspect: tuple[float, float] = (0.3, 1 / 0.3),
) -> tuple[int, int, int, int]:
    """Draw a box that lies inside an image.

    The area is drawn once; aspect ratio and corner are drawn again until the box fits, so that the
    area keeps its distribution.

    Args:
        size (tuple[int, int]): Height and width of the image.
        random (np.random.Generator): Source of randomness.
        area (tuple[float, float]): Smallest and largest share of the image.
        aspect (tuple[float, float]): Smallest and largest ratio of height to width.

    Returns:
        tuple[int, int, int, int]: x1, y1, x2, y2, see :func:`box_masks`.

    Raises:
        UserError: If no box fits, because the image is much longer in one direction.

    Source: Yang et al., UniMatch, CVPR 2023.
    """
    height, width = size
    pixels = random.uniform(*area) * height * width
    for _ in range(10_000):
        ratio = random.uniform(*aspect)
        box_height, box_width = int((pixels * ratio) ** 0.5), int((pixels / ratio) ** 0.5)
        x, y = int(random.integers(width)), int(random.integers(height))
        if x + box_width <= width and y + box_height <= height:
            return x, y, x + box_width, y + box_height
    raise UserError(
        f'no box with {pixels / height / width:.0%} of the area and a ratio of height to width in '
        f'{aspect} fits into crops of {height}x{width}; make the crops more square'
    )
