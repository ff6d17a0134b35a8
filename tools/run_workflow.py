"""Run a workflow: the same as ``les run``."""

import sys

from label_efficient_seg.cli.main import main

if __name__ == '__main__':
    sys.exit(main(['run', *sys.argv[1:]]))
