"""Test a model, as MMSegmentation's tool of this name: the same as ``les test``."""

import sys

from les_cli import main

if __name__ == '__main__':
    sys.exit(main(['test', *sys.argv[1:]]))
