r"""Make the vectors of classes that zero-shot learning needs, from a file of word vectors.

The file is word2vec (binary or text), GloVe (text) or fastText (.vec), also packed by gzip. The
vector of a class is the mean of those of the words of its name.

Example::

    les embeddings wiki-news-300d-1M.vec --out own_classes.npz --classes cat hot-dog tvmonitor \
        --alias "tvmonitor=tv monitor"
"""

import argparse
from pathlib import Path

from ..core.errors import MissingFileError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    parser.add_argument('vectors', help='file of word vectors')
    names = parser.add_mutually_exclusive_group(required=True)
    names.add_argument('--classes', nargs='+', metavar='NAME', help='names of the classes')
    names.add_argument('--classes-file', type=Path, help='file with one name per line')
    parser.add_argument('--out', type=_npz, required=True, help='.npz file to write')
    parser.add_argument(
        '--alias',
        action='append',
        type=_alias,
        default=[],
        metavar='NAME=WORDS',
        help='other words for a class, as in "tvmonitor=tv monitor"; may be repeated',
    )


def _alias(word: str) -> list[str]:
    if '=' not in word:
        raise argparse.ArgumentTypeError(f'{word!r} is not of the form NAME=WORDS')
    return word.split('=', 1)


def _npz(word: str) -> str:
    if not word.endswith('.npz'):
        raise argparse.ArgumentTypeError(f"'{word}' does not end in .npz")
    return word


def run(args: argparse.Namespace) -> None:
    """Write the file."""
    from .. import api
    from ..datasets.files.splits import parse_split

    classes = args.classes
    if classes is None:
        if not args.classes_file.is_file():
            raise MissingFileError(f"the file of classes '{args.classes_file}' does not exist")
        classes = parse_split(args.classes_file.read_text(encoding='utf-8'))
    matrix = api.embeddings(args.vectors, classes, args.out, dict(args.alias))
    print(f"{len(matrix)} classes, {matrix.shape[1]} numbers each, in '{args.out}'")
