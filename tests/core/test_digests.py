"""Against the digests that ``sha256sum`` prints."""

from pathlib import PurePosixPath

import pytest

from label_efficient_seg.core.digests import digest, file_digest, text_digest

EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
MILLION_A = 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'


@pytest.mark.parametrize(
    ('content', 'expected'), [(b'', EMPTY), (b'abc', ABC), (b'a' * 1000000, MILLION_A)]
)
def test_files_and_texts(tmp_path, content, expected):
    (tmp_path / 'file').write_bytes(content)
    assert file_digest(tmp_path / 'file') == text_digest(content.decode()) == expected


def test_files_longer_than_a_block(tmp_path):
    content = b'0123456789abcdef' * 200000
    (tmp_path / 'file').write_bytes(content)
    assert file_digest(tmp_path / 'file') == text_digest(content.decode())


def test_settings_are_told_apart_but_not_by_the_order_of_keys():
    # printf '{"a": [1, "x"], "b": null}' | sha256sum
    expected = '8401963c5b51c522cf885dbdac3dea4493359f6a26054b7f9c3f600153ca9dad'
    assert digest({'b': None, 'a': (1, 'x')}) == digest({'a': [1, 'x'], 'b': None}) == expected
    different = [0, '0', [0], {'0': 0}, None, PurePosixPath('0'), False, ()]
    assert len({digest(value) for value in different}) == len(different)
