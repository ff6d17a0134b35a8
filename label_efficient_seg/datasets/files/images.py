"""The one place where image files are decoded: every error names the file."""

import os
from io import BytesIO
from typing import Any

import cv2
import mmcv
import mmengine.fileio as fileio
import numpy as np
from PIL import Image, TiffImagePlugin

from ...core.errors import FileError, MissingFileError

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')

MOST_PIXELS = 1 << 27
"""Of a kind of image that Pillow cannot open; its own limit for others is similar."""

MOST_PIXELS_PER_BYTE = 1 << 14
"""More than a file of :data:`SIMPLE_KINDS` can hold: zlib, of PNG, packs 1032 bytes into one, and a
byte has 8 pixels at most."""

SIMPLE_KINDS = (b'\x89PNG', b'\xff\xd8', b'BM', b'GIF8', b'P4', b'P5', b'P6')
TIFF = (b'II*\0', b'MM\0*')
TIFF_WIDTH, TIFF_HEIGHT = 256, 257
ADVICE = 'replace it or take it off the list; les check CONFIG finds all such files'


def read_image(
    path: str | os.PathLike,
    name: str | None = None,
    *,
    backend_args: dict | None = None,
    **kwargs: Any,
) -> np.ndarray:
    """Read an image file.

    Args:
        path (str | os.PathLike): The file.
        name (str, optional): How messages name it. Defaults to image and path.
        backend_args (dict, optional): Of MMEngine's file backends.
        **kwargs: Of :func:`decode_image`.

    Returns:
        np.ndarray: As of :func:`decode_image`.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it cannot be read or decoded.
    """
    name = name or f"image '{path}'"
    try:
        content = fileio.get(path, backend_args=backend_args)
    except FileNotFoundError as error:
        raise MissingFileError(
            f'{name} does not exist; check data_root and data_prefix, or run les check CONFIG'
        ) from error
    except PermissionError:
        raise  # its own message names the file
    except Exception as error:  # file backends raise many types
        raise FileError(f'{name} cannot be read: {error}') from error
    return decode_image(content, name, **kwargs)


def decode_image(
    content: bytes,
    name: str,
    flag: str = 'color',
    channel_order: str = 'bgr',
    backend: str = 'cv2',
) -> np.ndarray:
    """Decode an image as MMCV does, once its header is found to be plausible.

    Args:
        content (bytes): The file.
        name (str): How messages name it.
        flag (str): As of ``mmcv.imfrombytes``.
        channel_order (str): As of ``mmcv.imfrombytes``.
        backend (str): As of ``mmcv.imfrombytes``.

    Returns:
        np.ndarray: Shape (H, W, 3), or (H, W) of a mask with ``flag='unchanged'``.

    Raises:
        OSError: If it is damaged, of an unknown kind, or announces more pixels than it can hold.
    """
    if not content:
        raise FileError(f'{name} is empty; {ADVICE}')
    check_announced_size(content, name)
    reason = ''
    try:
        # MMCV would turn the channels of None, which OpenCV gives for a damaged file.
        image = mmcv.imfrombytes(content, flag=flag, channel_order='bgr', backend=backend)
    except Exception as error:  # decoders raise many types, none of which names the file
        image, reason = None, f' ({error})'
    if image is None:
        if content.startswith(TIFF) and (kind := _unsupported_pixels(content)):
            raise FileError(
                f'{name} is a TIFF of {kind}, which are not supported; convert it, scaled to 0 '
                'to 255, to 8 bits'
            )
        raise FileError(f'{name} is damaged or no image{reason}; {ADVICE}')
    if channel_order == 'rgb':
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, image)
    return image


def check_announced_size(content: bytes, name: str) -> None:
    """Refuse an image whose header announces far more than the file holds, before decoding.

    Args:
        content (bytes): The file.
        name (str): How messages name it.

    Raises:
        OSError: If it announces too many pixels.
    """
    try:
        # This reads the header only, and refuses more than 179 million pixels.
        with Image.open(BytesIO(content)) as image:
            width, height = image.size
    except Image.DecompressionBombError as error:
        raise FileError(f'{name} is not read: {error}; {ADVICE}') from error
    except Exception as error:  # decoders raise many types
        # OpenCV would believe any size in a damaged header. Of TIFF, it reads more than Pillow.
        if content.startswith(SIMPLE_KINDS) or (
            content.startswith(TIFF) and not _is_plausible_tiff(content)
        ):
            raise FileError(f'{name} is damaged or no image ({error}); {ADVICE}') from error
        return
    if content.startswith(SIMPLE_KINDS) and width * height > MOST_PIXELS_PER_BYTE * len(content):
        raise FileError(
            f'{name} announces {width} x {height} pixels, which its {len(content):,} bytes '
            f'cannot hold; {ADVICE}'
        )


def _is_plausible_tiff(content: bytes) -> bool:
    tags = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
    file = BytesIO(content)
    try:
        file.seek(tags.next)
        tags.load(file)
        return tags[TIFF_WIDTH] * tags[TIFF_HEIGHT] <= MOST_PIXELS
    except Exception:  # a damaged directory ends in any of a dozen types
        return False


def _unsupported_pixels(content: bytes) -> str | None:
    """What the pixels of a sound file are that is not loaded as an image."""
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if image is None or image.dtype.itemsize <= 2:
        return None
    return 'floats' if image.dtype.kind == 'f' else f'integers of {8 * image.dtype.itemsize} bits'
