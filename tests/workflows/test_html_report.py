"""Reports: one file, valid, escaped, with everything inside."""

import base64
import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.visualization import encode_png
from label_efficient_seg.workflows import Report, embed_image

VOID = {'meta', 'img'}


class Page(HTMLParser):
    """Collects elements and text, and checks that elements are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text = ''
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if 'style' not in self._open:
            self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


def photo(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def decode(uri: str) -> Image.Image:
    kind, _, data = uri.partition(';base64,')
    assert kind in ('data:image/png', 'data:image/jpeg')
    return Image.open(io.BytesIO(base64.b64decode(data, validate=True)))


def test_everything_is_inside_the_file(tmp_path: Path) -> None:
    file = tmp_path / 'photo.png'
    file.write_bytes(encode_png(photo(8, 10)))
    report = Report('Title', 'subtitle').text('Text').table(['a'], [[1]]).code('x = 1', 'config')
    report.plot(file, 'from a file').plot(file.read_bytes(), 'from bytes')
    report.gallery([(photo(4, 4), 'first'), (photo(5, 5), 'second')])
    target = report.save(tmp_path / 'out' / 'report.html')
    html = target.read_text('utf-8')
    page = Page(html)
    images = page.all('img')
    assert [image['alt'] for image in images] == ['from a file', 'from bytes', 'first', 'second']
    sizes = [(int(image['width']), int(image['height'])) for image in images]
    assert [decode(image['src']).size for image in images] == sizes
    assert sizes == [(10, 8), (10, 8), (4, 4), (5, 5)]
    assert not {'script', 'link', 'iframe', 'object'}.intersection(tag for tag, _ in page.elements)
    assert 'url(' not in html and '@import' not in html
    assert [path.name for path in target.parent.iterdir()] == ['report.html']


def test_text_is_escaped_everywhere() -> None:
    evil = '<script>"x"</script> & \'y\''
    report = Report(evil, evil).heading(evil).text(evil).text(f'- {evil}').code(evil, evil)
    report.table([evil], [[evil]], evil).plot(photo(2, 2), evil)
    page = Page(report.to_html())
    assert not page.all('script')
    assert page.text.count(evil) == 12  # the title twice, each other text once
    assert page.all('img')[0]['alt'] == evil


def test_small_markdown() -> None:
    html = (
        Report('t')
        .text(
            '## Section\nA **bold** word, *emphasis*, `a*b*c <i>` and 2 * 3 * 4.\n\n'
            '- first\n- second\n  line\n\n'
            '[a link](https://example.org/?a=1&b=*2*) and [no link](javascript:alert)'
        )
        .to_html()
    )
    page = Page(html)
    assert '<h2>Section</h2>\n<p>A <strong>bold</strong> word, <em>emphasis</em>' in html
    assert '<code>a*b*c &lt;i&gt;</code> and 2 * 3 * 4.</p>' in html
    assert len(page.all('li')) == 2 and 'second\n  line' in page.text
    assert [link['href'] for link in page.all('a')] == ['https://example.org/?a=1&b=*2*']


def test_table_aligns_and_rounds_numbers() -> None:
    rows = [['a', 1.005, None, 'x'], ['b', 2, np.float32(0.126), 3]]
    page = Page(Report('t').table(['name', 'number', 'maybe', 'mixed'], rows).to_html())
    assert [cell.get('class') for cell in page.all('th')] == [None, 'number', 'number', None]
    assert '0.13' in page.text and '1.00' in page.text
    with pytest.raises(ValueError, match=r"\['c'\] has 1 cells"):
        Report('t').table(['a', 'b'], [['c']])


def test_an_image_needs_words() -> None:
    with pytest.raises(ValueError, match='alternative text'):
        Report('t').plot(photo(2, 2), '')
    page = Page(Report('t').plot(photo(2, 2), '', alt='noise').to_html())
    assert page.all('img')[0]['alt'] == 'noise' and not page.all('figcaption')


def test_photos_become_jpeg_and_drawings_stay_exact() -> None:
    drawing = np.zeros((300, 400, 3), np.uint8)
    drawing[100:200, 50:150] = (200, 30, 40)
    uri, _ = embed_image(drawing)
    assert np.array_equal(np.asarray(decode(uri)), drawing)
    noise = photo(300, 400)
    uri, _ = embed_image(noise)
    assert uri.startswith('data:image/jpeg')
    assert len(uri) < len(encode_png(noise))


def test_wide_images_shrink_and_transparency_becomes_white() -> None:
    uri, size = embed_image(photo(100, 400), max_width=200)
    assert size == decode(uri).size == (200, 50)
    buffer = io.BytesIO()
    Image.new('RGBA', (3, 3), (255, 0, 0, 0)).save(buffer, 'PNG')
    assert decode(embed_image(buffer.getvalue())[0]).getpixel((1, 1)) == (255, 255, 255)


def test_saving_again_replaces_the_file(tmp_path: Path) -> None:
    report = Report('t').text('one')
    report.save(tmp_path / 'r.html')
    report.text('two').save(tmp_path / 'r.html')
    assert Page((tmp_path / 'r.html').read_text()).text.split()[-2:] == ['one', 'two']
