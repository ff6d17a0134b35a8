"""Loads a config so that a variable which it sets reaches what its bases make of that variable.

MMEngine evaluates a base before the config that inherits from it: ``crop_size = (65, 65)`` below
``_base_`` comes too late for the pipelines of the base. :func:`read_config` therefore evaluates the
files again, with the new value in place of each assignment to a variable that a later file or an
option has changed. A variable that is without effect even then is refused.
"""

import ast
import copy
import inspect
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from .config_index import resource_root
from .errors import MissingFileError, UserError
from .quiet import quiet_logger
from .suggest import did_you_mean

# What runners and tools read; every other name of a config is a variable.
SETTINGS = {
    *inspect.signature(Runner.__init__).parameters,
    *('tta_model', 'tta_pipeline', 'model_wrapper_cfg', 'find_unused_parameters', 'sync_bn'),
    *('custom_imports', 'runner_type', 'compile', 'efficient_conv_bn_eval'),
}
Values = Mapping[str, str]  # of variables, in Python's notation


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
    file = _File.parse(path)
    plain = Config.fromfile(path)
    _check_names(file, plain, options)
    final = copy.deepcopy(plain)
    final.merge_from_dict(options)
    roots = {key.partition('.')[0] for key in options} - SETTINGS
    values = {name: text for name in roots if (text := _literal(final[name]))}
    if not values and not any(part.overridden() for part in file.chain()):
        return final
    try:
        cfg = file.evaluate(values, options)
    except Exception as error:  # a config may raise anything
        raise _clash(file, values, options, error) from error
    bases = read_inherited(path)
    for name in sorted(roots | file.overridden()):
        old = _literal((plain if name in roots else bases)[name])
        if old is None or old == _literal(cfg[name]):
            continue
        without = file.evaluate({**values, name: old}, options)
        if settings(without) == settings(cfg):
            raise UserError(f'{name!r} is set, but nothing here uses it; {_instead(cfg, name)}')
    return Config(cfg.to_dict(), filename=str(path))


def is_shipped(path: str | Path) -> bool:
    """Whether a config is one of this package's own, which its tests check.

    Args:
        path (str | Path): Config file.

    Returns:
        bool: Whether the file stands in the folder of configs.
    """
    return resource_root() / 'configs' in Path(path).expanduser().resolve().parents


def read_inherited(path: str | Path) -> Config:
    """Load what the settings of a user are compared with.

    Args:
        path (str | Path): Config file.

    Returns:
        Config: The bases alone of a user's config; a config of this package, or one without bases,
        as it is.
    """
    file = _File.parse(Path(path))
    with quiet_logger():
        if is_shipped(path) or not file.bases:
            return Config.fromfile(path)
        with tempfile.TemporaryDirectory() as folder:
            bases = Path(folder) / 'bases.py'
            bases.write_text(f'_base_ = {[str(base.path) for base in file.bases]}\n')
            return Config.fromfile(bases)


