"""Build the documentation as a site: `make docs`.

The pages are those of the repository, which GitHub shows too. They are collected in a folder of the
same layout, so that links between them hold, with pages that are made from the code: the functions
of `label_efficient_seg.api`, every verb of `les`, every registered class, and all modules.
"""

import ast
import base64
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import yaml
from docs_roles import plain
from mkdocs.commands.build import build
from mkdocs.config import load_config

import les_cli  # noqa: F401  before the package, which then does not import PyTorch
from label_efficient_seg.cli.main import build_parser

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = 'label_efficient_seg'
TARGET = ROOT / 'build' / 'docs'
LINK = re.compile(r'\]\(([^)#\s]+)[^)]*\)')
# The command line has a page of its own.
NO_PAGE = ('cli', 'templates')


def main() -> None:
    """Collect, complete the navigation, and build; any broken link fails."""
    logging.basicConfig(level='WARNING', format='%(levelname)s %(message)s')
    shutil.rmtree(TARGET, ignore_errors=True)
    start = [ROOT / 'README.md', *(ROOT / 'docs').glob('*.md'), *ROOT.glob('configs/*/README.md')]
    pages = copy_pages(sorted(start))
    notebook = ROOT / 'docs' / 'tutorial.ipynb'
    shutil.copyfile(notebook, TARGET / 'docs' / notebook.name)
    write('docs/tutorial.md', notebook_page(notebook))
    reference = [
        {'Python functions': write('reference/api.md', api_page())},
        {'Commands': write('reference/commands.md', commands_page())},
        {'Registered classes': write('reference/registered.md', registered_page())},
        {'Modules': [{name: write(f'reference/{name}.md', t)} for name, t in module_pages()]},
    ]
    families = [page for page in pages if page.startswith('configs/')]
    written = (ROOT / 'mkdocs.yml').read_text('utf-8')
    others = [p for p in pages if p not in families and f'- {p}\n' not in written]
    config = load_config(str(ROOT / 'mkdocs.yml'))
    config.nav += [{'Configs': families}, {'Reference': reference}, {'More': others}]
    config.plugins.on_startup(command='build', dirty=False)
    build(config)
    config.plugins.on_shutdown()
    print(ROOT / 'build' / 'site' / 'index.html')


def copy_pages(pages: list[Path]) -> list[str]:
    """Copy pages and all files of the repository that they lead to; names of the pages."""
    seen, waiting = set(), list(pages)
    while waiting:
        path = waiting.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        target = TARGET / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        if path.suffix == '.md':
            links = LINK.findall(path.read_text('utf-8'))
            waiting += [(path.parent / link).resolve() for link in links if ':' not in link]
    return sorted(str(path.relative_to(ROOT)) for path in seen if path.suffix == '.md')


def write(name: str, text: str) -> str:
    """Write a page; its name."""
    path = TARGET / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, 'utf-8')
    return name


def notebook_page(path: Path) -> str:
    """A notebook with its outputs as Markdown."""
    parts = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == 'markdown':
            parts.append(cell.source)
            continue
        parts.append(f'```python\n{cell.source}\n```')
        for output in cell.outputs:
            data = output.get('data', {})
            if picture := data.get('image/png'):
                name = f'images/tutorial_{len(parts)}.png'
                (TARGET / 'docs' / 'images').mkdir(parents=True, exist_ok=True)
                (TARGET / 'docs' / name).write_bytes(base64.b64decode(picture))
                parts.append(f'![Output of the cell above]({name})')
            elif text := output.get('text') or data.get('text/plain'):
                parts.append(f'```text\n{text.rstrip()}\n```')
    return '\n\n'.join([*parts, '[The notebook](tutorial.ipynb)', ''])


def api_page() -> str:
    """Functions of the API, in the order of their list."""
    tree = ast.parse((ROOT / PACKAGE / 'api.py').read_text('utf-8'))
    names = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '__all__'
    )
    options = dict(options=dict(members=names, show_root_heading=False))
    return f'# Python functions\n\n::: {PACKAGE}.api\n{indent(yaml.safe_dump(options))}'


def commands_page() -> str:
    """Help of every verb."""
    _, verbs = build_parser()
    parts = ['# Commands']
    parts += [f'## les {v}\n\n```text\n{verbs[v].format_help().strip()}\n```' for v in verbs]
    return '\n\n'.join(parts) + '\n'


def registered_page() -> str:
    """Every class that a config may name, by registry."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / PACKAGE).rglob('*.py')):
        module = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
        for node in ast.parse(path.read_text('utf-8')).body:
            for decorator in getattr(node, 'decorator_list', []):
                call = getattr(decorator, 'func', None)
                if getattr(call, 'attr', '') == 'register_module':
                    first = plain((ast.get_docstring(node) or '').partition('\n')[0])
                    row = f'| [{node.name}][{module}.{node.name}] | {first} |'
                    found.setdefault(call.value.id, []).append(row)
    parts = ['# Registered classes', 'What `type` in a config may be, by registry.']
    for registry, rows in sorted(found.items()):
        table = '\n'.join(['| class | |', '|---|---|', *sorted(rows)])
        parts += [f'## {registry}', table]
    return '\n\n'.join(parts) + '\n'


def module_pages() -> Iterator[tuple[str, str]]:
    """Name and text of a page for each folder of the package."""
    for folder in sorted(path.parent for path in (ROOT / PACKAGE).rglob('__init__.py')):
        parts = folder.relative_to(ROOT).parts
        modules = [path.stem for path in sorted(folder.glob('*.py')) if path.stem[0] != '_']
        if len(parts) == 1 or parts[1] in NO_PAGE or not modules:
            continue
        name = '.'.join(parts[1:])
        blocks = [f'::: {".".join(parts)}.{module}' for module in modules]
        yield name, '\n\n'.join([f'# {name}', *blocks]) + '\n'


def indent(text: str) -> str:
    """As an option of a directive."""
    return ''.join(f'    {line}\n' for line in text.splitlines())


if __name__ == '__main__':
    main()
