"""Convert DeconvNet weights that were released for Caffe, from a file of exported blobs.

Example::

    python tools/model_converters/deconvnet.py deconvnet.npz data/weights/deconvnet_voc.pth
"""

import argparse
import pprint


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', help='.npz or HDF5 file of blobs, named layer/index')
    parser.add_argument('target', help='.pth file to write')
    return parser.parse_args()


def main() -> None:
    """Convert, and print the config of the model and what was filled in."""
    args = parse_args()
    from label_efficient_seg.converters import convert_deconvnet_file
    from label_efficient_seg.core.errors import readable_errors

    with readable_errors():
        conversion = convert_deconvnet_file(args.source, args.target)
    for note in conversion.notes:
        print(f'note: {note}')
    print(f'model = {pprint.pformat(conversion.model, sort_dicts=False)}')
    print(args.target)


if __name__ == '__main__':
    main()