@dataclass(frozen=True)
class _File:
    """A config file and those that it inherits from."""

    path: Path
    tree: ast.Module
    bases: tuple['_File', ...]

    @classmethod
    def parse(cls, path: Path) -> '_File':
        path = path.expanduser().resolve()
        text = path.read_text(encoding='utf-8')
        if path.suffix != '.py' or 'read_base' in text:  # it has no variables of this kind
            return cls(path, ast.Module([], []), ())
        text = re.sub(r'\{\{\s*fileDirname\s*\}\}', str(path.parent), text)
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            raise UserError(f"config '{path}', line {error.lineno}: {error.msg}") from error
        found = [ast.literal_eval(_value(node)) for node in tree.body if _target(node) == '_base_']
        names = [found[0]] if found and isinstance(found[0], str) else (found or [[]])[0]
        paths = [path.parent / _with_environment(name) for name in names]
        for name, base in zip(names, paths, strict=True):
            if not base.expanduser().is_file():
                raise MissingFileError(
                    f"config '{path}' inherits from {name!r}, which does not exist; {_base(name)}"
                )
        return cls(path, tree, tuple(cls.parse(base) for base in paths))

    def chain(self) -> Iterator['_File']:
        """All files, bases first."""
        for base in self.bases:
            yield from base.chain()
        yield self

    def assigned(self) -> set[str]:
        """Variables that this file sets."""
        return {name for node in self.tree.body if (name := _target(node))} - SETTINGS - {'_base_'}

    def inherited(self) -> set[str]:
        """Variables that its bases set."""
        return set().union(*(part.assigned() for base in self.bases for part in base.chain()))

    def overridden(self) -> set[str]:
        """Variables that it sets anew. Shipped configs see to their bases themselves."""
        return set() if is_shipped(self.path) else self.assigned() & self.inherited()

    def unused(self) -> list[str]:
        """Variables that it sets, but neither it nor a base reads."""
        names = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
        # A config without bases may be what a run has written, with the value of every variable.
        return sorted(self.assigned() - self.inherited() - read) if self.bases else []

    def taken_over(self, own: bool) -> dict[str, str]:
        """Variables that a file made a setting of, as in ``model = _base_.advsemi``."""
        found = {}
        parts = [part for part in self.chain() if own or part is not self]
        for node in (node for part in parts for node in part.tree.body):
            if (target := _target(node)) not in SETTINGS:
                continue
            value = _value(node)
            if isinstance(value, ast.Call) and _is_name(value.func, 'dict') and value.args:
                value = value.args[0]
            if isinstance(value, ast.Attribute) and _is_name(value.value, '_base_'):
                found[value.attr] = target
        return {name: target for name, target in found.items() if name not in SETTINGS}

    def first_key(self, name: str) -> str:
        """First key of the dict that this file assigns to a variable."""
        (*_, node) = (node for node in self.tree.body if _target(node) == name)
        return next((word.arg for word in getattr(_value(node), 'keywords', ()) if word.arg), '*')

    def evaluate(self, values: Values, options: Mapping[str, Any], kept: str = '') -> Config:
        """The config if every assignment to a variable had given it this value.

        Bases see also the values of variables that a later file sets anew, apart from one.
        """
        with tempfile.TemporaryDirectory() as folder:
            cfg = Config.fromfile(self._write(values, Path(folder), kept))
        cfg.merge_from_dict(dict(options))
        return cfg

    def _write(self, values: Values, folder: Path, kept: str) -> str:
        """Write copies of all files with these values, and to its bases also its own."""
        if not self.tree.body:
            return str(self.path)
        path = self._write_copy(values, values, folder, kept)
        if own := self.overridden() - {kept, *values}:
            cfg = Config.fromfile(path)
            own = {name: text for name in own if (text := _literal(cfg[name]))}
            path = self._write_copy(values, {**own, **values}, folder, kept)
        return path

    def _write_copy(self, values: Values, inherited: Values, folder: Path, kept: str) -> str:
        folder.mkdir(exist_ok=True)
        bases = [base._write(inherited, folder / str(i), kept) for i, base in enumerate(self.bases)]
        lines = []
        for node in self.tree.body:
            name = _target(node)
            text = repr(bases) if name == '_base_' else values.get(name)
            if name in values:  # with `a.b` for `a['b']`, as what a base gives
                text = f"__import__('mmengine').ConfigDict(value={text}).value"
            lines.append(ast.unparse(node) if text is None else f'{name} = {text}')
        path = folder / self.path.name
        path.write_text('\n'.join(lines), encoding='utf-8')
        return str(path)


def _target(node: ast.stmt) -> str:
    """Name of the variable that a statement sets; empty for another statement."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return node.targets[0].id if isinstance(node.targets[0], ast.Name) else ''
    return ''


def _value(node: ast.stmt) -> ast.expr:
    assert isinstance(node, ast.Assign)
    return node.value


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _with_environment(name: str) -> str:
    """A base may stand below a folder that an environment variable names."""
    pattern = r'\{\{\s*\$(\w+)\s*:\s*(\S*?)\s*\}\}'
    return re.sub(pattern, lambda match: os.environ.get(match[1], match[2]), name)


def _base(name: str) -> str:
    """What to write in place of a base that is not there."""
    if '::' in name:
        return f'give the path of the file in place of {name.partition("::")[0]!r}::, or copy it'
    shipped = name.split('../')[-1]
    if (resource_root() / 'configs' / shipped).is_file():
        return (
            f"write '{{{{$LABEL_EFFICIENT_SEG_CONFIGS:}}}}/{shipped}' for the one of this package"
        )
    return 'a path is relative to the folder of the config that names it'


def _literal(value: Any) -> str | None:
    """A value in Python's notation; None for what has none."""
    text = repr(value)
    try:
        return text if ast.literal_eval(text) == value else None
    except (ValueError, SyntaxError):
        return None


def settings(cfg: Config) -> dict:
    """What runners and tools read of a config."""
    return {key: value for key, value in cfg.to_dict().items() if key in SETTINGS}


def _check_names(file: _File, cfg: Config, options: Mapping[str, Any]) -> None:
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


def _clash(file: _File, values: Values, options: Mapping[str, Any], error: Exception) -> UserError:
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
