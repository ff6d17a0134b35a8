"""HTML pages that need no other file."""

import base64
import io
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from ..core.atomic import write_atomically
from ..core.errors import UserError

ImageSource: TypeAlias = str | os.PathLike | bytes | np.ndarray


class Report:
    """Collects text, tables and images and writes them as one HTML file.

    The file needs nothing else: images are embedded, styles are inline, there is no script, and a
    content security policy forbids any request. All text is escaped. Every method returns the
    report, so that calls can be chained::

        Report('Toy data').text('Trained on **1/8** of the labels.').save('report.html')

    Args:
        title (str): Title of the page.
        subtitle (str): Line below it, such as a date or a command.
        max_image_width (int): Wider images are shrunk to this width in pixels.
    """

    def __init__(self, title: str, subtitle: str = '', max_image_width: int = 1600) -> None:
        self.title = title
        self.subtitle = subtitle
        self.max_image_width = max_image_width
        self._parts: list[tuple[str, Any]] = []

    def heading(self, text: str) -> 'Report':
        """Start a section."""
        return self._add('h2', text)

    def text(self, text: str) -> 'Report':
        """Add text in a small part of Markdown.

        Blank lines separate paragraphs; lines that begin with ``- `` form a list; ``## `` and
        ``### `` begin headings; ``**bold**``, ``*emphasis*``, ```code``` and
        ``[links](https://...)`` work within lines. HTML is not interpreted.

        Args:
            text (str): The text.
        """
        for block in re.split(r'\n\s*\n', text.strip()):
            self._parts += _blocks(block)
        return self

    def code(self, text: str, summary: str = '') -> 'Report':
        """Add preformatted text, such as a config, folded behind ``summary`` where that is given.

        Args:
            text (str): The text, kept as it is.
            summary (str): What to click on to see it.
        """
        return self._add('code', dict(text=text, summary=summary))

    def table(
        self,
        headers: Sequence[str],
        rows: Sequence[Sequence[object]],
        caption: str = '',
        digits: int = 2,
    ) -> 'Report':
        """Add a table; columns of numbers are aligned to the right.

        Args:
            headers (Sequence[str]): Column titles.
            rows (Sequence[Sequence[object]]): Cells: text (inline Markdown), numbers, or None for
                an empty cell.
            caption (str): Line above the table.
            digits (int): Decimal places of floats.

        Raises:
            ValueError: If a row has not one cell per header.
        """
        for row in rows:
            if len(row) != len(headers):
                raise UserError(
                    f'the row {list(row)} has {len(row)} cells, but there are {len(headers)} '
                    f'headers {list(headers)}'
                )
        numeric = [
            any(_is_number(row[i]) for row in rows)
            and all(row[i] is None or _is_number(row[i]) for row in rows)
            for i in range(len(headers))
        ]
        cells = [[_format(cell, digits) for cell in row] for row in rows]
        part = dict(headers=headers, rows=cells, numeric=numeric, caption=caption)
        return self._add('table', part)

    def plot(self, image: ImageSource, caption: str, alt: str = '') -> 'Report':
        """Add an image over the whole width.

        Args:
            image (ImageSource): File name, encoded bytes, or RGB array of shape (H, W, 3), uint8.
            caption (str): Line below the image.
            alt (str): Description for readers who do not see it. Defaults to the caption.

        Raises:
            ValueError: If there is neither a caption nor a description.
        """
        return self._add('plot', self._embed(image, caption, alt))

    def gallery(self, images: Sequence[tuple[ImageSource, str]], min_width: int = 320) -> 'Report':
        """Add images side by side, as many per line as the window has room for.

        Args:
            images (Sequence[tuple[ImageSource, str]]): Images and their captions.
            min_width (int): Least width of an image in pixels.
        """
        embedded = [self._embed(image, caption, '') for image, caption in images]
        return self._add('gallery', dict(images=embedded, min_width=int(min_width)))

    def to_html(self) -> str:
        """The whole page."""
        template = _TEMPLATES.get_template('report.html')
        return template.render(title=self.title, subtitle=self.subtitle, parts=self._parts)

    def save(self, path: str | os.PathLike) -> Path:
        """Write the page, atomically.

        Args:
            path (str | os.PathLike): Target file.

        Returns:
            Path: The target file.
        """
        return write_atomically(path, self.to_html())

    def _add(self, kind: str, part: Any) -> 'Report':
        self._parts.append((kind, part))
        return self

    def _embed(self, image: ImageSource, caption: str, alt: str) -> '_Embedded':
        if not (caption or alt):
            raise UserError('an image in a report needs a caption or an alternative text')
        uri, size = embed_image(image, self.max_image_width)
        return _Embedded(uri, size, caption, alt or inline_markdown(caption).striptags())


