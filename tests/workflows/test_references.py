import pytest

from label_efficient_seg.workflows.references import find_references, replace_references

NESTED = {
    'a': ['{one.file}', ('x {two.folder}/{one.file} y', 3)],
    '{three.key}': {'deep.er': '{one.other}', 'none': None},
}


def test_references_are_found_once_each_and_in_values_only():
    found = [('one', 'file'), ('two', 'folder'), ('one', 'other')]
    assert find_references(NESTED) == found


def test_references_are_replaced_in_a_copy():
    before = str(NESTED)
    assert replace_references(NESTED, lambda stage, output: f'{output}@{stage}') == {
        'a': ['file@one', ('x folder@two/file@one y', 3)],
        '{three.key}': {'deep.er': 'other@one', 'none': None},
    }
    assert str(NESTED) == before


@pytest.mark.parametrize('text', ['{name}', '{}', '{0}', '{a.b.c}', '{ a.b }', '{{ a }}', 'a.b'])
def test_other_braces_are_left_alone(text):
    assert find_references(text) == []
    assert replace_references(text, lambda *pair: 'replaced') == text
