"""Finds the shipped configs by name, in an installed wheel or in a checkout."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

from .errors import MissingFileError
from .suggest import did_you_mean

_PACKAGE = Path(__file__).resolve().parents[1]


def resource_root() -> Path:
    """Returns the folder that holds ``configs``, ``splits`` and ``tools``.

    Returns:
        Path: ``.mim`` inside an installed package, or the repository root of a checkout.
    """
    packaged = _PACKAGE / '.mim'
    return packaged if packaged.is_dir() else _PACKAGE.parent


def list_configs() -> list[str]:
    """Lists the configs that can be trained.

    Returns:
        list[str]: Sorted names such as ``'advsemi/deeplabv2_r101_voc_semi'``; the parts under
        ``_base_`` and the workflows are left out.
    """
    return [name for name in _names() if not _is_workflow(name)]


def list_workflows() -> list[str]:
    """Lists the workflows, which ``les run`` runs.

    Returns:
        list[str]: Sorted names such as ``'advsemi/workflow_toy'``.
    """
    return [name for name in _names() if _is_workflow(name)]


def _names() -> list[str]:
    folder = resource_root() / 'configs'
    names = (path.relative_to(folder).with_suffix('').as_posix() for path in folder.rglob('*.py'))
    return sorted(name for name in names if not name.startswith('_base_/'))


def _is_workflow(name: str) -> bool:
    return name.rpartition('/')[2].startswith('workflow_')


def get_config_path(name: str) -> Path:
    """Finds the file of a shipped config or workflow.

    Args:
        name (str): Path below ``configs``, with or without ``.py``.

    Returns:
        Path: The absolute path of the file.

    Raises:
        FileNotFoundError: If there is no such config; the message names those with a similar name.
    """
    stem = name.removesuffix('.py')
    folder = resource_root() / 'configs'
    path = folder / f'{stem}.py'
    if path.is_file() and not {'', '.', '..', '_base_'} & set(stem.split('/')):
        return path
    names = _names()
    hint = did_you_mean(stem, names, 'see list_configs()', number=3, cutoff=0.5)
    raise MissingFileError(f'no config {name!r} among the {len(names)} in {folder}; {hint}')


def get_config(name: str) -> Config:
    """Loads a shipped config.

    Args:
        name (str): Path below ``configs``, with or without ``.py``.

    Returns:
        Config: The config with everything it inherits.

    Raises:
        FileNotFoundError: If there is no such config.

    Example:
        >>> cfg = get_config('advsemi/deeplabv2_r101_voc_semi')
    """
    return Config.fromfile(get_config_path(name))
