"""SHA-256 digests of settings, texts and files, in hexadecimal."""

import hashlib
import json
import os
from typing import Any


def digest(settings: Any) -> str:
    """Digest of nested settings, whatever the order of their keys.

    Args:
        settings (Any): What JSON can hold; anything else counts by its ``repr``.
    """
    return text_digest(json.dumps(settings, sort_keys=True, default=repr))


def text_digest(text: str) -> str:
    """Digest of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: str | os.PathLike) -> str:
    """Digest of a file's bytes, as ``sha256sum`` prints it; the file may exceed the memory.

    Args:
        path (str | os.PathLike): The file.

    Raises:
        OSError: If it cannot be read.
    """
    found = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()
