"""Equal: operations, losses and train steps on the device against the CPU."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from label_efficient_seg import ops
from label_efficient_seg.models import losses

from .common import HostRandomness, Row, Settings, difference, tf32, toy, trained

TITLE = 'Equal to the CPU'
NOTE = (
    'Relative differences of values and of gradients (norms) from float32 on the CPU, with random '
    'numbers of the CPU. Bounds: float32 without TF32 1e-4 (gradients of whole networks 1e-3), '
    'TF32 1e-2, bfloat16 1e-1.'
)
MINUTES = 4
BOUNDS = dict(fp32=(1e-4, 1e-3), TF32=(1e-2, 5e-2), bf16=(1e-1, 3e-1))
Operation = Callable[..., object]


def cases(settings: Settings) -> list[str]:
    """Operations, then methods in each precision."""
    precisions = ('fp32', 'bf16') if settings.device == 'cpu' else tuple(BOUNDS)
    steps = [f'{method} {kind}' for kind in precisions for method in settings.methods]
    return [*OPERATIONS, *steps]


def run(case: str, settings: Settings) -> list[Row]:
    """Compare one of them."""
    if case in OPERATIONS:
        return [operation(case, settings)]
    method, precision = case.split()
    amp = 'bf16' if precision == 'bf16' else False
    expected = trained(toy(method, settings.toy('cpu')))
    with tf32(precision == 'TF32'):
        found = trained(toy(method, settings.toy(), amp))
    values, where = difference(found[0], expected[0])
    gradients, _ = difference(found[1], expected[1])
    bound, gradient_bound = BOUNDS[precision]
    equal = values <= bound and gradients <= gradient_bound
    row = dict(case=case, values=values, gradients=gradients, bound=bound, equal=equal)
    return [row if equal else dict(row, where=where)]


def operation(name: str, settings: Settings) -> Row:
    """Compare results and gradients of one operation."""
    function, inputs = OPERATIONS[name]
    torch.manual_seed(0)
    inputs = inputs()
    results = []
    for device in ('cpu', settings.device):

        def leaf(value: object, device: str = device) -> object:
            if not isinstance(value, Tensor):
                return value
            return value.to(device, copy=True).requires_grad_(value.is_floating_point())

        here = tree_map(leaf, inputs)
        torch.manual_seed(0)
        with tf32(False), HostRandomness():
            found = [t for t in tree_leaves(function(*here)) if isinstance(t, Tensor)]
            differentiable = [t for t in found if t.requires_grad]
            for tensor in differentiable:
                # Sums of a smooth function: those of probabilities would have no gradient.
                tensor.double().square().sum().backward(retain_graph=True)
        slopes = [t.grad for t in tree_leaves(here) if isinstance(t, Tensor) and t.grad is not None]
        results.append([dict(enumerate(map(torch.Tensor.detach, ts))) for ts in (found, slopes)])
    (values, slopes), (found_values, found_slopes) = results
    row = dict(
        case=name,
        values=difference(found_values, values)[0],
        gradients=difference(found_slopes, slopes)[0] if slopes else math.nan,
        bound=1e-4,
    )
    return dict(row, equal=not (row['values'] > 1e-4 or row['gradients'] > 1e-4))


def maps(channels: int = 5, number: int = 2, size: tuple[int, int] = (24, 28)) -> Tensor:
    """Random scores."""
    return torch.randn(number, channels, *size)


def masks() -> Tensor:
    """A random mask."""
    return torch.rand(2, 24, 28) < 0.6


def labels() -> Tensor:
    """Labels of 5 classes in blocks; some pixels have none."""
    blocks = torch.randint(6, (2, 6, 7)).repeat_interleave(4, 1).repeat_interleave(4, 2)
    return blocks.masked_fill(blocks == 5, 255)


def features() -> Tensor:
    """Features that differ between regions."""
    return 0.1 * maps(8) + labels()[:, None]


def images() -> Tensor:
    """RGB in [0, 1]."""
    return torch.rand(2, 3, 24, 28)


def jitter() -> tuple:
    """Images and parameters of the strong augmentation."""
    factors = [[0.8, 1.3, 0.7, 0.2], [1.2, 0.6, 1.4, -0.1]]
    order = [[2, 0, 3, 1], [0, 1, 2, 3]]
    return images(), factors, order, [False, True], torch.tensor([1.5, 0.0])


def pasted(total: Tensor, scores: Tensor) -> Tensor:
    """Scores of two boxes in a map."""
    boxes = ops.prepare_boxes(ops.as_boxes([[1, 2, 15, 20], [8, 3, 28, 24]]), (24, 28))
    with torch.no_grad():
        total = total.clone()
        crops = ops.crop_boxes(total, boxes, (16, 16))
        ops.paste_scores(total, scores + crops, boxes)
    return total


OPERATIONS: dict[str, tuple[Operation, Callable[[], tuple]]] = {
    'self_information': (ops.self_information, lambda: (maps(),)),
    'entropy_map': (ops.entropy_map, lambda: (maps(),)),
    'class_scores': (ops.class_scores, lambda: (maps(1),)),
    'normalize_cams': (ops.normalize_cams, lambda: (maps().relu(),)),
    'with_background': (lambda x: ops.with_background(x, 4.0), lambda: (torch.rand(2, 4, 9, 9),)),
    'pairwise_affinities': (ops.pairwise_affinities, lambda: (features(),)),
    'valid_pairs': (
        lambda x: ops.valid_pairs((24, 28), device=x.device) & x.bool(), lambda: (torch.ones(()),),
    ),
    'random_walk': (
        lambda scores, f: ops.random_walk(scores, ops.pairwise_affinities(f)),
        lambda: (torch.rand(2, 5, 24, 28), features()),
    ),
    'dense_crf': (
        lambda scores, image: ops.dense_crf(scores, image.detach(), iterations=1),
        lambda: (maps(), 255 * images()),
    ),
    'pixel_adaptive_refinement': (
        lambda s, i: ops.refine_by_image(s, i.detach(), 'par'),
        lambda: (maps().softmax(1), 255 * images()),
    ),
    'strong_augmentation': (
        lambda x, *parameters: ops.strong_augmentation(x.detach(), *parameters), jitter,
    ),
    'box_masks': (
        lambda b: ops.box_masks(b, (24, 28)), lambda: (torch.tensor([[2, 3, 9, 20]]),),
    ),
    'class_masks': (lambda y: ops.class_masks(y, 5), lambda: (labels(),)),
    'block_masks': (lambda x: ops.block_masks(x, 8, 0.5), lambda: (images(),)),
    'block_labels': (lambda y: ops.block_labels(y, 5, (6, 7)), lambda: (labels(),)),
    'complementary_dropout': (
        lambda x: ops.complementary_dropout([x]), lambda: (maps(8, number=4),),
    ),
    'highest_share': (
        lambda c, v: ops.highest_share(c.detach(), v, 0.3),
        lambda: (torch.rand(2, 24, 28), masks()),
    ),
    'pseudo_labels': (
        lambda s, y, m: ops.pseudo_labels(s, y, m, [1, 3]), lambda: (maps(), labels(), masks()),
    ),
    'annealed_weights': (
        lambda c, m: ops.annealed_weights(c.detach(), m, 2.0),
        lambda: (torch.rand(2, 24, 28), masks()),
    ),
    'hide_labels': (lambda y: ops.hide_labels(y, [0, 2]), lambda: (labels(),)),
    'calibrated_scores': (lambda s: ops.calibrated_scores(s, [0, 2], 0.5), lambda: (maps(),)),
    'proposals': (pasted, lambda: (maps(3, 1)[0], torch.rand(2, 3, 16, 16))),
    'masked_mean': (losses.masked_mean, lambda: (maps()[:, 0], masks())),
    'masked_cross_entropy': (
        losses.masked_cross_entropy, lambda: (maps(), labels(), torch.rand(2, 24, 28)),
    ),
    'adversarial_loss': (
        lambda x, m: losses.AdversarialLoss()(x, True, m), lambda: (maps(1)[:, 0], masks()),
    ),
    'least_squares_loss': (
        lambda x, m: losses.AdversarialLoss('lsgan')(x, True, m), lambda: (maps(1)[:, 0], masks()),
    ),
    'sigmoid_l1_loss': (
        lambda x, m: losses.SigmoidL1Loss()(x, True, m), lambda: (maps(1)[:, 0], masks()),
    ),
    'affinity_loss': (
        losses.AffinityLoss(), lambda: (torch.rand(2, 24, 28), masks(), masks(), masks()),
    ),
    'gaussian_kl_loss': (losses.GaussianKLLoss(), lambda: (maps(), maps(), masks())),
    'mmd_loss': (losses.MMDLoss(), lambda: (maps(8), maps(8), labels())),
    'feature_distance': (
        lambda f, i, y: losses.feature_distance(f, i.detach(), y, (1, 2), 5),
        lambda: (maps(8, size=(6, 7)), maps(8, size=(6, 7)), labels()),
    ),
}  # fmt: skip
