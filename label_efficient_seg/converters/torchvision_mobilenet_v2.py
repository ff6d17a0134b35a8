from collections.abc import Mapping
from pathlib import Path

from mmseg.models.backbones import MobileNetV2
from torch import Tensor

from ..core.errors import UserError
from ..core.weights import save_checkpoint
from .conversion import Conversion, check_tensors, read_weights

# The convolution to 1280 channels and the classifier, which MMSeg's backbone does not have.
DROPPED = ('features.18.', 'classifier.')


def convert_mobilenet_v2(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of torchvision's ``mobilenet_v2`` for MMSeg's ``MobileNetV2`` backbone.

    The two networks compute the same: ReLU6, symmetric padding by 1, batch norm with
    ``eps=1e-5`` and ``momentum=0.1``. Only names differ.

    Args:
        state_dict (Mapping[str, Tensor]): Weights of width 1.0 under torchvision's names,
            ``features.*`` and, optionally, ``classifier.*``.

    Returns:
        dict[str, Tensor]: The same tensors under the backbone's names. The last 1x1 convolution
        and the classifier are left out. Batch counters (``num_batches_tracked``), which old files
        lack and a fixed momentum does not use, may be absent.

    Raises:
        ValueError: If names or shapes are not those of ``mobilenet_v2``; it lists them.
    """
    expected = MobileNetV2().state_dict()
    sources = {name: _torchvision_name(name) for name in expected}
    kept = {name: value for name, value in state_dict.items() if not name.startswith(DROPPED)}
    try:
        check_tensors(kept, {source: expected[name] for name, source in sources.items()})
    except ValueError as error:
        raise UserError(
            "the weights are not those of torchvision's mobilenet_v2 with width 1.0, so nothing "
            f'was converted; {error}'
        ) from error
    return {name: kept[source] for name, source in sources.items() if source in kept}


def convert_mobilenet_v2_file(source: str | Path, target: str | Path) -> Conversion:
    """Convert a checkpoint file with :func:`convert_mobilenet_v2`.

    Args:
        source (str | Path): ``.pth`` or ``.safetensors`` file with the state dict, at its top or
            under ``state_dict``.
        target (str | Path): ``.pth`` file to write. It is complete or absent, also when this fails.

    Returns:
        Conversion: What was written.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If ``source`` cannot be read safely or holds another network, or if ``target``
            does not end in ``.pth``.
    """
    if Path(target).suffix != '.pth':
        raise UserError(f'the converted weights are a .pth file, got the name {str(target)!r}')
    weights = read_weights(source)
    try:
        converted = convert_mobilenet_v2(weights)
    except ValueError as error:
        raise UserError(f'{str(source)!r}: {error}') from error
    save_checkpoint(target, dict(state_dict=converted))
    return Conversion(converted, {}, [])


def _torchvision_name(name: str) -> str:
    """The name in torchvision of one of the backbone's tensors.

    torchvision numbers the blocks through (``features.1`` to ``features.17``) and puts the
    projection and its batch norm beside, not inside, the pairs of convolution and batch norm.
    """
    module, *parts, kind, tensor = name.split('.')
    is_norm = kind == 'bn'
    if module == 'conv1':
        return f'features.0.{int(is_norm)}.{tensor}'
    layer, (block, _, conv) = int(module.removeprefix('layer')) - 1, parts
    blocks_before = sum(blocks for _, _, blocks in MobileNetV2.arch_settings[:layer])
    expand_ratio = MobileNetV2.arch_settings[layer][0]
    prefix = f'features.{1 + blocks_before + int(block)}.conv'
    projection = 1 if expand_ratio == 1 else 2
    if int(conv) == projection:
        return f'{prefix}.{projection + is_norm}.{tensor}'
    return f'{prefix}.{conv}.{int(is_norm)}.{tensor}'
