"""Configs in checkpoints, read as data."""

import ast
import math
from typing import Any


def read_config_text(text: str) -> dict[str, Any]:
    """Read the text of a config as MMEngine writes it into checkpoints.

    ``Config.fromstring`` would run it as a program. Here only literals and calls of ``dict`` have a
    meaning.

    Args:
        text (str): Lines of the form ``name = value``.

    Returns:
        dict[str, Any]: The values by name.

    Raises:
        ValueError: If there is anything else in the text.
    """
    values = {}
    for statement in ast.parse(text).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            raise ValueError(f'line {statement.lineno} assigns no value to a name')
        values[statement.targets[0].id] = _value(statement.value)
    return values


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        # Names that are no identifiers stand in a dict within the call.
        named = _value(node.args[0]) if len(node.args) == 1 else {}
        if isinstance(named, dict) and all(keyword.arg for keyword in node.keywords):
            return named | {str(k.arg): _value(k.value) for k in node.keywords}
    if isinstance(node, ast.Dict) and all(node.keys):
        return {
            ast.literal_eval(key): _value(value)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [_value(item) for item in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.Name) and node.id in ('inf', 'nan'):
        return getattr(math, node.id)
    return ast.literal_eval(node)
