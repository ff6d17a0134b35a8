"""The dense CRF against a mean field over all pairs of pixels, and where it must do nothing."""

import math

import numpy as np
import pytest
import torch

from label_efficient_seg.ops import dense_crf

AFFINITYNET = dict(bilateral_weight=10, bilateral_sigma=80, color_sigma=13)
DECONVNET = dict(bilateral_weight=5, bilateral_sigma=20, color_sigma=3)


def scene(height: int, width: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """An image of textured discs, and scores of a network that sees them noisy and shifted."""
    y, x = np.mgrid[:height, :width]
    image = np.stack([120 + 40 * np.sin(3 * x / width + i) + 30 * y / height for i in range(3)])
    labels = np.zeros((height, width), dtype=int)
    for label in range(1, classes):
        center_y, center_x = np.random.uniform(0.2, 0.8, 2) * (height, width)
        radius = np.random.uniform(0.1, 0.25) * width
        disc = (y - center_y) ** 2 + (x - center_x) ** 2 < radius**2
        labels[disc] = label
        image[:, disc] = np.random.uniform(20, 235, (3, 1)) + 20 * np.sin(x / 5 + y / 7)[disc]
    image = (image + np.random.normal(0, 6, image.shape)).round().clip(0, 255)
    scores = np.roll(labels, (2, -3), (0, 1)) == np.arange(classes)[:, None, None]
    return 3 * scores + np.random.normal(0, 1.5, scores.shape), image


def all_pairs(
    logits: np.ndarray,
    image: np.ndarray,
    iterations: tuple[int, ...],
    gaussian_weight: float = 3,
    gaussian_sigma: float = 3,
    bilateral_weight: float = 10,
    bilateral_sigma: float = 80,
    color_sigma: float = 13,
) -> dict[int, np.ndarray]:
    """Mean field with the kernels as matrices, in float64; the result after some iterations."""
    classes, height, width = logits.shape
    y, x = np.mgrid[:height, :width]
    positions = np.stack([x, y]).reshape(2, -1)
    colors = image.reshape(len(image), -1)

    def kernel(features):
        squares = (features**2).sum(0)
        matrix = features.T @ features
        matrix -= 0.5 * squares + 0.5 * squares[:, None]
        np.exp(matrix, out=matrix)
        scale = 1 / np.sqrt(matrix.sum(0))
        matrix *= scale
        matrix *= scale[:, None]
        return matrix

    def softmax(scores):
        powers = np.exp(scores - scores.max(0))
        return powers / powers.sum(0)

    messages = kernel(np.concatenate([positions / bilateral_sigma, colors / color_sigma]))
    messages *= bilateral_weight
    messages += gaussian_weight * kernel(positions / gaussian_sigma)
    scores = logits.reshape(classes, -1)
    probabilities = softmax(scores)
    results = {}
    for iteration in range(1, max(iterations) + 1):
        probabilities = softmax(scores + probabilities @ messages)
        if iteration in iterations:
            results[iteration] = probabilities.reshape(logits.shape)
    return results


def check(logits: np.ndarray, image: np.ndarray, iterations: int = 10, **settings) -> np.ndarray:
    """The CRF of one image, in float64."""
    return dense_crf(
        torch.from_numpy(logits)[None].double(),
        torch.from_numpy(image)[None],
        iterations,
        **settings,
    )[0].numpy()


# The lattice is less exact where neighbouring pixels differ by more than sigma, as by 3 in color.
@pytest.mark.parametrize(('settings', 'mean_error'), [(AFFINITYNET, 2e-3), (DECONVNET, 6e-3)])
def test_against_all_pairs(settings, mean_error):
    logits, image = scene(54, 72, 5)
    expected = all_pairs(logits, image, (1, 10), **settings)
    for iterations, agreement in ((1, 0.99), (10, 0.96)):
        found = check(logits, image, iterations, **settings)
        error = np.abs(found - expected[iterations])
        assert error.mean() < mean_error
        assert (found.argmax(0) == expected[iterations].argmax(0)).mean() >= agreement
        # It did something: one pixel in ten and more has another class than before.
        assert (found.argmax(0) != logits.argmax(0)).mean() > 0.1


@pytest.mark.parametrize('settings', [AFFINITYNET, DECONVNET])
def test_against_pydensecrf(settings):
    reference = pytest.importorskip('pydensecrf.densecrf', reason='pydensecrf2 is not installed')
    logits, image = scene(60, 83, 4)
    crf = reference.DenseCRF2D(83, 60, 4)
    energy = -torch.from_numpy(logits).float().log_softmax(0).flatten(1)
    crf.setUnaryEnergy(energy.numpy())
    crf.addPairwiseGaussian(sxy=3, compat=3)
    crf.addPairwiseBilateral(
        sxy=settings['bilateral_sigma'],
        srgb=settings['color_sigma'],
        rgbim=np.ascontiguousarray(image.transpose(1, 2, 0).astype(np.uint8)),
        compat=settings['bilateral_weight'],
    )
    expected = np.array(crf.inference(10)).reshape(4, 60, 83)
    found = dense_crf(
        torch.from_numpy(logits)[None].float(), torch.from_numpy(image)[None], **settings
    )
    np.testing.assert_allclose(found[0].numpy(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize('classes', [2, 16])
def test_a_batch_equals_its_images(classes):
    pairs = [scene(30, 41, classes) for _ in range(3)]
    logits = torch.from_numpy(np.stack([p[0] for p in pairs])).float()
    images = torch.from_numpy(np.stack([p[1] for p in pairs])).byte()
    found = dense_crf(logits, images)
    assert found.shape == logits.shape and found.is_contiguous()
    for i in range(3):
        assert torch.equal(found[i], dense_crf(logits[i : i + 1], images[i : i + 1])[0])
    torch.testing.assert_close(found.sum(1), torch.ones(3, 30, 41))


@pytest.mark.parametrize(('images', 'classes'), [(2, 3), (1, 17)])
def test_gradient_by_finite_differences(images, classes):
    logits = torch.randn(images, classes, 2, 2, dtype=torch.float64, requires_grad=True)
    image = 40 * torch.randn(images, 3, 2, 2, dtype=torch.float64, requires_grad=True)

    def crf(logits):
        return dense_crf(logits, image, iterations=3, bilateral_sigma=2)

    assert torch.autograd.gradcheck(crf, logits)
    assert torch.autograd.grad(crf(logits).square().sum(), image, allow_unused=True) == (None,)


@pytest.mark.parametrize('classes', [2, 16])
@pytest.mark.parametrize(
    'settings', [dict(iterations=0), dict(gaussian_weight=0, bilateral_weight=0)]
)
def test_softmax_without_iterations_or_weights(settings, classes):
    logits = 5 * torch.randn(2, classes, 6, 7)
    found = dense_crf(logits, torch.rand(2, 3, 6, 7), **settings)
    torch.testing.assert_close(found, logits.softmax(1))


def test_a_weight_of_zero_leaves_a_kernel_out():
    logits, image = scene(20, 24, 3)
    for settings in (dict(gaussian_weight=0), dict(bilateral_weight=0)):
        expected = all_pairs(logits, image, (1,), **settings)[1]
        assert np.abs(check(logits, image, 1, **settings) - expected).mean() < 4e-3


@pytest.mark.parametrize('color', [0, 255])
def test_constant_image(color):
    logits, image = scene(24, 30, 3)
    image = np.full_like(image, color)
    expected = all_pairs(logits, image, (1, 10))
    for iterations in (1, 10):
        found = check(logits, image, iterations)
        assert np.abs(found - expected[iterations]).mean() < 2e-3
        # All pixels are of one color: the most frequent class wins everywhere.
    assert len(np.unique(found.argmax(0))) == 1


@pytest.mark.parametrize('size', [(40, 1), (1, 40), (1, 2)])
def test_an_image_one_pixel_wide(size):
    logits, image = scene(40, 40, 3)
    logits, image = logits[:, : size[0], : size[1]], image[:, : size[0], : size[1]]
    expected = all_pairs(logits, image, (1,))[1]
    found = check(logits, image, 1)
    assert np.abs(found - expected).mean() < 0.01
    np.testing.assert_array_equal(found.argmax(0), expected.argmax(0))


def test_one_pixel():
    logits = torch.tensor([0.4, 0.3, -1], dtype=torch.float64).reshape(1, 3, 1, 1)
    expected = logits.softmax(1)
    for _ in range(5):
        # Its only message is its own.
        expected = (logits + 13 * expected).softmax(1)
    found = dense_crf(logits, torch.full((1, 3, 1, 1), 200), iterations=5)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize('image_dtype', [torch.uint8, torch.float32, torch.int64])
def test_dtypes(dtype, image_dtype):
    logits, image = (torch.from_numpy(a)[None] for a in scene(20, 24, 3))
    logits = logits.to(dtype)
    found = dense_crf(logits, image.to(image_dtype))
    assert found.dtype == torch.float32
    expected = dense_crf(logits.double(), image)
    assert expected.dtype == torch.float64
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(dense_crf(logits, image), found)


def test_a_gray_image_and_one_with_more_channels():
    logits, image = scene(20, 24, 3)
    gray = image.mean(0, keepdims=True)
    # Three equal channels are as one whose differences are larger by sqrt(3).
    found = check(logits, gray, 1, color_sigma=13 / math.sqrt(3))
    assert np.abs(found - check(logits, gray.repeat(3, 0), 1)).mean() < 0.01
    five = np.concatenate([image, image[:2]])
    expected = all_pairs(logits, five, (1,))[1]
    assert np.abs(check(logits, five, 1) - expected).mean() < 0.01


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(value):
    logits, image = torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 4, 4)
    logits[0, 1, 2, 3] = value
    with pytest.raises(ValueError, match='scores of a CRF must be finite.*; clamp probabilities'):
        dense_crf(logits, image)
    image[0, 1, 2, 3] = value
    with pytest.raises(ValueError, match='image of a CRF must be finite'):
        dense_crf(torch.zeros(1, 2, 4, 4), image)


@pytest.mark.parametrize(
    ('logits', 'image', 'message'),
    [
        ((1, 2, 4, 4), (1, 3, 4, 5), r'same number and size; .*\(1, 2, 4, 4\).*\(1, 3, 4, 5\)'),
        ((1, 2, 4, 4), (2, 3, 4, 4), 'same number and size'),
        ((2, 4, 4), (1, 3, 4, 4), r'needs scores \(N, C, H, W\)'),
        ((1, 2, 4, 4), (3, 4, 4), r'and images \(N, channels, H, W\)'),
        ((1, 1, 4, 4), (1, 3, 4, 4), 'at least two classes'),
        ((1, 2, 0, 4), (1, 3, 0, 4), 'at least one pixel'),
        ((0, 2, 4, 4), (0, 3, 4, 4), 'at least one pixel'),
    ],
)
def test_wrong_shapes_are_refused(logits, image, message):
    with pytest.raises(ValueError, match=message):
        dense_crf(torch.zeros(logits), torch.zeros(image))


def test_arrays_are_refused():
    with pytest.raises(ValueError, match='as tensors, but got a ndarray; .* torch.from_numpy'):
        dense_crf(torch.zeros(1, 2, 4, 4), np.zeros((1, 3, 4, 4)))


@pytest.mark.parametrize('name', ['gaussian_sigma', 'bilateral_sigma', 'color_sigma'])
@pytest.mark.parametrize('sigma', [0, -1, math.nan, math.inf])
def test_sigmas_that_are_not_positive_are_refused(name, sigma):
    with pytest.raises(ValueError, match=f'{name} of a CRF must be positive and finite, but is'):
        dense_crf(torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 4, 4), **{name: sigma})


@pytest.mark.parametrize('name', ['gaussian_weight', 'bilateral_weight', 'iterations'])
def test_negative_numbers_are_refused(name):
    with pytest.raises(ValueError, match='must not be negative'):
        dense_crf(torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 4, 4), **{name: -1})


def test_sigmas_too_small_for_the_lattice_are_refused():
    logits, image = torch.zeros(1, 2, 40, 50), 255 * torch.rand(1, 3, 40, 50)
    with pytest.raises(ValueError, match='increase the sigmas'):
        dense_crf(logits, image, gaussian_sigma=1e-5)
    with pytest.raises(ValueError, match='increase the sigmas'):
        dense_crf(logits, image, bilateral_sigma=0.01, color_sigma=0.01)


def test_tiny_sigmas_leave_each_pixel_alone():
    logits, image = torch.randn(1, 3, 20, 25, dtype=torch.float64), 255 * torch.rand(1, 3, 20, 25)
    probabilities = logits.softmax(1)
    found = dense_crf(logits, image, 1, gaussian_sigma=0.05, bilateral_sigma=0.1, color_sigma=0.5)
    torch.testing.assert_close(found, (logits + 13 * probabilities).softmax(1))
