"""Where in a config a key stands that nothing reads."""

import functools
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.registry import Registry
from mmseg import registry

from ..core.errors import UnknownArgumentError, UserError
from ..core.suggest import did_you_mean


def unknown_argument(error: TypeError, cfg: Mapping) -> UnknownArgumentError | None:
    """Say where in a config an argument stands that its class does not have.

    Args:
        error (TypeError): What building something of the config raised.
        cfg (Mapping): The config, or the parts of it that are built.

    Returns:
        UnknownArgumentError | None: With the place and the most similar argument; None if the error
        is about something else.
    """
    match = re.search(r"got an unexpected keyword argument '(\w+)'", str(error))
    if match is None:
        return None
    for path, kind in _places(cfg, match[1]):
        known = _arguments(kind)
        if known and match[1] not in known:
            hint = did_you_mean(match[1], known, 'remove it')
            return UnknownArgumentError(f'{path}: {kind} has no argument {match[1]!r}; {hint}')
    return None


def _places(node: Any, key: str, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Dotted paths of a key and the types it is an argument of."""
    if isinstance(node, Mapping):
        if key in node and key != 'type' and isinstance(node.get('type'), str):
            yield '.'.join((*path, key)), node['type']
        for name, child in node.items():
            yield from _places(child, key, (*path, str(name)))
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            yield from _places(child, key, (*path, str(index)))


@functools.cache
def _arguments(kind: str) -> set[str]:
    """Names of the arguments of a registered class and of the classes it inherits from."""
    found = (r.get(kind) for r in vars(registry).values() if isinstance(r, Registry))
    names: set[str] = set()
    for cls in inspect.getmro(next(filter(inspect.isclass, found), object)):
        if '__init__' in vars(cls) and cls is not object:
            names.update(inspect.signature(vars(cls)['__init__']).parameters)
    return names - {'self', 'args', 'kwargs'}


# Their keys are names that a user chooses.
_FREE = {'metainfo', 'custom_keys', 'subsets', 'sizes', 'classes'}


def check_keys(cfg: Any, before: Any, path: str = '') -> None:
    """Refuse misspelt keys that a config or an option adds to what it inherits.

    A key of what is built is compared with the arguments of its class, whose ``**kwargs`` may take
    anything until the training has run for hours; another key with those that were there before.

    Args:
        cfg (Any): The settings of a config, or a part of them.
        before (Any): The same part without what was added; None if there was none.
        path (str): Dotted path of the part.

    Raises:
        UserError: If an added key is similar to one that would have an effect.
    """
    if isinstance(cfg, Mapping):
        old = before if isinstance(before, Mapping) else {}
        kind = cfg.get('type')
        added = cfg.keys() - old.keys() - {'type'}
        known = set(old)
        if added and isinstance(kind, str):
            known = _arguments(kind)
        for key, value in cfg.items():
            where = f'{path}{key}'
            if key in added - known:
                hint = did_you_mean(str(key), known, '', cutoff=0.8)
                if hint:
                    owner = f' of {kind}' if isinstance(kind, str) else ''
                    raise UserError(f'{where}: there is no {key!r}{owner}; {hint}')
            if key not in _FREE:
                check_keys(value, old.get(key), f'{where}.')
    elif isinstance(cfg, (list, tuple)):
        same = isinstance(before, (list, tuple)) and len(before) == len(cfg)
        for index, value in enumerate(cfg):
            check_keys(value, before[index] if same else None, f'{path}{index}.')
