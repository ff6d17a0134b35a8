"""The file of a config with those that it inherits from, and what each variable is in them."""

import ast
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

# What runners and tools read; every other name of a config is a variable.
SETTINGS = {
    *inspect.signature(Runner.__init__).parameters,
    *('tta_model', 'tta_pipeline', 'model_wrapper_cfg', 'find_unused_parameters', 'sync_bn'),
    *('custom_imports', 'runner_type', 'compile', 'efficient_conv_bn_eval'),
}
ENVIRONMENT = re.compile(r'\{\{\s*\$(\w+)\s*:\s*(\S*?)\s*\}\}')
Values = Mapping[str, str]  # of variables, in Python's notation


def check_quotable(folder: Path) -> None:
    """Refuse a folder that MMEngine could not put in place of ``{{ fileDirname }}``.

    Args:
        folder (Path): Folder of a config.

    Raises:
        UserError: If its name would end the quotes around it, or change.
    """
    if odd := [mark for mark in "'\\" if mark in str(folder)]:
        raise UserError(
            f"the folder '{folder}' has {odd[0]} in its name, which no config can name by "
            '{{ fileDirname }}; rename it'
        )


def is_shipped(path: str | Path) -> bool:
    """Whether a config is one of this package's own, which its tests check.

    Args:
        path (str | Path): Config file.

    Returns:
        bool: Whether the file stands in the folder of configs.
    """
    return resource_root() / 'configs' in Path(path).expanduser().resolve().parents


@dataclass(frozen=True)
class ConfigFile:
    """A config file and those that it inherits from."""

    path: Path
    tree: ast.Module
    bases: tuple['ConfigFile', ...]

    @classmethod
    def parse(cls, path: Path) -> 'ConfigFile':
        """Read a file and its bases; one that is no Python has no variables."""
        path = path.expanduser().resolve()
        text = path.read_text(encoding='utf-8')
        if path.suffix != '.py' or 'read_base' in text:  # it has no variables of this kind
            return cls(path, ast.Module([], []), ())
        written, text = text, re.sub(r'\{\{\s*fileDirname\s*\}\}', lambda _: str(path.parent), text)
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            if text != written:
                check_quotable(path.parent)
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

    def chain(self) -> Iterator['ConfigFile']:
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
            own = {name: text for name in own if (text := literal(cfg[name]))}
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
    """An environment variable may name a base, or the folder that it stands below."""
    return ENVIRONMENT.sub(lambda match: os.environ.get(match[1], match[2]), name)


def _base(name: str) -> str:
    """What to write in place of a base that is not there."""
    if '::' in name:
        return f'give the path of the file in place of {name.partition("::")[0]!r}::, or copy it'
    for variable, default in ENVIRONMENT.findall(name):
        if default and variable in os.environ:
            value = os.environ[variable]
            return f"the environment has {variable}={value}; unset it for '{default}'"
    shipped = name.split('../')[-1]
    if (resource_root() / 'configs' / shipped).is_file():
        return (
            f"write '{{{{$LABEL_EFFICIENT_SEG_CONFIGS:}}}}/{shipped}' for the one of this package"
        )
    return 'a path is relative to the folder of the config that names it'


def literal(value: Any) -> str | None:
    """A value in Python's notation; None for what has none."""
    text = repr(value)
    try:
        return text if ast.literal_eval(text) == value else None
    except (ValueError, SyntaxError):
        return None
