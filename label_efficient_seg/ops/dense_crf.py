"""Fully connected CRF over the pixels of an image: mean field on a permutohedral lattice."""

import math

import torch
from torch import Tensor

from ..core.errors import UserError
from .permutohedral import PermutohedralLattice


def dense_crf(
    logits: Tensor,
    image: Tensor,
    iterations: int = 10,
    *,
    gaussian_weight: float = 3.0,
    gaussian_sigma: float = 3.0,
    bilateral_weight: float = 10.0,
    bilateral_sigma: float = 80.0,
    color_sigma: float = 13.0,
) -> Tensor:
    r"""Class probabilities that agree between close pixels, and more so between those of one color.

    Mean field of a CRF in which every pair of pixels is connected. With z the scores, p the
    positions and I the colors of the pixels, each iteration computes, from Q = softmax(z),

    .. math::

        Q_i \leftarrow \mathrm{softmax}\Big(z_i + \sum_m w_m \sum_j
        \frac{k_m(i, j)}{\sqrt{n_m(i)\, n_m(j)}} Q_j\Big), \quad n_m(i) = \sum_j k_m(i, j),

    with k_1 = exp(-|p_i - p_j|^2 / 2 gaussian_sigma^2) and
    k_2 = exp(-|p_i - p_j|^2 / 2 bilateral_sigma^2 - |I_i - I_j|^2 / 2 color_sigma^2): Potts
    compatibility, symmetric normalisation, and j = i included, as in the authors' code and its
    Python packages. A permutohedral lattice approximates the sums over j in linear time.

    The defaults are AffinityNet's settings; DeconvNet's are ``bilateral_weight=5``,
    ``bilateral_sigma=20``, ``color_sigma=3``. Both take scores in [0, 1] rather than logits; pass
    ``scores.clamp(min=1e-5).log()``.

    The images of a batch are filtered one after the other, each at once in the caches: on a CPU
    this is faster than all together, and needs the memory of one.

    Args:
        logits (Tensor): Class scores, shape (N, C, H, W), any float dtype, all finite. Gradients
            flow to them. Their softmax is the result of no iterations.
        image (Tensor): Images, shape (N, channels, H, W), any dtype, usually RGB in 0..255, not
            normalised. Gradients do not flow to it.
        iterations (int): Number of mean field iterations.
        gaussian_weight (float): Weight of the kernel on positions; 0 leaves it out.
        gaussian_sigma (float): Its standard deviation in pixels.
        bilateral_weight (float): Weight of the kernel on positions and colors; 0 leaves it out.
        bilateral_sigma (float): Its standard deviation of positions, in pixels.
        color_sigma (float): Its standard deviation of colors, in units of ``image``.

    Returns:
        Tensor: Probabilities, at least float32, shape (N, C, H, W).

    Raises:
        ValueError: If shapes do not match, there is no pixel or only one class, a value is not
            finite, a sigma is not positive or too small for the size and the colors of the image,
            or a weight or the number of iterations is negative.

    Sources: Kraehenbuehl and Koltun, Efficient inference in fully connected CRFs with Gaussian edge
    potentials, NIPS 2011; Adams et al., Fast high-dimensional filtering using the permutohedral
    lattice, Eurographics 2010.
    """
    sigmas = dict(
        gaussian_sigma=gaussian_sigma, bilateral_sigma=bilateral_sigma, color_sigma=color_sigma
    )
    _check_tensors(logits, image)
    _check_settings(iterations, sigmas, gaussian_weight, bilateral_weight)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    height, width = logits.shape[2:]
    rows, columns = torch.meshgrid(
        torch.arange(height, device=logits.device, dtype=torch.float32),
        torch.arange(width, device=logits.device, dtype=torch.float32),
        indexing='ij',
    )
    positions = torch.stack([columns, rows]).flatten(1)
    colors = image.to(logits.device, torch.float32).flatten(2)
    shared = []
    if gaussian_weight and iterations:
        features = _in_sigmas(positions, gaussian_sigma)
        shared.append((gaussian_weight, PermutohedralLattice(features, logits.dtype)))
    results = []
    for scores, color in zip(logits, colors, strict=True):
        kernels = list(shared)
        if bilateral_weight and iterations:
            features = torch.cat(
                [_in_sigmas(positions, bilateral_sigma), _in_sigmas(color, color_sigma)]
            )
            kernels.append((bilateral_weight, PermutohedralLattice(features, logits.dtype)))
        results.append(_mean_field(scores.flatten(1).T.contiguous(), kernels, iterations).T)
    return torch.stack(results).view_as(logits)


def _mean_field(
    logits: Tensor, kernels: list[tuple[float, PermutohedralLattice]], iterations: int
) -> Tensor:
    """Run mean field on one image. Scores and probabilities have shape (pixels, classes)."""
    # Of large images, memory that comes from the system anew costs more than the sums.
    in_place = not (torch.is_grad_enabled() and logits.requires_grad)
    probabilities = _softmax(logits)
    message = torch.empty_like(logits)
    for _ in range(iterations):
        message = message.copy_(logits) if in_place else logits.clone()
        for weight, lattice in kernels:
            message = lattice.add_to(message, probabilities, weight)
        probabilities = _softmax(message, out=probabilities if in_place else None)
    return probabilities


def _softmax(scores: Tensor, out: Tensor | None = None) -> Tensor:
    """Softmax of (pixels, classes) over the classes."""
    # Over few neighbouring elements torch is slow: seven times at twelve classes.
    if scores.shape[1] < 16:
        result = scores.T.contiguous().softmax(0).T
        return result.contiguous() if out is None else out.copy_(result)
    return torch.softmax(scores, 1, out=out)


def _in_sigmas(values: Tensor, sigma: float) -> Tensor:
    # A GPU replaces division by a number, but not by a tensor, by a product that rounds otherwise.
    return values / values.new_tensor(sigma)


def _check_tensors(logits: Tensor, image: Tensor) -> None:
    for value in (logits, image):
        if not isinstance(value, Tensor):
            raise UserError(
                f'a CRF needs scores and images as tensors, but got a {type(value).__name__}; '
                'convert arrays by torch.from_numpy'
            )
    shapes = f'scores have shape {tuple(logits.shape)}, the image {tuple(image.shape)}'
    if logits.ndim != 4 or image.ndim != 4:
        raise UserError(f'a CRF needs scores (N, C, H, W) and images (N, channels, H, W); {shapes}')
    if logits.shape[0] != image.shape[0] or logits.shape[2:] != image.shape[2:]:
        raise UserError(
            f'a CRF needs scores and images of the same number and size; {shapes}: resize the '
            'scores to the image'
        )
    if not logits.numel() or not image.numel():
        raise UserError(f'a CRF needs at least one pixel; {shapes}')
    if logits.shape[1] < 2:
        raise UserError(f'a CRF needs at least two classes; {shapes}')
    for name, values in (('scores', logits), ('image', image)):
        if not torch.isfinite(values).all():
            raise UserError(
                f'the {name} of a CRF must be finite, but have NaN or infinity; clamp '
                'probabilities before their logarithm'
            )


def _check_settings(iterations: int, sigmas: dict[str, float], *weights: float) -> None:
    if iterations < 0:
        raise UserError(f'iterations of a CRF must not be negative, but are {iterations}')
    for name, sigma in sigmas.items():
        if not 0 < sigma < math.inf:
            raise UserError(f'{name} of a CRF must be positive and finite, but is {sigma}')
    for weight in weights:
        if not 0 <= weight < math.inf:
            raise UserError(f'weights of a CRF must not be negative, but one is {weight}')
