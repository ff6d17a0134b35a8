"""Data cards: what they say, what is wrong with them, and the masks that they describe."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from label_efficient_seg.core.errors import MissingFileError
from label_efficient_seg.datasets.checks.checking import check_config
from label_efficient_seg.datasets.files.card_yaml import CardError
from label_efficient_seg.datasets.files.data_card import card_schema, read_card
from label_efficient_seg.datasets.files.masks import MaskError
from label_efficient_seg.datasets.files.pseudo_masks import write_label

CARD = 'images: images\nmasks: masks\nclasses: [background, crack, joint]\n'
LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadCheckedAnnotations')]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('images', 'masks', 'spare'):
        (tmp_path / name).mkdir()
    (tmp_path / 'train.txt').write_text('a\n')
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / 'data.yaml'
    path.write_text(text)
    return path


def test_card(folder):
    text = CARD + (
        'label_map: {0: background, 1: crack, 2: joint, 3: crack, 7: void}\n'
        'train: train.txt\nlabeled: 1/8\nval: 0.25\ntags: masks\nunseen: [joint]\n'
        'vectors: [voc_fasttext]\npalette: {crack: "#FF0000", background: "#000001", joint: '
        '"#0000ff"}\nmask_suffix: _m.png\n'
    )
    card = read_card(write(folder, text))
    assert (card.root, card.images, card.masks) == (folder, folder / 'images', folder / 'masks')
    assert card.label_map == {0: 0, 1: 1, 2: 2, 3: 1, 7: 255}
    assert (card.labeled, card.val) == (Fraction(1, 8), Fraction(1, 4))
    assert card.train == str(folder / 'train.txt')
    assert card.unseen == ('joint',)
    assert card.palette == ((0, 0, 1), (255, 0, 0), (0, 0, 255))


def test_least_card(folder):
    card = read_card(write(folder, 'images: images\nclasses: [a, b]\n'))
    assert (card.masks, card.label_map, card.train, card.labeled) == (None, {}, None, None)
    assert card.palette[0] != card.palette[1]


def test_colors_of_many_classes_differ(folder):
    names = [f'c{i}' for i in range(150)]
    card = read_card(write(folder, f'images: images\nclasses: [background, {", ".join(names)}]\n'))
    assert card.palette[0] == (0, 0, 0)
    assert len(set(card.palette)) == 151


FAULTS = {
    'clases: [a, b]': "unknown key 'clases'; did you mean 'classes'?",
    'images: imges': "imges', which does not exist; did you mean 'images'?",
    'root: nowhere': "root is the folder '.*nowhere', which does not exist",
    'masks: 3': 'masks must be a text, but is 3',
    'classes: crack': r"classes must be a list of names, \[one, two\], but is 'crack'",
    'classes: [crack]': 'classes must be 2 to 254 names, but are 1',
    'classes: [no, crack]': 'classes have False instead of a name; write it in quotes',
    'classes: [a, b, a]': "classes have 'a' more than once",
    'classes: [a, void]': "classes have 'void', which stands for pixels without a class",
    'label_map: [a]': 'label_map must map values of the masks to classes',
    'label_map: {0: background, 1: crak, 2: joint}': "maps 1 to 'crak', .*did you mean 'crack'?",
    'label_map: {0: background, 1: 1, 2: joint}': 'maps 1 to 1; give the name of a class, or void',
    'label_map: {0: background, 1: crack}': "label_map maps nothing to the class 'joint'",
    'label_map: {-1: background}': 'has -1, which is neither a value of 0 to 65535 nor a colour',
    'label_map: {"#80400": crack}': "has '#80400', which is neither a value",
    'label_map: {0: background, "#804000": crack, 2: joint}': 'has both values and colours',
    'label_map: {"#aa0000": crack, "#AA0000": joint}': "has '#aa0000' twice",
    'label_map: {0: crack, 0: joint}': 'the key 0 stands there twice',
    'label_map: {#804000: crack}': 'no YAML: line .*write colours in quotes, "#804000"',
    'train: tran.txt': "train is the list '.*tran.txt', .*did you mean 'train.txt'?",
    'labeled: 1.5': 'labeled is 1.5; give a list of images, a share of them such as 1/8',
    'labeled: 9/8': "labeled is '9/8'; give a list",
    'val: [a]': r"val is \['a'\]; give a list of images",
    'val: true': 'val is True; give a list of images',
    'tags: tags.csv': "tags is the file .*tags.csv', which does not exist",
    'unseen: [joints]': "unseen has 'joints', which is none of the classes; did you mean 'joint'?",
    'unseen: [background, crack, joint]': 'unseen has all classes',
    'vectors: voc_fastext': "vectors has 'voc_fastext', .*did you mean 'voc_fasttext'?",
    'palette: pretty': 'palette must be auto, or 3 colours, one for each class',
    'palette: ["#000000", "#111111", red]': "palette has 'red', which is no colour like",
    'palette: {background: "#000000", crack: "#111111"}': "palette has no colour for 'joint'",
    'palette: {back: "#000000"}': "palette has 'back', which is none of the classes",
}


@pytest.mark.parametrize('line', FAULTS)
def test_what_is_wrong_is_named(folder, line):
    key = line.partition(':')[0]
    others = [other for other in CARD.splitlines() if not other.startswith(f'{key}:')]
    with pytest.raises((CardError, MissingFileError), match=f'(?s){FAULTS[line]}') as error:
        read_card(write(folder, '\n'.join([*others, line])))
    assert 'data.yaml' in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('classes: [a, b]\n', "needs the key 'images': folder of the images"),
        ('images: images\n', "needs the key 'classes'"),
        ('- a\n', "must hold lines of the form 'key: value'"),
        ('images: [\n', 'is no YAML: line 2'),
        (CARD.replace('masks: masks\n', '') + 'tags: masks\n', "tags is 'masks', but the card has"),
    ],
)
def test_what_is_missing_is_named(folder, text, message):
    with pytest.raises(CardError, match=message):
        read_card(write(folder, text))


def test_missing_card(tmp_path):
    with pytest.raises(MissingFileError, match='data.yaml.*does not exist'):
        read_card(tmp_path / 'data.yaml')


def test_schema_accepts_what_cards_may_say():
    schema = card_schema()
    assert set(schema['required']) <= set(schema['properties'])
    assert schema['properties']['palette']['anyOf'][0] == dict(const='auto')
    assert not schema['additionalProperties']


def dataset(folder: Path, label_map: dict, mask: np.ndarray, suffix: str = '.png', **kwargs):
    """A data set of one image whose mask is this array, RGB if it has channels."""
    cv2.imwrite(str(folder / 'images/a.jpg'), np.zeros((*mask.shape[:2], 3), np.uint8))
    cv2.imwrite(str(folder / f'masks/a{suffix}'), mask[..., ::-1] if mask.ndim == 3 else mask)
    entries = ', '.join(f'{old if isinstance(old, int) else repr(old)}: {new}'
                        for old, new in label_map.items())  # fmt: skip
    path = write(folder, CARD + f'mask_suffix: {suffix}\n' + (
        f'label_map: {{{entries}}}\n' if entries else ''
    ))  # fmt: skip
    cfg = dict(type='CardDataset', card=str(path), ann_file='train.txt', pipeline=LOAD, **kwargs)
    init_default_scope('mmseg')
    return cfg, DATASETS.build(cfg)


NAMES = dict(background=0, crack=1, joint=2, void=255)
BYTES = {0: 'joint', 1: 'background', 5: 'crack', 6: 'crack', 9: 'void'}
WORDS = {0: 'background', 700: 'joint', 40000: 'crack', 41000: 'void', 255: 'crack'}
MAPS = {
    'bytes': BYTES,
    'binary': {0: 'background', 255: 'crack', 7: 'joint'},
    'words': WORDS,
    'colors': {'#000000': 'joint', '#804000': 'crack', '#0000ff': 'background', '#ff0000': 'void'},
}


@pytest.mark.parametrize('name', MAPS)
def test_masks_are_what_the_label_map_says(folder, name):
    label_map, rng = MAPS[name], np.random.default_rng(0)
    old = list(label_map)
    drawn = rng.integers(len(old), size=(5, 7))
    if name == 'colors':
        mask = np.array([[[int(old[i][k : k + 2], 16) for k in (1, 3, 5)] for i in row]
                         for row in drawn], np.uint8)  # fmt: skip
    else:
        mask = np.array([[old[i] for i in row] for row in drawn], np.uint16 if name == 'words'
                        else np.uint8)  # fmt: skip
    expected = [[NAMES[label_map[old[i]]] for i in row] for row in drawn]
    cfg, data = dataset(folder, label_map, mask)
    assert data[0]['gt_seg_map'].tolist() == expected

    loader = dict(dataset=dict(cfg, pipeline=LOAD))
    report = check_config(dict(train_dataloader=dict(labeled=loader)))
    assert report.findings == []
    assert (
        report.streams[0].pixels.tolist() == np.bincount(np.ravel(expected), minlength=256).tolist()
    )

    # Written masks are read back, whatever the label map.
    labels = np.array(expected, np.uint8)
    write_label(folder / 'spare/a.png', labels, labels.shape, data.metainfo)
    again = DATASETS.build(dict(cfg, data_prefix=dict(seg_map_path=str(folder / 'spare'))))
    assert again[0]['gt_seg_map'].tolist() == expected


def test_palette_png_by_color_and_by_index(folder):
    mask = Image.fromarray(np.array([[0, 1, 2, 1]], np.uint8))
    mask.putpalette([0, 0, 0, 128, 64, 0, 0, 0, 255])
    for label_map in (MAPS['colors'], {0: 'joint', 1: 'crack', 2: 'background'}):
        _, data = dataset(folder, label_map, np.zeros((1, 4), np.uint8))
        mask.save(folder / 'masks/a.png')
        assert data[0]['gt_seg_map'].tolist() == [[2, 1, 0, 1]]


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        ('bytes', 2, r'values outside the 3 classes: 2 \(1 pixel'),
        ('words', 701, r'values that the label map leaves out: 701 \(1 pixels\)'),
        ('colors', (1, 2, 3), r'colours that the label map leaves out: "#010203" \(1 pixels\)'),
    ],
)
def test_values_that_the_label_map_leaves_out(folder, name, value, message):
    if name == 'colors':
        mask = np.array([[value, (128, 64, 0)]], np.uint8)
    else:
        mask = np.array([[value, list(MAPS[name])[0]]], np.uint16 if name == 'words' else np.uint8)
    cfg, data = dataset(folder, MAPS[name], mask)
    with pytest.raises(MaskError, match=message):
        data[0]
    report = check_config(dict(train_dataloader=dict(labeled=dict(dataset=cfg))))
    assert [finding.kind for finding in report.findings] != []


def test_values_without_a_label_map(folder):
    _, data = dataset(folder, {}, np.array([[0, 1, 2, 255]], np.uint8), suffix='_m.png')
    assert data[0]['gt_seg_map'].tolist() == [[0, 1, 2, 255]]


def test_tags_of_a_card_are_names_of_classes(folder):
    (folder / 'tags.csv').write_text('image,classes\na,crack;joint\n')
    steps = [dict(type='LoadImageTags', tags='tags.csv')]
    cfg, _ = dataset(folder, BYTES, np.zeros((1, 4), np.uint8))
    data = DATASETS.build(dict(cfg, pipeline=steps))
    assert data[0]['image_labels'] == [1, 2]


def test_card_without_masks(folder):
    (folder / 'images/a.jpg').write_bytes(b'')
    card = str(write(folder, CARD.replace('masks: masks\n', '')))
    init_default_scope('mmseg')
    assert len(DATASETS.build(dict(type='CardDataset', card=card, labeled=False, pipeline=[]))) == 1
    with pytest.raises(ValueError, match="'.*data.yaml' has no masks"):
        DATASETS.build(dict(type='CardDataset', card=card, pipeline=[]))
    with pytest.raises(ValueError, match='takes classes and folders from its card'):
        DATASETS.build(dict(type='CardDataset', card=card, metainfo=dict(classes=('a', 'b'))))


BOMB = 'a: &a [x, x]\n' + ''.join(
    f'{name}: &{name} [*{before}, *{before}]\n'
    for before, name in zip('abcdefghijklmno', 'bcdefghijklmnop', strict=True)
)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (BOMB + 'classes: *p', r'line 2: \*a stands for what is written elsewhere'),
        ('classes: &a [*a]', 'stands for what is written elsewhere'),
        ('classes: ' + '[' * 100_000, 'is no YAML'),
        ('classes: !!python/object/apply:os.system [exit]', 'could not determine a constructor'),
        ('val: 2020-13-45', 'is no YAML: .*month must be in 1..12'),
        ('val: !!int x', 'is no YAML'),
        ('val: ' + '9' * 5000, 'is no YAML'),
        ('val: "\0"', 'is no YAML|special characters'),
    ],
    ids=['aliases', 'loop', 'depth', 'code', 'date', 'number', 'digits', 'nul'],
)
def test_hostile_cards_are_refused_in_one_line(folder, text, message):
    with pytest.raises(CardError, match=message):
        read_card(write(folder, text))


@pytest.mark.parametrize('share', ['.inf', '.nan', '-.inf', '1e-400', '0/3', '1e400'])
def test_shares_that_are_no_numbers(folder, share):
    with pytest.raises(ValueError, match='data card .* labeled is'):
        read_card(write(folder, f'{CARD}\nlabeled: {share}\n'))


def test_a_card_that_is_no_text(folder):
    path = write(folder, CARD)
    path.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(CardError, match='is no text file'):
        read_card(path)
    with pytest.raises(CardError, match='is no text file'):
        read_card(path.parent)
