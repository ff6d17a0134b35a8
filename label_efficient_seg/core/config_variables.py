"""Loads a config so that a variable which it sets reaches what its bases make of that variable.

MMEngine evaluates a base before the config that inherits from it: ``crop_size = (65, 65)`` below
``_base_`` comes too late for the pipelines of the base. :func:`read_config` therefore evaluates the
files again, with the new value in place of each assignment to a variable that a later file or an
option has changed. A variable that is without effect even then is refused.
"""

import copy
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .config_files import SETTINGS, ConfigFile, Values, is_shipped, literal
from .errors import UserError
from .quiet import quiet_logger
from .suggest import did_you_mean


def read_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Load a config.

    Args:
        path (str | Path): Config file.
        options (Mapping[str, Any], optional): Values to override, by dotted key.

    Returns:
        Config: With the options applied, and with one value of each variable in all files.

    Raises:
        ValueError: If the file or an option sets something that nothing uses. The message names
            what works instead.
    """
    # MMEngine would note each environment variable in each file, for every reading.
    with quiet_logger():
        return _read(Path(path), dict(options or {}))


def _read(path: Path, options: dict[str, Any]) -> Config:
    file = ConfigFile.parse(path)
    plain = Config.fromfile(path)
    _check_names(file, plain, options)
    final = copy.deepcopy(plain)
    final.merge_from_dict(options)
    roots = {key.partition('.')[0] for key in options} - SETTINGS
    values = {name: text for name in roots if (text := literal(final[name]))}
    if not values and not any(part.overridden() for part in file.chain()):
        return final
    try:
        cfg = file.evaluate(values, options)
    except Exception as error:  # a config may raise anything
        raise _clash(file, values, options, error) from error
    bases = read_inherited(path)
    for name in sorted(roots | file.overridden()):
        old = literal((plain if name in roots else bases)[name])
        if old is None or old == literal(cfg[name]):
            continue
        without = file.evaluate({**values, name: old}, options)
        if settings(without) == settings(cfg):
            raise UserError(f'{name!r} is set, but nothing here uses it; {_instead(cfg, name)}')
    return Config(cfg.to_dict(), filename=str(path))


def read_inherited(path: str | Path) -> Config:
    """Load what the settings of a user are compared with.

    Args:
        path (str | Path): Config file.

    Returns:
        Config: The bases alone of a user's config; a config of this package, or one without bases,
        as it is.
    """
    file = ConfigFile.parse(Path(path))
    with quiet_logger():
        if is_shipped(path) or not file.bases:
            return Config.fromfile(path)
        with tempfile.TemporaryDirectory() as folder:
            bases = Path(folder) / 'bases.py'
            bases.write_text(f'_base_ = {[str(base.path) for base in file.bases]}\n')
            return Config.fromfile(bases)


def settings(cfg: Config) -> dict:
    """What runners and tools read of a config."""
    return {key: value for key, value in cfg.to_dict().items() if key in SETTINGS}


def _check_names(file: ConfigFile, cfg: Config, options: Mapping[str, Any]) -> None:
    """Refuse names that nothing reads."""
    known = {*cfg, *SETTINGS}
    for key in options:
        if (root := key.partition('.')[0]) not in known:
            hint = did_you_mean(root, known, _instead(cfg, root), cutoff=0.75)
            raise UserError(f'option {key!r}: the config has no {root!r}; {hint}')
    for name in file.unused():
        hint = did_you_mean(name, known - {name}, _instead(cfg, name), cutoff=0.75)
        raise UserError(f"config '{file.path}' sets {name!r}, which nothing uses; {hint}")
    given = {key.partition('.')[0]: key.partition('.')[2] for key in options}
    for name in file.taken_over(own=False):
        if name in file.overridden():
            given.setdefault(name, file.first_key(name))
    for name, target in file.taken_over(own=True).items():
        if name in given:
            raise UserError(
                f'{name!r} has become a part of {target!r}, and is no longer read; set '
                f"'{target}.{given[name]}' instead of '{name}.{given[name]}'"
            )


def _clash(
    file: ConfigFile, values: Values, options: Mapping[str, Any], error: Exception
) -> UserError:
    """Name the variable without whose new value the files could be read."""
    reason = f'{type(error).__name__}: {error}'
    given = [(f'an option sets {name!r}', name, file) for name in values]
    given += [
        (f"config '{part.path}' sets {name!r}", name, part)
        for part in file.chain()
        for name in sorted(part.overridden())
    ]
    for what, name, part in given:
        try:
            file.evaluate({key: values[key] for key in values if key != name}, options, name)
        except Exception:  # another one is the cause
            continue
        (base, *_) = (base for base in part.chain() if name in base.assigned())
        return UserError(
            f"{what}, a variable that '{base.path}' has, too; with the new value, files that use "
            f'it cannot be read ({reason}). Choose another name, or a value of the same form'
        )
    return UserError(
        f"config '{file.path}' cannot be read with its values of variables that its bases have, "
        f'{", ".join(sorted({name for _, name, _ in given}))} ({reason}); choose other names'
    )


def _instead(cfg: Config, name: str) -> str:
    """Places in a config whose values a variable of this name would be."""
    key = 'pipeline' if name.endswith('_pipeline') else name
    key = 'ann_file' if name.endswith('_list') else key
    paths = list(_places(settings(cfg), key))
    if not paths and name in ('data_root', 'metainfo'):
        paths = [f'{path}.{name}' for path in _places(settings(cfg), 'dataset')]
    paths.sort(key=lambda path: not path.startswith('train'))
    return f'set {", ".join(paths)} instead' if paths else 'see the config for the names that exist'


def _places(node: Any, key: str, path: str = '') -> Iterator[str]:
    """Dotted paths of a key."""
    if isinstance(node, Mapping):
        for name, child in node.items():
            if name == key:
                yield f'{path}{name}'
            yield from _places(child, key, f'{path}{name}.')
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            yield from _places(child, key, f'{path}{index}.')
