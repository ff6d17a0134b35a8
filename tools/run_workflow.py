"""Run a workflow: the same as ``les run``."""

import sys

from les_cli import main

if __name__ == '__main__':
    sys.exit(main(['run', *sys.argv[1:]]))
