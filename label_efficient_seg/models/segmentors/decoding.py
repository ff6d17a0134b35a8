"""One forward pass of any decode head of MMSegmentation: its losses and its class scores."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UnknownArgumentError, UserError


def decode(head: nn.Module, features: list[Tensor]) -> tuple[Any, Tensor]:
    """Run a head once.

    Args:
        head (nn.Module): A ``BaseDecodeHead``.
        features (list[Tensor]): Output of ``extract_feat``.

    Returns:
        tuple[Any, Tensor]: What the head returns, from which its ``loss_by_feat`` computes its
        losses, and the class scores that it predicts, (N, C, h, w). Of several tensors, which some
        heads return in training, these are the first of its ``loss_parts``, or what its layer
        ``conv_seg`` gave.

    Raises:
        TypeError: If the head returns several tensors and does not use ``conv_seg`` exactly once.
    """
    classified: list[Tensor] = []
    layer = getattr(head, 'conv_seg', None)
    with ExitStack() as stack:
        if layer is not None:
            hook = layer.register_forward_hook(lambda *args: classified.append(args[-1]))
            stack.callback(hook.remove)
        outputs = head(features)
    if isinstance(outputs, Tensor):
        return outputs, outputs
    if hasattr(head, 'loss_parts'):
        return outputs, head.loss_parts(outputs)[0].scores
    if len(classified) != 1:
        raise UnknownArgumentError(
            f'head {type(head).__name__} returns {len(outputs)} tensors, of which its layer '
            f'conv_seg gave {len(classified)}; methods with several streams need the one that it '
            'predicts'
        )
    return outputs, classified[0]


def map_tensors(function: Callable[[Tensor], Tensor], nested: Any) -> Any:
    """Apply a function to each tensor in nested lists or tuples, which become lists."""
    if isinstance(nested, Tensor):
        return function(nested)
    return [map_tensors(function, part) for part in nested]


def check_kind(kind: str | type) -> None:
    """Refuse a type of head that computes losses in a way of its own.

    The class scores and the losses of one forward pass are both needed, so a head must keep them
    apart as ``BaseDecodeHead`` does.

    Raises:
        TypeError: For mask classifiers, for example.
    """
    cls = MODELS.get(kind) if isinstance(kind, str) else kind
    if cls is not None and getattr(cls, 'loss', None) is not BaseDecodeHead.loss:
        raise _not_of_pixels(cls)


def check_losses(head: nn.Module) -> None:
    """Refuse a head that has no losses of its own, or nothing to classify.

    Raises:
        TypeError: For K-Net, for example, whose losses are those of the heads inside it, and for
            regression.
    """
    if not hasattr(head, 'loss_decode') or head.num_classes == head.out_channels == 1:
        raise _not_of_pixels(type(head))


def check_binary(head: nn.Module) -> None:
    """Refuse a head with one score for several classes.

    Raises:
        ValueError: If ``out_channels`` is 1 for a number of classes other than 2.
    """
    if head.out_channels == 1 and head.num_classes != 2:
        raise UserError(
            f'head {type(head).__name__} has out_channels=1 for num_classes={head.num_classes}; '
            'one score per pixel tells two classes apart: remove out_channels or set num_classes=2'
        )


def _not_of_pixels(head: type) -> UnknownArgumentError:
    return UnknownArgumentError(
        f'head {head.__name__} does not give each pixel one score per class with losses of its '
        'own, as mask classifiers (MaskFormer, Mask2Former, K-Net, SAN) do not; methods with '
        'several streams need a head that inherits BaseDecodeHead.loss, such as DeepLabV2Head, '
        'FCNHead, ASPPHead, DepthwiseSeparableASPPHead or SegformerHead, or a cascade of them'
    )
