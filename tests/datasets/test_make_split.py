import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.core.digests import file_digest
from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets.files import make_split as make_split_module
from label_efficient_seg.datasets.files.make_split import check_split, make_split
from label_efficient_seg.datasets.files.splits import read_split

from .conftest import write_list, write_mask


@pytest.fixture
def images(tmp_path) -> tuple[Path, Path]:
    """List and masks of 40 images: value 0 everywhere, 1 in a quarter, 9 in two, 255 void."""
    ids = [f'scene/{i:03d}' for i in range(40)]
    for i, name in enumerate(ids):
        mask = np.zeros((6, 8), np.uint8)
        mask[0] = 255
        mask[1] = i % 4 == 0
        mask[2] = 9 * (i in (5, 31))
        write_mask(tmp_path / 'masks' / f'{name}_label.png', mask, palette=i % 2 == 0)
    return Path(write_list(tmp_path / 'train.txt', ids)), tmp_path / 'masks'


def test_parts_and_summary(images, tmp_path):
    train, masks = images
    out = tmp_path / 'split'
    summary = make_split(
        train, out, fraction=Fraction(1, 8), seed=3, masks=masks, mask_suffix='_label.png'
    )
    labeled, unlabeled = read_split(out / 'labeled.txt'), read_split(out / 'unlabeled.txt')
    population = read_split(train)
    assert len(labeled) == 5
    assert labeled == [name for name in population if name in labeled]
    assert unlabeled == [name for name in population if name not in labeled]
    assert summary == json.loads((out / 'split.json').read_text())
    assert summary['labeled'] == dict(images=5, sha256=file_digest(out / 'labeled.txt'))
    assert (summary['seed'], summary['fraction'], summary['stratified']) == (3, 0.125, True)
    per_class = summary['images_per_class']
    assert {value: count['population'] for value, count in per_class.items()} == {
        '0': 40,
        '1': 10,
        '9': 2,
    }
    assert per_class['9']['labeled'] >= 1
    assert 1 <= per_class['1']['labeled'] <= 2
    assert check_split(out, train) == []


def test_repeatable_and_seeded(images, tmp_path):
    train, masks = images
    arguments = dict(count=8, masks=masks, mask_suffix='_label.png')
    for name, seed, workers in (('a', 0, 1), ('b', 0, 4), ('c', 1, 1)):
        make_split(train, tmp_path / name, seed=seed, workers=workers, **arguments)
    files = {name: (tmp_path / name / 'labeled.txt').read_bytes() for name in 'abc'}
    assert files['a'] == files['b'] != files['c']


def test_chosen_classes_only(images, tmp_path):
    train, masks = images
    summary = make_split(
        train, tmp_path / 's', count=8, masks=masks, mask_suffix='_label.png', classes=[1, 7]
    )
    assert {k: v['population'] for k, v in summary['images_per_class'].items()} == {'1': 10, '7': 0}


def test_without_masks(images, tmp_path):
    summary = make_split(images[0], tmp_path / 's', fraction=0.5)
    assert summary['images_per_class'] == {} and not summary['stratified']
    assert len(read_split(tmp_path / 's' / 'labeled.txt')) == 20


def test_refuses_to_overwrite(images, tmp_path):
    make_split(images[0], tmp_path / 's', count=3)
    before = (tmp_path / 's' / 'labeled.txt').read_bytes()
    with pytest.raises(FileExistsError, match='already holds labeled.txt.*--force'):
        make_split(images[0], tmp_path / 's', count=4)
    assert (tmp_path / 's' / 'labeled.txt').read_bytes() == before
    make_split(images[0], tmp_path / 's', count=4, force=True)
    assert len(read_split(tmp_path / 's' / 'labeled.txt')) == 4


@pytest.mark.parametrize('size', [dict(count=0), dict(count=40), dict(fraction=0.001)])
def test_both_parts_need_images(images, tmp_path, size):
    with pytest.raises(ValueError, match='leave one part empty.*1 to 39'):
        make_split(images[0], tmp_path / 's', **size)
    with pytest.raises(ValueError, match='either a fraction or a count'):
        make_split(images[0], tmp_path / 's')


