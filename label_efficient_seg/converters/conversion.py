"""What converters of weights share: reading, checking and writing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..core.digests import file_digest
from ..core.errors import UserError
from ..core.weights import load_checkpoint, save_checkpoint


@dataclass(frozen=True)
class Conversion:
    """Converted weights.

    Attributes:
        weights (dict[str, Tensor]): State dict under the new names.
        model (dict): Configs of the networks for the weights under this project's names.
        notes (list[str]): What was left out or filled in, and why.
    """

    weights: dict[str, Tensor]
    model: dict
    notes: list[str]


def read_weights(source: str | Path) -> Mapping[str, Tensor]:
    """Read the state dict of a ``.pth`` or ``.safetensors`` file.

    Args:
        source (str | Path): The file; weights are at its top, or under ``state_dict`` or ``model``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read safely.
    """
    checkpoint = load_checkpoint(source)
    wrapped = (checkpoint.get(key) for key in ('state_dict', 'model'))
    return next((value for value in wrapped if isinstance(value, Mapping)), checkpoint)


def convert_checkpoint(
    source: str | Path,
    target: str | Path,
    convert: Callable[[Mapping[str, Tensor]], Conversion],
    meta: Mapping[str, str] | None = None,
    read: Callable[[str | Path], Mapping[str, Tensor]] = read_weights,
) -> Conversion:
    """Convert a file.

    Args:
        source (str | Path): The file.
        target (str | Path): ``.pth`` file to write. It is complete or absent, also when this fails.
        convert (Callable): Makes a :class:`Conversion` of the file's weights.
        meta (Mapping[str, str], optional): What the checkpoint's ``meta`` is to hold besides the
            name and the SHA-256 of the source and the config of the model. When absent, a bare
            state dict is written, as released code loads it.
        read (Callable): Reads the file.

    Returns:
        Conversion: What was written.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If ``source`` cannot be read safely or holds another network, or if ``target``
            does not end in ``.pth``.
    """
    if Path(target).suffix != '.pth':
        raise UserError(f'the converted weights are a .pth file, got the name {str(target)!r}')
    weights = read(source)
    try:
        conversion = convert(weights)
    except ValueError as error:
        raise UserError(f'{str(source)!r}: {error}') from error
    content: dict = conversion.weights
    if meta is not None:
        source = Path(source).expanduser()
        found = dict(source=source.name, source_sha256=file_digest(source))
        meta = dict(found, **meta, model=conversion.model)
        content = dict(state_dict=conversion.weights, meta=meta)
    save_checkpoint(target, content)
    return conversion


def without_wrapper(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the names they had before ``DataParallel``."""
    names = [str(name) for name in state_dict]
    if all(name.startswith('module.') for name in names):
        names = [name.removeprefix('module.') for name in names]
    return dict(zip(names, state_dict.values(), strict=True))


def check_tensors(state_dict: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are missing, unknown or of another shape.

    Args:
        state_dict (Mapping[str, Tensor]): The tensors.
        expected (Mapping[str, Tensor]): Tensors of the right shapes. Batch counters
            (``num_batches_tracked``), which old files lack, may be absent in the state dict.

    Raises:
        ValueError: It lists all of them.
    """
    missing = [
        name
        for name in expected
        if name not in state_dict and not name.endswith('num_batches_tracked')
    ]
    unknown = [name for name in state_dict if name not in expected]
    differing = [
        f'{name} is {shape_of(state_dict[name])} instead of {shape_of(tensor)}'
        for name, tensor in expected.items()
        if name in state_dict and shape_of(state_dict[name]) != shape_of(tensor)
    ]
    faults = {'missing': missing, 'unknown': unknown, 'of another shape': differing}
    if any(faults.values()):
        raise UserError(
            '; '.join(f'{kind}: {", ".join(names)}' for kind, names in faults.items() if names)
        )


def output_width(state_dict: Mapping[str, Tensor], name: str) -> int:
    """Number of output channels of a convolution.

    Raises:
        ValueError: If there is no such convolution.
    """
    shape = shape_of(state_dict.get(name))
    if not isinstance(shape, tuple) or len(shape) != 4 or not shape[0]:
        raise UserError(f'missing, or no convolution: {name}')
    return shape[0]


def shape_of(value: object) -> tuple[int, ...] | str:
    """Shape of a tensor; of anything else, the name of its type."""
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
