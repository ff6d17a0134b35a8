"""Trained models: found by what a person names, and built."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from torch import nn

from ..core.errors import MissingFileError, UserError
from ..core.weights import check_finite
from .checkpoint import latest_checkpoint

WEIGHTS = ('.pth', '.safetensors')


def find_model(path: str | Path, config: str | None = None) -> tuple[str, str]:
    """Config and checkpoint of a trained model.

    Args:
        path (str | Path): Folder of a published model; work folder of a training, of which the best
            checkpoint is taken if ``save_best`` wrote one, and else the newest; or a checkpoint.
        config (str, optional): Config file, or name of a shipped config. Defaults to the one beside
            the checkpoint.

    Returns:
        tuple[str, str]: Config and checkpoint.

    Raises:
        FileNotFoundError: If there is no such file, or no checkpoint or config in the folder.
        ValueError: If a folder holds several models.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        checkpoint = _checkpoint_in(path)
    elif path.suffix in WEIGHTS and path.is_file():
        checkpoint = path
    else:
        raise MissingFileError(
            f"'{path}' is no trained model; give a published folder, the work folder of a "
            f'training, or a checkpoint ({", ".join(WEIGHTS)})'
        )
    return config or str(_config_beside(checkpoint)), str(checkpoint)


def build_trained_model(
    cfg: Mapping[str, Any], checkpoint: Mapping[str, Any], path: str | Path
) -> nn.Module:
    """Build a model with the weights of a checkpoint, in evaluation mode.

    Args:
        cfg (Mapping): Config of the model.
        checkpoint (Mapping): From :func:`load_checkpoint`.
        path (str | Path): Its file, for messages.

    Returns:
        nn.Module: The model.

    Raises:
        ValueError: If a tensor is missing, unknown or of another shape.
        FloatingPointError: If a weight is NaN or infinite.
    """
    model = MODELS.build(ConfigDict(without_pretraining(cfg)))
    _load_strictly(model, checkpoint.get('state_dict', checkpoint), str(path))
    return model


def _load_strictly(model: nn.Module, state: dict, checkpoint: str) -> None:
    expected = model.state_dict()
    missing = [name for name in expected if name not in state]
    unknown = [name for name in state if name not in expected]
    differing = [
        f'{name}: {tuple(state[name].shape)} instead of {tuple(tensor.shape)}'
        for name, tensor in expected.items()
        if name in state and state[name].shape != tensor.shape
    ]
    if missing or unknown or differing:
        raise UserError(
            f'{checkpoint!r} is not of this config: {len(missing)} tensors are missing '
            f'{missing[:3]}, {len(unknown)} are unknown {unknown[:3]}, {len(differing)} have '
            f'another shape {differing[:3]}'
        )
    check_finite(state, checkpoint)
    model.load_state_dict(state)
    model.eval()


def without_pretraining(node: Any) -> Any:
    """A copy, as plain dicts, without what says at any depth which weights to begin with."""
    if isinstance(node, dict):
        kept = {
            k: without_pretraining(v)
            for k, v in node.items()
            if k not in ('pretrained', 'init_cfg', 'pretrained_cfg_overlay')
        }
        if str(node.get('type')).endswith('TIMMBackbone'):
            kept['pretrained'] = False  # or it would download weights
        return kept
    if isinstance(node, (list, tuple)):
        return type(node)(without_pretraining(v) for v in node)
    return node


def _checkpoint_in(folder: Path) -> Path:
    best = sorted(folder.glob('best_*.pth'))
    if len(best) > 1:
        raise UserError(
            f"'{folder}' holds several best checkpoints; name one of {', '.join(map(str, best))}"
        )
    newest = latest_checkpoint(folder)
    others = sorted(path for path in folder.iterdir() if path.suffix in WEIGHTS)
    if best or newest:
        return best[0] if best else Path(newest or '')
    if len(others) == 1:
        return others[0]
    runs = sorted(path.parent.name for path in folder.glob('*/last_checkpoint'))
    hint = f'; name one of the runs in it: {", ".join(runs)}' if runs else ''
    raise MissingFileError(f"'{folder}' holds {len(others) or 'no'} checkpoints{hint}")


def _config_beside(checkpoint: Path) -> Path:
    same = checkpoint.with_suffix('.py')
    configs = [same] if same.is_file() else sorted(checkpoint.parent.glob('*.py'))
    if len(configs) != 1:
        raise UserError(
            f"beside '{checkpoint}' there are {len(configs)} config files, but one must say what "
            'model it is; name it with --config'
        )
    return configs[0]