def test_faulty_masks(images, tmp_path):
    train, masks = images
    arguments = dict(count=8, masks=masks, mask_suffix='_label.png')
    Image.new('RGB', (8, 6)).save(masks / 'scene/003_label.png')
    (masks / 'scene/004_label.png').write_bytes(b'')
    with pytest.raises(ValueError, match='2 of 40 masks cannot be used: .*003.*3 channels'):
        make_split(train, tmp_path / 's', **arguments)
    (masks / 'scene/002_label.png').unlink()
    with pytest.raises(FileNotFoundError, match='1 of 40 masks do not exist.*002_label.png'):
        make_split(train, tmp_path / 's', **arguments)
    assert not (tmp_path / 's').exists()


@pytest.mark.parametrize('kind', ['16 bits', '1 bit'])
def test_masks_of_any_depth(images, tmp_path, kind):
    train, masks = images
    for path in masks.rglob('*_label.png'):
        mask = np.asarray(Image.open(path))
        Image.fromarray(mask.astype(np.uint16) if kind == '16 bits' else mask > 0).save(path)
    arguments = dict(count=8, masks=masks, mask_suffix='_label.png')
    values = make_split(train, tmp_path / 's', **arguments)['images_per_class']
    assert set(values) >= ({'0', '1'} if kind == '1 bit' else {'9'})
    Image.fromarray(np.full((6, 8), 256, np.uint16)).save(path)
    with pytest.raises(ValueError, match=f"{path.name}' has values outside what 8 bits hold: 256"):
        make_split(train, tmp_path / 's', force=True, **arguments)


def test_masks_without_classes(images, tmp_path, monkeypatch):
    (train, masks), said = images, []
    monkeypatch.setattr(make_split_module, 'print_log', lambda text, *_: said.append(text))
    arguments = dict(count=8, masks=masks, mask_suffix='_label.png')
    for path in masks.rglob('*_label.png'):
        Image.fromarray(np.uint8([[0, 255]])).save(path)
    make_split(train, tmp_path / 's', **arguments)
    assert 'no class but 0. 255 is void: if it stands for a class' in said[0]
    for path in masks.rglob('*_label.png'):
        Image.fromarray(np.uint8([[255]])).save(path)
    with pytest.raises(UserError, match=r'all pixels of the 40 masks are void \(255\)'):
        make_split(train, tmp_path / 'v', **arguments)


def test_check_finds_changes(images, tmp_path):
    train, out = images[0], tmp_path / 's'
    make_split(train, out, count=3)
    (out / 'unlabeled.txt').unlink()  # as in the lists that are shipped
    assert check_split(out, train) == []
    write_list(out / 'unlabeled.txt', ['scene/000'])
    assert 'is not the rest of' in check_split(out, train)[0]
    other = write_list(tmp_path / 'other.txt', read_split(train)[1:])
    assert 'is not the list' in check_split(out, other)[0]
    write_list(out / 'labeled.txt', ['scene/000', 'foreign'])
    faults = ' '.join(check_split(out, train))
    assert 'was changed after it was made' in faults and 'not all in' in faults
    (out / 'split.json').unlink()
    assert 'does not exist' in check_split(out, train)[0]


def test_command_line(images, tmp_path, les, capsys):
    train, masks = images
    out = tmp_path / 's'
    options = ('--masks', masks, '--mask-suffix', '_label.png', '--out', out)
    assert les('split', train, '--fraction', '1/4', *options) == 0
    assert '10 labeled and 30 unlabeled images' in capsys.readouterr().out
    assert les('split', train, '--check', '--out', out) == 0
    assert les('split', train, '--count', 4, *options) == 1
    assert 'error: ' in capsys.readouterr().err
    assert les('split', train, '--count', 4, '--force', *options) == 0
    (out / 'labeled.txt').write_text('scene/000\n')
    assert les('split', train, '--check', '--out', out) == 1
    assert les('split', train, '--out', out) == 2