class _Embedded(NamedTuple):
    """An image as the template needs it."""

    uri: str
    size: tuple[int, int]
    caption: str
    alt: str


def embed_image(source: ImageSource, max_width: int = 1600) -> tuple[str, tuple[int, int]]:
    """Encode an image for embedding: PNG where that is small enough, JPEG otherwise.

    Args:
        source (ImageSource): File name, encoded bytes, or RGB array of shape (H, W, 3), uint8.
        max_width (int): Wider images are shrunk to this width in pixels.

    Returns:
        tuple: The ``data:`` URI, and (width, height) in pixels.
    """
    if isinstance(source, np.ndarray):
        image = Image.fromarray(source)
    else:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
    image = _on_white(image)
    if image.width > max_width:
        height = max(1, round(image.height * max_width / image.width))
        image = image.resize((max_width, height), Image.Resampling.LANCZOS)
    png, jpeg = io.BytesIO(), io.BytesIO()
    image.save(png, 'PNG', optimize=True)
    # Full chroma resolution: halving it smears the edges of painted label maps. Not optimize=True:
    # Pillow's buffer for it is too small for noisy images at that resolution.
    image.save(jpeg, 'JPEG', quality=88, subsampling=0)
    # Plots and label maps compress better as PNG, photos several times worse.
    keep_png = len(png.getvalue()) < 1.5 * len(jpeg.getvalue())
    kind, data = ('png', png) if keep_png else ('jpeg', jpeg)
    encoded = base64.b64encode(data.getvalue()).decode('ascii')
    return f'data:image/{kind};base64,{encoded}', image.size


def _on_white(image: Image.Image) -> Image.Image:
    """RGB, with transparent parts white, as a plot expects and JPEG needs."""
    if image.mode in ('RGBA', 'LA') or 'transparency' in image.info:
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        image = Image.alpha_composite(white, image)
    return image.convert('RGB')


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _format(value: object, digits: int) -> str:
    if value is None:
        return ''
    return f'{value:.{digits}f}' if isinstance(value, (float, np.floating)) else str(value)


_CODE_OR_LINK = re.compile(r'(`[^`]+`|\[[^\]]+\]\((?:https?://|#)[^\s)]+\))')
_STRONG = re.compile(r'\*\*(?=\S)(.+?)(?<=\S)\*\*')
_EMPHASIS = re.compile(r'(?<![\w*])\*(?=[^\s*])(.+?)(?<=[^\s*])\*(?![\w*])')


def inline_markdown(text: str) -> Markup:
    """Escape text and turn Markdown within a line into HTML; code and addresses stay verbatim."""
    parts = _CODE_OR_LINK.split(str(escape(text)))
    for index, part in enumerate(parts):
        if index % 2 == 0:
            part = _STRONG.sub(r'<strong>\1</strong>', part)
            parts[index] = _EMPHASIS.sub(r'<em>\1</em>', part)
        elif part.startswith('`'):
            parts[index] = f'<code>{part[1:-1]}</code>'
        else:
            label, address = part[1:-1].split('](', 1)
            parts[index] = f'<a href="{address}">{label}</a>'
    return Markup(''.join(parts))


def _blocks(block: str) -> Iterator[tuple[str, Any]]:
    """Kinds and contents of what stands between blank lines."""
    lines = block.splitlines()
    for marks, kind in (('### ', 'h3'), ('## ', 'h2')):
        if block.startswith(marks):
            yield kind, lines[0].removeprefix(marks)
            if rest := '\n'.join(lines[1:]).strip():
                yield from _blocks(rest)
            return
    if block.lstrip().startswith('- '):
        items = re.split(r'^\s*- ', block, flags=re.MULTILINE)[1:]
        yield 'list', [item.strip() for item in items]
    else:
        yield 'p', block


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name('templates')),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters['markdown'] = inline_markdown
