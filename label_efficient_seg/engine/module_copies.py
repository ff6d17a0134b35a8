"""Copies of modules with all that they import, as a package that stands alone."""

import ast
import importlib
import inspect
from collections.abc import Iterable
from importlib.util import find_spec, resolve_name
from pathlib import Path

from ..core.errors import UserError


def copy_modules(modules: Iterable[str]) -> dict[str, str]:
    """Sources of modules of a package and of what they import from it.

    Copies keep their relative paths, so relative imports work as before. The ``__init__`` of a
    folder only imports the names that a copied module takes from it, and classes are in no
    registry, so copies neither replace nor disturb the originals.

    Args:
        modules (Iterable[str]): Names such as ``'label_efficient_seg.models.decode_heads.x'``, all
            of one package.

    Returns:
        dict[str, str]: Source by relative path such as ``'models/decode_heads/x.py'``, with an
        ``__init__.py`` in each folder; empty without modules.

    Raises:
        ValueError: If a module imports its own package by its absolute name, which a copy cannot.
    """
    copies = _Copies()
    for module in modules:
        copies.add(module)
    return copies.files()


class _Copies:
    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        self.imports: dict[str, set[str]] = {}  # lines of the __init__ of a package

    def add(self, module: str) -> None:
        if module in self.sources:
            return
        text = inspect.getsource(importlib.import_module(module))
        self.sources[module] = _without_registration(text)
        for target, node in _own_imports(text, module):
            for alias in node.names:
                self.add_import(target, alias.name)

    def add_import(self, target: str, name: str) -> None:
        if not _is_package(target):
            self.add(target)
        elif name != '*' and find_spec(f'{target}.{name}'):
            self.add(f'{target}.{name}')
        else:
            self.add_import_of_package(target, name)

    def add_import_of_package(self, package: str, name: str) -> None:
        text = inspect.getsource(importlib.import_module(package))
        for origin, node in _own_imports(text, package):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    line = ast.unparse(ast.ImportFrom(node.module, [alias], node.level))
                    self.imports.setdefault(package, set()).add(line)
                    self.add_import(origin, alias.name)
                    return
        self.add(package)  # which defines the name itself

    def files(self) -> dict[str, str]:
        packages = {
            module.rsplit('.', depth)[0]
            for module in self.sources
            for depth in range(1, module.count('.') + 1)
        }
        contents = {
            package: '\n'.join([*sorted(self.imports.get(package, ())), '']) for package in packages
        }
        contents.update(self.sources)
        return {_relative_path(name): contents[name] for name in sorted(contents)}


def _own_imports(text: str, module: str) -> list[tuple[str, ast.ImportFrom]]:
    """Relative imports of a module, each with the absolute name of what it imports from."""
    root = module.partition('.')[0]
    package = module if _is_package(module) else module.rpartition('.')[0]
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level:
            found.append((resolve_name('.' * node.level + (node.module or ''), package), node))
            continue
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        module_of = [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        names = module_of or [alias.name for alias in node.names]
        if any(name.partition('.')[0] == root for name in names):
            raise UserError(
                f'{module} imports {root} by its absolute name in line {node.lineno}, and so '
                'cannot be copied; import it relatively'
            )
    return found


def _without_registration(text: str) -> str:
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)):
        for decorator in getattr(node, 'decorator_list', ()):
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Attribute) and called.attr == 'register_module':
                for number in range(decorator.lineno - 1, decorator.end_lineno):
                    lines[number] = ''
    return ''.join(lines)


def _is_package(module: str) -> bool:
    spec = find_spec(module)
    return spec is not None and spec.submodule_search_locations is not None


def _relative_path(module: str) -> str:
    path = Path(*module.split('.')[1:])
    return str(path / '__init__.py' if _is_package(module) else path.with_suffix('.py'))
