"""Imports inside the package run one way; the table here is the one in docs/architecture.md."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'label_efficient_seg'

FILES = ('datasets/files',)
DATA = (*FILES, 'datasets/proposals', 'datasets/transforms', 'datasets')
NETWORKS = ('models/losses', 'models/generators')

#: Which folder may import which others. Modules right in `datasets`, `models` and `engine` are a
#: folder of their own here.
ALLOWED: dict[str, tuple[str, ...]] = {
    'core': (),
    'ops': ('core',),
    'datasets/files': ('core',),
    'datasets/toy': ('core',),
    'datasets/samplers': ('core',),
    'datasets/proposals': ('core', 'datasets/files'),
    'datasets/transforms': ('core', 'ops', 'datasets/files', 'datasets/proposals'),
    'datasets': ('core', 'ops', 'datasets/samplers', 'datasets/toy', *DATA[:-1]),
    'datasets/checks': ('core', *DATA),
    'evaluation': ('core', 'ops', *FILES),
    'visualization': ('core',),
    'models/backbones': ('core', 'ops'),
    'models/losses': ('core', 'ops'),
    'models/generators': ('core', 'ops'),
    'models/discriminators': ('core', 'ops'),
    'models/cls_heads': ('core', 'ops'),
    'models/data_preprocessors': ('core', 'ops'),
    'models/decode_heads': ('core', 'ops', *FILES, 'models/losses'),
    'models/segmentors': ('core', 'ops', *FILES, *NETWORKS),
    'models/wrappers': ('core', 'models/segmentors'),
    'engine/optimizers': ('core',),
    'engine/loops': ('core', 'datasets'),
    'engine': ('core', 'ops'),
    'engine/hooks': (
        'core', 'ops', *FILES, 'datasets/transforms', 'datasets', 'datasets/checks',
        'evaluation', 'visualization', 'models/cls_heads', 'engine', 'engine/loops',
    ),
    'jobs': ('core', 'ops', *DATA, 'datasets/checks', 'evaluation', 'visualization', 'engine'),
    'workflows': ('core', 'datasets/files', 'evaluation', 'visualization', 'engine', 'jobs'),
    'projects': ('core', 'datasets/checks', 'datasets/files', 'engine'),
    'converters': ('core', 'datasets/files', 'datasets'),
    'converters/annotations': ('core', 'datasets/files', 'visualization'),
    'cli': ('core', 'datasets/files', 'datasets/checks', 'converters', 'converters/annotations'),
}  # fmt: skip


def imports() -> list[tuple[str, str, str]]:
    """Folder, imported folder and place of every relative import between two folders."""
    found = []
    for path in sorted(PACKAGE.rglob('*.py')):
        parts = path.relative_to(PACKAGE).parts
        if len(parts) == 1:  # the package itself
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = [*parts[:-1][: len(parts) - node.level], *(node.module or '').split('.')]
            names = [base + [alias.name] for alias in node.names]
            for target in {folder([part for part in name if part]) for name in names}:
                if target not in (folder(parts[:-1]), ''):
                    found.append((folder(parts[:-1]), target, f'{"/".join(parts)}:{node.lineno}'))
    # An __init__ makes the names of the folders below it known.
    return [(a, b, place) for a, b, place in found if not is_collection(place, b)]


def folder(parts: list[str] | tuple[str, ...]) -> str:
    """The longest entry of the table that a dotted name begins with."""
    names = ['/'.join(parts[:length]) for length in (2, 1)]
    return next((name for name in names if name in ALLOWED), '')


def is_collection(place: str, target: str) -> bool:
    parent, init, _ = place.partition('/__init__.py')
    return bool(init) and target.startswith(f'{parent}/')


def table() -> str:
    """The table as docs/architecture.md shows it."""
    lines = ['| folder | may import |', '|---|---|']
    for name, others in ALLOWED.items():
        lines.append(f'| `{name}` | {", ".join(f"`{other}`" for other in others) or "-"} |')
    return '\n'.join(lines)


def test_every_import_is_in_the_table():
    found = imports()
    assert len(found) > 200
    wrong = [f'{place} imports {b}' for a, b, place in found if b not in ALLOWED.get(a, ())]
    assert wrong == []


def test_the_table_has_no_circle_and_no_stranger():
    assert set(TopologicalSorter(ALLOWED).static_order()) == set(ALLOWED)  # or a CycleError
    for name in ALLOWED:
        assert any((PACKAGE / name).glob('*.py')), name


@pytest.mark.parametrize('folder', sorted({name.split('/')[0] for name in ALLOWED}))
def test_every_folder_of_the_package_is_in_the_table(folder):
    below = {path.parent.name for path in (PACKAGE / folder).glob('*/*.py')}
    known = {name.split('/')[1] for name in ALLOWED if name.startswith(f'{folder}/')}
    assert below == known


def test_the_page_shows_the_table():
    page = (ROOT / 'docs' / 'architecture.md').read_text(encoding='utf-8')
    assert table() in page, f'put this into docs/architecture.md:\n{table()}'
