"""Execute a notebook again and write it back with small outputs: `make notebook`."""

import argparse
import base64
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = 100_000
"""Of a picture."""


def clean(notebook: nbformat.NotebookNode) -> None:
    """Leave out what changes with every run: progress, counters and times."""
    notebook.metadata = dict(kernelspec=dict(name='python3', display_name='Python 3'))
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type != 'code':
            continue
        cell.execution_count = None
        cell.outputs = [out for out in cell.outputs if out.get('name') != 'stderr']
        for output in cell.outputs:
            if 'execution_count' in output:  # the format asks for it
                output.execution_count = None
            if picture := output.get('data', {}).get('image/png'):
                size = len(base64.b64decode(picture))
                if size > MOST_BYTES:
                    raise SystemExit(f'a picture has {size} bytes; show a smaller one')


def main() -> None:
    """Execute in the root of the repository, where work_dirs is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('notebook', nargs='?', type=Path, default=ROOT / 'docs' / 'tutorial.ipynb')
    path = parser.parse_args().notebook
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=3600, resources=dict(metadata=dict(path=str(ROOT)))).execute()
    clean(notebook)
    nbformat.write(notebook, path)


if __name__ == '__main__':
    main()
