from label_efficient_seg.core.suggest import did_you_mean


def test_similar_names_are_suggested():
    assert did_you_mean('trian', ['test', 'train']) == "did you mean 'train'?"
    assert did_you_mean('ab', iter(['abc', 'abd', 'x']), number=3) == "did you mean 'abd' or 'abc'?"


def test_without_a_similar_name_all_are_listed_or_another_hint_is_given():
    assert did_you_mean('q', {'one': 1, 'two': 2}) == 'there are one, two'
    assert did_you_mean('q', []) == 'there are none'
    assert did_you_mean('q', ['one'], 'remove it') == 'remove it'
    assert did_you_mean('q', ['one'], '') == ''
