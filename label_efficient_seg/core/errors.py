"""Errors that a person can fix: each names the thing, its value and what to do.

The command line prints them as one line. Every class also is the built-in error that fits, so that
callers in Python need not know this module.
"""


class UserError(ValueError):
    """A setting, a file or a folder is not as it must be."""


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
