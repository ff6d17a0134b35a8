r"""Write masks in the form of a tool in which people correct them.

Kinds are coco, a JSON file of run lengths; label-studio, a JSON file of tasks with predictions, and
an .xml file with the labels; cvat, a folder for its format "Segmentation mask 1.1".

Examples::

    les export label-studio predictions/ photos/ --out tasks.json --skip background \
        --prefix '/data/local-files/?d=photos/'
    les export coco masks/ photos/ --out masks.json --classes background crack joint
"""

import argparse

KINDS = ('coco', 'label-studio', 'cvat')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    parser.add_argument('kind', choices=KINDS)
    parser.add_argument('masks', help='folder that les predict wrote, or folder of index masks')
    parser.add_argument('photos', nargs='+', help='the photos, as given to les predict')
    parser.add_argument('--out', required=True, help='file, or folder of cvat, to write')
    parser.add_argument(
        '--classes', nargs='+', metavar='NAME', help='by index; default: those of les predict'
    )
    parser.add_argument(
        '--skip', nargs='+', default=[], metavar='NAME', help='classes to write no regions of'
    )
    parser.add_argument('--prefix', default='', help="what stands before the photos' names")


def run(args: argparse.Namespace) -> None:
    """Export."""
    from .. import api

    number = api.export_masks(
        args.kind,
        args.masks,
        args.photos,
        args.out,
        classes=args.classes,
        skip=args.skip,
        prefix=args.prefix,
    )
    print(f"{number} masks are in '{args.out}'")
