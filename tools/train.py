"""Train a model, as MMSegmentation's tool of this name: the same as ``les train``."""

import sys

from les_cli import main

if __name__ == '__main__':
    sys.exit(main(['train', *sys.argv[1:]]))
