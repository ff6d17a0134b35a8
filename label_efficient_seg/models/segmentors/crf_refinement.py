"""The CRF behind DeconvNet's scores, which its segmentors share."""

from collections.abc import Mapping

from torch import Tensor, nn

from ...core.errors import UserError
from ...ops import dense_crf

# As in DeconvNet's released code.
DECONVNET_CRF = dict(
    iterations=10,
    gaussian_weight=3.0,
    gaussian_sigma=3.0,
    bilateral_weight=5.0,
    bilateral_sigma=20.0,
    color_sigma=3.0,
)


def complete_crf(crf: Mapping | None) -> dict | None:
    """Fill up settings of the CRF with those of DeconvNet's release.

    Args:
        crf (Mapping, optional): Settings that differ; None for no CRF.

    Returns:
        dict, optional: All settings of :func:`dense_crf`, or None.

    Raises:
        ValueError: If a setting is unknown.
    """
    if crf is None:
        return None
    if unknown := crf.keys() - DECONVNET_CRF.keys():
        raise UserError(
            f'a CRF has no setting {sorted(unknown)[0]!r}; there are {", ".join(DECONVNET_CRF)}'
        )
    return DECONVNET_CRF | dict(crf)


def refine_scores(scores: Tensor, image: Tensor, crf: Mapping) -> Tensor:
    """Let a CRF refine class scores, whose softmax it starts from.

    Args:
        scores (Tensor): Shape (C, H, W).
        image (Tensor): Colors in 0..255, shape (3, H, W).
        crf (Mapping): Settings of :func:`dense_crf`.

    Returns:
        Tensor: Logarithms of the probabilities, float32, shape (C, H, W): their softmax are the
        probabilities, as with other class scores.
    """
    refined = dense_crf(scores[None].float(), image[None], **crf)[0]
    return refined.clamp(min=1e-10).log()


def original_colors(image: Tensor, data_preprocessor: nn.Module) -> Tensor:
    """Undo the normalisation of an image, shape (3, H, W)."""
    if getattr(data_preprocessor, 'mean', None) is None:
        return image
    return image * data_preprocessor.std + data_preprocessor.mean
