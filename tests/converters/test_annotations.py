"""Masks for tools that correct them, and back."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg import api
from label_efficient_seg.datasets.files.run_lengths import (
    brush_bytes,
    brush_mask,
    coco_counts,
    coco_mask,
)

CLASSES = ('background', 'crack', 'joint')
# Made by other programs: 13 x 17 pixels packed by NumPy, and the run lengths of pycocotools.
PIXELS = [
    112, 21, 44, 65, 145, 90, 151, 54, 172, 0, 0, 136, 132, 137, 69, 141, 194, 17, 35, 165, 134,
    44, 6, 98, 72, 209, 59, 0,
]  # fmt: skip
PYCOCOTOOLS = (
    '322O0002ON10O020O00010O1OO0010O20N004000O071FO0110OO110OO0002010N0110O010000OOO12ON01041LO'
    '0030L0113OM0O10O12ON60K0O10'
)


def test_run_lengths_of_coco_column_by_column():
    mask = np.unpackbits(np.array(PIXELS, np.uint8))[: 13 * 17].reshape(13, 17).astype(bool)
    assert (coco_mask(PYCOCOTOOLS, 13, 17) == mask).all()
    assert (coco_mask(coco_counts(mask), 13, 17) == mask).all()
    runs, value, length = [], False, 0
    for x in range(17):
        for y in range(13):
            if mask[y, x] != value:
                runs.append(length)
                value, length = not value, 0
            length += 1
    assert coco_counts(mask) == [*runs, length]
    assert coco_counts(np.ones((2, 3), bool)) == [0, 6]
    with pytest.raises(ValueError, match='run lengths of 221 pixels do not fit 17 x 12'):
        coco_mask(PYCOCOTOOLS, 12, 17)


@pytest.mark.parametrize('density', [0, 0.05, 0.5, 1])
def test_brushes_are_read_as_they_were_written(density):
    # Runs of more than 2 ** 16 values are among them.
    mask = np.random.default_rng(0).random((150, 240)) < density
    packed = brush_bytes(mask)
    assert all(0 <= value < 256 for value in packed)
    assert (brush_mask(packed, 150, 240) == mask).all()


def test_a_brush_with_single_values():
    # 2 x 1 pixels: the header of 8 values, then eight values one by one, as others may pack them.
    header = f'{8:032b}{7:05b}' + ''.join(f'{size - 1:04b}' for size in (3, 4, 8, 16))
    values = [9, 9, 9, 0, 9, 9, 9, 255]
    bits = header + '0' + '00' + f'{7:03b}' + ''.join(f'{value:08b}' for value in values)
    bits += '0' * (-len(bits) % 8)
    packed = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    assert brush_mask(packed, 2, 1).tolist() == [[False], [True]]
    for wrong in (packed[:9], packed[:6], [*packed[:3], 9, *packed[4:]], [300]):
        with pytest.raises(ValueError, match='this is no brush of 1 x 2 pixels'):
            brush_mask(wrong, 2, 1)


@pytest.fixture
def made(tmp_path) -> dict[str, np.ndarray]:
    """Photos, and a folder as of ``les predict`` with their masks."""
    rng = np.random.default_rng(0)
    masks = {}
    for name in ('a', 'deeper/b c'):
        masks[name] = rng.choice([0, 1, 2, 255], (9, 14)).astype(np.uint8)
        for folder, suffix in (('photos', '.jpg'), ('made/masks', '.png')):
            path = tmp_path / folder / f'{name}{suffix}'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(masks[name]).save(path)
    colors = [[0, 0, 0], [250, 0, 0], [0, 0, 0]]
    classes = [dict(name=n, color=c) for n, c in zip(CLASSES, colors, strict=True)]
    (tmp_path / 'made' / 'predict.json').write_text(json.dumps(dict(classes=classes)))
    return masks


@pytest.mark.parametrize('kind', ['coco', 'label-studio', 'cvat'])
@pytest.mark.parametrize('skip', [(), ('background',)])
def test_round_trip(made, tmp_path, kind, skip):
    out = tmp_path / 'labels.json'
    prefix = '' if kind == 'cvat' else '/data/local-files/?d='
    number = api.export_masks(
        kind, tmp_path / 'made', [tmp_path / 'photos'], out, skip=skip, prefix=prefix
    )
    assert number == 2
    classes = api.import_masks(kind, out, tmp_path / 'back', classes=CLASSES, prefix=prefix)
    assert classes == CLASSES
    for name, mask in made.items():
        # CVAT's background is what has no region, unless it is a class.
        expected = np.where(mask == 0, 255, mask) if skip else mask
        if kind == 'cvat':
            expected = np.where(mask == 255, 0, mask)
        with Image.open(tmp_path / 'back' / f'{name}.png') as image:
            assert (np.asarray(image) == expected).all()
            assert image.mode == 'P'


def test_content_for_other_programs(made, tmp_path):
    export = (tmp_path / 'made', [tmp_path / 'photos'])
    api.export_masks('coco', *export, tmp_path / 'coco.json')
    coco = json.loads((tmp_path / 'coco.json').read_text())
    assert coco['images'][1] == dict(id=2, file_name='deeper/b c.jpg', width=14, height=9)
    region = coco['annotations'][1]
    ys, xs = np.nonzero(made['a'] == 1)
    assert region['category_id'] == 2 and region['area'] == len(xs)
    assert region['bbox'] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]

    api.export_masks('label-studio', *export, tmp_path / 'tasks.json', skip=['joint'])
    task = json.loads((tmp_path / 'tasks.json').read_text())[0]
    result = task['predictions'][0]['result']
    assert [entry['value']['brushlabels'] for entry in result] == [['background'], ['crack']]
    labels = (tmp_path / 'tasks.xml').read_text()
    assert '<Label value="crack" background="#fa0000"/>' in labels and 'joint' not in labels

    api.export_masks('cvat', *export, tmp_path / 'cvat')
    lines = (tmp_path / 'cvat' / 'labelmap.txt').read_text().splitlines()
    # Black is CVAT's background.
    assert lines[1:] == ['background:0,0,0::', 'crack:250,0,0::', 'joint:1,1,1::']
    listed = (tmp_path / 'cvat' / 'ImageSets' / 'Segmentation' / 'default.txt').read_text()
    assert listed == 'a\ndeeper/b c\n'


def test_what_other_programs_write(tmp_path):
    polygon = [1, 1, 4, 1, 4, 3, 1, 3]
    content = dict(
        images=[dict(id=7, file_name='x.jpg', width=6, height=5)],
        categories=[dict(id=5, name='joint'), dict(id=2, name='crack')],
        annotations=[dict(image_id=7, category_id=5, segmentation=[polygon])],
    )
    (tmp_path / 'coco.json').write_text(json.dumps(content))
    assert api.import_masks('coco', tmp_path / 'coco.json', tmp_path) == ('crack', 'joint')
    expected = np.full((5, 6), 255)
    expected[1:4, 1:5] = 1
    assert (np.asarray(Image.open(tmp_path / 'x.png')) == expected).all()

    brush = dict(format='rle', rle=brush_bytes(expected == 1), brushlabels=['crack'])
    entry = dict(type='brushlabels', original_width=6, original_height=5, value=brush)
    wrong = dict(result=[], was_cancelled=True)
    task = dict(
        data=dict(image='/data/upload/3/0a1b2c3d-my%20photo.jpg'),
        annotations=[dict(result=[entry]), wrong],
    )
    (tmp_path / 'tasks.json').write_text(json.dumps([task, dict(data={}, annotations=[])]))
    api.import_masks('label-studio', tmp_path / 'tasks.json', tmp_path, classes=CLASSES)
    assert (np.asarray(Image.open(tmp_path / 'my photo.png')) == expected).all()


def test_wrong_input_is_named(made, tmp_path, les, capsys):
    photos = [tmp_path / 'photos']
    with pytest.raises(ValueError, match="no class 'crak' to skip; did you mean 'crack'"):
        api.export_masks('coco', tmp_path / 'made', photos, tmp_path / 'x', skip=['crak'])
    with pytest.raises(ValueError, match='name the classes, by index'):
        api.export_masks('coco', tmp_path / 'made' / 'masks', photos, tmp_path / 'x')
    with pytest.raises(ValueError, match=r"a\.png' has values that are no class: \[2\]"):
        folder = tmp_path / 'made' / 'masks'
        api.export_masks('coco', folder, photos, tmp_path / 'x', classes=CLASSES[:2])
    (tmp_path / 'made' / 'masks' / 'a.png').unlink()
    with pytest.raises(FileNotFoundError, match='1 of 2 photos have no mask in .*: a$'):
        api.export_masks('coco', tmp_path / 'made', photos, tmp_path / 'x')
    (tmp_path / 'x.json').write_text('[{"data": 3}]')
    words = ('import', 'label-studio', tmp_path / 'x.json', '--out', tmp_path / 'y')
    assert les(*words) == 1 and 'name them, by index' in capsys.readouterr().err
    assert les('import', 'coco', tmp_path / 'x.json', '--out', tmp_path / 'y') == 1
    assert 'has not the form of coco' in capsys.readouterr().err
    assert les('import', 'cvat', tmp_path, '--out', tmp_path / 'y') == 1
    assert 'has no labelmap.txt' in capsys.readouterr().err
    assert not (tmp_path / 'y').exists() and not Path(tmp_path / 'x').exists()


@pytest.mark.parametrize('name', ['../../x', '/tmp/x', 'a/../../x', '..\\x', 'C:\\x', 'x\0', '..'])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    images = [dict(id=1, file_name=f'{name}.png', width=2, height=2)]
    categories = [dict(id=1, name='a'), dict(id=2, name='b')]
    coco = dict(images=images, annotations=[], categories=categories)
    brush = dict(rle=brush_bytes(np.ones((2, 2), bool)), brushlabels=['a'])
    entry = dict(type='brushlabels', original_width=2, original_height=2, value=brush)
    task = dict(data=dict(image=f'{name}.png'), annotations=[dict(result=[entry])])
    (tmp_path / 'coco.json').write_text(json.dumps(coco))
    (tmp_path / 'tasks.json').write_text(json.dumps([task]))
    before = sorted(tmp_path.rglob('*'))
    for kind, file in (('coco', 'coco.json'), ('label-studio', 'tasks.json')):
        if kind == 'label-studio' and name.startswith('/'):
            continue  # of a server's path, the last part counts
        with pytest.raises(ValueError, match='would have its mask outside the folder'):
            api.import_masks(kind, tmp_path / file, tmp_path / 'a' / 'out', classes=['a', 'b'])
    assert sorted(tmp_path.rglob('*')) == before


@pytest.mark.parametrize(
    'change',
    [
        dict(width=10**9, height=10**9),
        dict(width=-1),
        dict(width=2.5),
        dict(width='2'),
        dict(width=True),
        dict(file_name=3),
        dict(file_name=''),
        dict(id=[]),
    ],
)
def test_images_of_coco_that_cannot_be(tmp_path, change):
    image = dict(dict(id=1, file_name='a.png', width=2, height=2), **change)
    categories = [dict(id=1, name='a'), dict(id=2, name='b')]
    content = dict(images=[image], annotations=[], categories=categories)
    (tmp_path / 'a.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match='cannot be|has not the form of coco|outside the folder'):
        api.import_masks('coco', tmp_path / 'a.json', tmp_path / 'out')


@pytest.mark.parametrize('kind', ['coco', 'label-studio'])
@pytest.mark.parametrize('text', ['[' * 100_000, '{"images": ' + '9' * 5000 + '}', 'null', '[{}]'])
def test_hostile_json_is_one_line(tmp_path, kind, text):
    (tmp_path / 'a.json').write_text(text)
    if kind == 'label-studio' and text == '[{}]':
        return  # a task without an annotation
    with pytest.raises(ValueError, match='has not the form of'):
        api.import_masks(kind, tmp_path / 'a.json', tmp_path / 'out', classes=['a', 'b'])


def test_endless_digits_of_a_run_length():
    with pytest.raises(ValueError, match='more digits than any photo has pixels'):
        coco_mask('P' * 100_000, 2, 2)


def coco(tmp_path, **changes) -> Path:
    """A file with one region of an image of 6 x 5 pixels."""
    region = dict(size=[5, 6], counts=[0, 30])
    content = dict(
        images=[dict(id=1, file_name='x.jpg', width=6, height=5)],
        categories=[dict(id=1, name='crack'), dict(id=2, name='joint')],
        annotations=[dict(image_id=1, category_id=1, segmentation=region)],
    )
    content.update(changes)
    path = tmp_path / 'x.json'
    path.write_text(json.dumps(content))
    return path


def test_regions_and_classes_must_fit(tmp_path):
    other = dict(image_id=1, category_id=1, segmentation=dict(size=[6, 5], counts=[0, 30]))
    with pytest.raises(ValueError, match=r'a region of \[6, 5\] is in an image of \[5, 6\]'):
        api.import_masks('coco', coco(tmp_path, annotations=[other]), tmp_path)
    with pytest.raises(ValueError, match="the class 'joint' is not listed; "):
        api.import_masks('coco', coco(tmp_path), tmp_path, classes=('crack', 'joints'))
    one = dict(categories=[dict(id=1, name='crack')])
    with pytest.raises(ValueError, match='1 classes do not fit masks of 8 bits'):
        api.import_masks('coco', coco(tmp_path, **one), tmp_path)
    with pytest.raises(FileNotFoundError, match="absent.json' does not exist"):
        api.import_masks('coco', tmp_path / 'absent.json', tmp_path)


def test_colours_of_cvat_must_be_listed(made, tmp_path):
    api.export_masks('cvat', tmp_path / 'made', [tmp_path / 'photos'], tmp_path / 'cvat')
    labels = tmp_path / 'cvat' / 'labelmap.txt'
    labels.write_text(labels.read_text().replace('crack:250,0,0', 'crack:251,0,0'))
    with pytest.raises(ValueError, match=r'has the colour \[250, 0, 0\], which labelmap.txt lacks'):
        api.import_masks('cvat', tmp_path / 'cvat', tmp_path / 'back')


@pytest.mark.parametrize('text', ['{', '{"classes": 3}', '[]'])
def test_a_damaged_list_of_classes_is_named(made, tmp_path, text):
    (tmp_path / 'made' / 'predict.json').write_text(text)
    with pytest.raises(ValueError, match=r"predict.json' is damaged: .*; name the classes"):
        api.export_masks('coco', tmp_path / 'made', [tmp_path / 'photos'], tmp_path / 'x')


def test_one_class_is_no_segmentation(made, tmp_path):
    with pytest.raises(ValueError, match='1 classes do not fit'):
        folder = tmp_path / 'made' / 'masks'
        api.export_masks('coco', folder, [tmp_path / 'photos'], tmp_path / 'x', classes=['crack'])
