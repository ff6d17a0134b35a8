"""Errors that a person can fix: each names the thing, its value and what to do.

The command line prints them as one line. Every class also is the built-in error that fits, so that
callers in Python need not know this module.
"""

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .atomic import DISK_FULL

TRACEBACK_VARIABLE = 'LABEL_EFFICIENT_SEG_TRACEBACK'


class UserError(ValueError):
    """A setting, a file or a folder is not as it must be.

    Args:
        message (str): What is wrong and how to fix it. PyTorch makes an error of a data loader's
            worker anew with a whole traceback as its text, and MMEngine puts a class's name before
            it; of such texts, only the original message is kept.
    """

    def __init__(self, message: str = '') -> None:
        # Not above: it needs the whole stack, and this module does not.
        from .stack_internals import original_message

        super().__init__(original_message(message, type(self)))


class MissingFileError(UserError, FileNotFoundError):
    """A file or folder does not exist."""


class ExistingFileError(UserError, FileExistsError):
    """A file or folder exists that would be overwritten."""


class FileError(UserError, OSError):
    """A file cannot be read or written."""


class NotFiniteError(UserError, FloatingPointError):
    """A loss, weight or prediction is NaN or infinite."""


class RunError(UserError, RuntimeError):
    """Something cannot run here or now."""


class UnknownArgumentError(UserError, TypeError):
    """A class has no such argument."""


class MissingPackageError(UserError, ImportError):
    """A package that an option needs is not installed."""


@contextmanager
def readable_errors() -> Iterator[None]:
    """Print errors that a person can fix as one line, without a traceback.

    These are every :class:`UserError`, a full disk, a file without permission, a link in the place
    of a file, and the death of another process. All others, which may be faults of a program, keep
    their traceback. With the environment variable ``LABEL_EFFICIENT_SEG_TRACEBACK`` set, every
    error does.

    Raises:
        SystemExit: With status 1, instead of such an error; with status 130, as shells have it,
            instead of an interruption by the keyboard.
    """
    try:
        yield
    except KeyboardInterrupt:
        _ignore_dead_children()
        print('interrupted', file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        _ignore_dead_children()
        message = str(error) if isinstance(error, UserError) else _foreign_message(error)
        if message is None or os.environ.get(TRACEBACK_VARIABLE):
            raise
        print(f'error: {message}\n({TRACEBACK_VARIABLE}=1 shows the traceback)', file=sys.stderr)
        sys.exit(1)


def _ignore_dead_children() -> None:
    """Let further workers die: PyTorch's handler of the signal raises wherever the program is."""
    if hasattr(signal, 'SIGCHLD') and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _foreign_message(error: Exception) -> str | None:
    """What to do about an error of the system or of another package that people meet."""
    from .stack_internals import is_dead_process, is_dead_worker, is_mixed_sizes, is_single_value

    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return f'the disk is full ({error}). Complete files are kept; make room and run it again'
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return f'{error}; remove the symbolic link'
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f'{error}; change the permissions of the file or folder, or choose another one'
    if is_single_value(error):
        return (
            'batch norm gets one value per channel, as of a single image whose map is 1 x 1, and '
            'cannot learn from it; set the batch_size of each stream to 2 or more '
            f'({error})'
        )
    if is_mixed_sizes(error):
        return (
            'the images of a batch differ in size, which an evaluation cannot pad; set '
            'val_dataloader.batch_size and test_dataloader.batch_size to 1'
        )
    if is_dead_worker(error):
        advice = (
            'a worker that loads data died, as it does when the memory is full; set a smaller '
            'num_workers or batch_size'
        )
    elif is_dead_process(error):
        advice = 'another process of this run died; see why in what it printed'
    else:
        return None
    return f'{advice}. A training goes on with --resume ({" ".join(str(error).split())})'
