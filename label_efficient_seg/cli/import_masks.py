"""Read masks that another tool wrote into PNG files of class indices.

Pixels without a region become 255, which no loss and no metric reads. Kinds are those of les
export.

Examples::

    les import label-studio export.json --out masks --classes background crack joint
    les import cvat unzipped/ --out masks
"""

import argparse

from .export_masks import KINDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    parser.add_argument('kind', choices=KINDS)
    parser.add_argument('source', help='JSON file, or unzipped folder of cvat')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--classes', nargs='+', metavar='NAME', help='by index; default: in the order of the source'
    )
    parser.add_argument('--prefix', default='', help="what stands before the photos' names")


def run(args: argparse.Namespace) -> None:
    """Import, and print the classes."""
    from .. import api

    classes = api.import_masks(
        args.kind, args.source, args.out, classes=args.classes, prefix=args.prefix
    )
    for index, name in enumerate(classes):
        print(f'{index:3} {name}')
