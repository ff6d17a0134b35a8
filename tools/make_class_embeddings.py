"""Vectors of classes: python tools/make_class_embeddings.py VECTORS --classes ... --out FILE."""

import argparse
import sys
from pathlib import Path


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Make the class embeddings that zero-shot learning needs from a local file of '
        'word vectors: word2vec (binary or text), GloVe (text) or fastText (.vec), also packed by '
        'gzip. The vector of a class is the mean of those of the words of its name.'
    )
    parser.add_argument('vectors', help='file of word vectors')
    names = parser.add_mutually_exclusive_group(required=True)
    names.add_argument('--classes', nargs='+', metavar='NAME', help='names of the classes')
    names.add_argument('--classes-file', help='file with one name per line')
    parser.add_argument('--out', required=True, help='.npz file to write')
    parser.add_argument(
        '--alias',
        action='append',
        default=[],
        metavar='NAME=WORDS',
        help='other words for a class, as in "tvmonitor=tv monitor"; may be repeated',
    )
    args = parser.parse_args()
    if faulty := [alias for alias in args.alias if '=' not in alias]:
        parser.error(f'--alias {faulty[0]!r} is not of the form NAME=WORDS')
    if not args.out.endswith('.npz'):
        parser.error(f"--out '{args.out}' does not end in .npz")
    return args


def main() -> int:
    """Write the file.

    Returns:
        int: Exit status, 1 if a word is missing or a file is faulty.
    """
    args = parse_args()
    from label_efficient_seg.datasets.files.make_class_embeddings import make_class_embeddings
    from label_efficient_seg.datasets.files.splits import parse_split

    aliases = dict(alias.split('=', 1) for alias in args.alias)
    try:
        classes = args.classes
        if classes is None:
            classes = parse_split(Path(args.classes_file).read_text(encoding='utf-8'))
        matrix = make_class_embeddings(args.vectors, classes, args.out, aliases)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f"{len(matrix)} classes, {matrix.shape[1]} numbers each, in '{args.out}'")
    return 0


if __name__ == '__main__':
    sys.exit(main())
