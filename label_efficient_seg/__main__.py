"""``python -m label_efficient_seg`` is the command ``les``."""

import sys

from .cli.main import main

if __name__ == '__main__':
    sys.exit(main())
