"""Program that becomes another one, which ends when the process that started it is killed.

A workflow starts its stages with it: ``python die_with_parent.py PARENT_PID COMMAND ...``. Linux
then sends SIGTERM to the command when its parent ends for whatever reason, SIGKILL included; other
systems have no such signal. It imports nothing of this package, since it starts before each stage.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for the signal, and become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before it was asked
            sys.exit('the workflow has ended')
    os.execvp(command[0], command)


if __name__ == '__main__':
    main()
