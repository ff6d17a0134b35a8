from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image

from label_efficient_seg.datasets.checks.check_report import format_report
from label_efficient_seg.datasets.checks.checking import check_config
from label_efficient_seg.datasets.checks.inspection import Sample, inspect
from label_efficient_seg.datasets.files.images import read_image
from label_efficient_seg.datasets.files.proposal_files import Proposals, write_proposals

from ..models import tiny
from .conftest import VOC_IDS, random_mask, write_image, write_list, write_mask

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
LISTS = 'ImageSets/Segmentation'


def dataset(root: Path, ann_file: str, pipeline: str = 'LoadCheckedAnnotations', **kwargs) -> dict:
    return dict(
        type='SemiVOCDataset',
        data_root=str(root),
        data_prefix=dict(seg_map_path='SegmentationClass'),
        ann_file=f'{LISTS}/{ann_file}.txt',
        pipeline=[dict(type='LoadImageFromFile'), dict(type=pipeline), dict(type='PackSegInputs')],
        **kwargs,
    )


@pytest.fixture
def cfg(voc_root) -> Config:
    """A faultless config over the miniature VOC."""
    unlabeled = dataset(
        voc_root, 'train', 'LoadValidMask', exclude=f'{LISTS}/labeled.txt', labeled=False
    )
    val = dict(batch_size=1, dataset=dataset(voc_root, 'val'))
    return Config(
        dict(
            train_dataloader=dict(
                labeled=dict(batch_size=2, dataset=dataset(voc_root, 'labeled')),
                unlabeled=dict(batch_size=2, dataset=unlabeled),
            ),
            val_dataloader=val,
            test_dataloader=val,
            model=dict(
                type='AdvSemiSeg',
                decode_head=dict(num_classes=21),
                auxiliary_head=[dict(num_classes=21)],
                discriminator=dict(network=dict(type='FCDiscriminator', in_channels=21)),
            ),
        )
    )


def findings(cfg: Config, **kwargs) -> list[tuple[str, str, str]]:
    return [(f.stream, f.kind, f.text) for f in check_config(cfg, workers=2, **kwargs).findings]


def only(cfg: Config) -> tuple[str, str, str]:
    found = findings(cfg)
    assert len(found) == 1, found
    return found[0]


def mask_of(root: Path, index: int) -> Path:
    return root / 'SegmentationClass' / f'{VOC_IDS[index]}.png'


def image_of(root: Path, index: int) -> Path:
    return root / 'JPEGImages' / f'{VOC_IDS[index]}.jpg'


def test_sound_data_and_its_statistics(cfg):
    report = check_config(cfg)
    assert report.findings == []
    sizes = {s.name: (len(s.samples), s.inspected, s.labeled) for s in report.streams}
    assert sizes == {
        'train.labeled': (2, 2, True),
        'train.unlabeled': (4, 4, False),
        'val': (2, 2, True),
        'test': (2, 2, True),
    }
    masks = np.stack([random_mask(seed, 21) for seed in (1, 2)])
    labeled = report.streams[0]
    for label in range(256):
        assert labeled.pixels[label] == (masks == label).sum()
        assert labeled.images[label] == (masks == label).any((1, 2)).sum()
    text = format_report(report)
    share = 100 * (masks == 0).mean()
    assert f'{share:.2f} %' in text and 'tvmonitor' in text and '(void)' in text
    assert text.endswith('no findings')


def test_images_are_spread_and_read_once(cfg, monkeypatch):
    from label_efficient_seg.datasets.checks import checking

    read = []
    monkeypatch.setattr(checking, 'inspect', lambda sample: read.append(sample) or inspect(sample))
    check_config(cfg)
    assert len(read) == len(set(read)) == 8  # val and test are the same images
    report = check_config(cfg, max_images=2)
    assert [stream.inspected for stream in report.streams] == [2, 2, 2, 2]


def test_unlabeled_masks_are_not_read(cfg, voc_root):
    for index in (0, 3, 4, 5):
        mask_of(voc_root, index).write_bytes(b'poison')
    assert findings(cfg) == []


def test_missing_files(cfg, voc_root):
    image_of(voc_root, 0).unlink()
    mask_of(voc_root, 1).unlink()
    found = {(stream, kind) for stream, kind, _ in findings(cfg)}
    assert found == {('train.unlabeled', 'missing image'), ('train.labeled', 'missing mask')}


@pytest.mark.parametrize('content', [b'', b'no image', None])
def test_corrupt_files(cfg, voc_root, content):
    for path in (image_of(voc_root, 1), mask_of(voc_root, 2)):
        half = path.read_bytes()[: path.stat().st_size // 2]
        path.write_bytes(half if content is None else content)
    (_, first, text), (_, second, _) = findings(cfg)
    assert (first, second) == ('corrupt image', 'corrupt mask')
    assert str(image_of(voc_root, 1)) in text


def test_folder_in_the_place_of_an_image(cfg, voc_root):
    image_of(voc_root, 1).unlink()
    image_of(voc_root, 1).mkdir()
    assert only(cfg)[:2] == ('train.labeled', 'corrupt image')


def test_sizes_that_differ(cfg, voc_root):
    write_image(image_of(voc_root, 6), 20, 31)
    found = findings(cfg)
    assert {(stream, kind) for stream, kind, _ in found} == {
        ('val', 'sizes differ'),
        ('test', 'sizes differ'),
    }
    assert 'is 30x20, its image 31x20' in found[0][2]


def test_orientation_in_exif_is_applied_as_when_loading(cfg, voc_root):
    path = image_of(voc_root, 6)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (20, 30)).save(path, exif=exif)
    assert cv2.imread(str(path)).shape[:2] == (20, 30)
    assert findings(cfg) == []


@pytest.mark.parametrize('mode', ['L', 'RGB', 'CMYK'])
@pytest.mark.parametrize('orientation', [None, 1, 6, 9])
@pytest.mark.parametrize('options', [{}, dict(progressive=True), dict(xmp=XMP)])
def test_a_jpeg_has_the_size_as_loaded_and_no_missing_end(tmp_path, mode, orientation, options):
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    path = tmp_path / 'photo.jpg'
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 4), np.uint8)
    Image.fromarray(pixels).convert('RGB').convert(mode).save(path, exif=exif, **options)
    found = inspect(Sample(str(path)))
    assert found.faults == [] and found.shape == read_image(path).shape[:2]
    path.write_bytes(path.read_bytes()[:-40])
    assert [kind for kind, _ in inspect(Sample(str(path))).faults] == ['corrupt image']


@pytest.mark.parametrize(
    ('mode', 'suffix', 'message'), [('RGB', 'png', '3 channels'), ('F', 'tiff', 'type float32')]
)
def test_masks_without_class_indices(cfg, voc_root, mode, suffix, message):
    path = mask_of(voc_root, 1)
    Image.new(mode, (30, 20)).save(path.with_suffix(f'.{suffix}'))
    path.with_suffix(f'.{suffix}').replace(path)
    stream, kind, text = only(cfg)
    assert (stream, kind) == ('train.labeled', 'no index mask')
    assert message in text


def test_labels_outside_the_classes(cfg, voc_root):
    for index, value in ((1, 21), (2, 60)):
        mask = random_mask(index, 21)
        mask[5, :index] = value
        write_mask(mask_of(voc_root, index), mask)
    report = check_config(cfg)
    assert {f.kind for f in report.findings} == {'labels outside the classes'}
    assert dict(report.streams[0].stray) == {21: 1, 60: 2}
    lines = [line.split() for line in format_report(report).splitlines()]
    assert ['21', '1'] in lines and ['60', '2'] in lines


def test_class_counts(cfg):
    cfg.model.decode_head.num_classes = 19
    cfg.model.auxiliary_head[0].num_classes = 20
    cfg.model.discriminator.network.in_channels = 22
    assert [(stream, kind) for stream, kind, _ in findings(cfg)] == [
        ('model.decode_head.num_classes', 'class count'),
        ('model.auxiliary_head[0].num_classes', 'class count'),
        ('model.discriminator.network.in_channels', 'class count'),
    ]
    cfg.model = dict(decode_head=[dict(num_classes=21), dict(num_classes=2)])
    stream, _, text = only(cfg)
    assert stream == 'model.decode_head[1].num_classes'
    assert text == 'is 2, but the dataset of train.labeled has 21 classes'


def test_streams_with_other_classes(cfg):
    cfg.test_dataloader.dataset.metainfo = dict(classes=('background', 'cat'))
    assert only(cfg)[:2] == ('test', 'class count')


def test_overlaps(cfg, voc_root):
    write_list(voc_root / LISTS / 'val.txt', VOC_IDS[5:])
    cfg.train_dataloader.unlabeled.dataset.exclude = ''
    found = findings(cfg)
    assert {kind for _, kind, _ in found} == {'overlapping splits'}
    texts = [(stream, text.split(', such as')[0]) for stream, _, text in found]
    assert texts == [
        ('train.labeled', 'shares 2 images with train.unlabeled'),
        ('train.unlabeled', 'shares 1 images with val'),
        ('train.unlabeled', 'shares 1 images with test'),
    ]


def test_duplicates_and_empty_lists(cfg, voc_root):
    write_list(voc_root / LISTS / 'labeled.txt', [VOC_IDS[1], VOC_IDS[1], VOC_IDS[2]])
    write_list(voc_root / LISTS / 'val.txt', [])
    assert [(stream, kind) for stream, kind, _ in findings(cfg)] == [
        ('val', 'empty split'),
        ('test', 'empty split'),
        ('train.labeled', 'duplicated id'),
        ('train.unlabeled', 'pipeline'),  # it excludes the list of labeled images
    ]


def test_dataset_that_cannot_be_built_does_not_stop_the_others(cfg, voc_root):
    cfg.train_dataloader.labeled.dataset.ann_file = 'nope.txt'
    cfg.test_dataloader.dataset.type = 'NoSuchDataset'
    mask_of(voc_root, 6).unlink()
    found = findings(cfg)
    assert [(stream, kind) for stream, kind, _ in found] == [
        ('train.labeled', 'dataset'),
        ('test', 'dataset'),
        ('val', 'missing mask'),
    ]
    assert "split file 'nope.txt' does not exist" in found[0][2]


def test_pipelines_that_do_not_fit(cfg, voc_root):
    cfg.train_dataloader.labeled.dataset.pipeline[1].type = 'LoadValidMask'
    cfg.train_dataloader.unlabeled.dataset.pipeline[1].type = 'LoadAnnotations'
    found = findings(cfg)
    assert [(stream, kind) for stream, kind, _ in found] == [
        ('train.labeled', 'pipeline'),
        ('train.unlabeled', 'pipeline'),
    ]


def test_plain_mmseg_config_with_wrappers(voc_root):
    plain = dict(
        type='PascalVOCDataset',
        data_root=str(voc_root),
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file=f'{LISTS}/labeled.txt',
        pipeline=[dict(type='LoadAnnotations')],
    )
    other = dict(plain, ann_file=f'{LISTS}/val.txt')
    repeated = dict(type='RepeatDataset', times=9, dataset=other)
    joint = dict(type='ConcatDataset', datasets=[plain, repeated])
    cfg = Config(dict(train_dataloader=dict(dataset=joint), val_dataloader=dict(dataset=other)))
    mask_of(voc_root, 1).unlink()
    assert [(stream, kind) for stream, kind, _ in findings(cfg)] == [
        ('train[1]', 'overlapping splits'),
        ('train[0]', 'missing mask'),
    ]
    assert only(Config(dict()))[:2] == ('config', 'no dataset')


def two_classes(root: Path, train: np.ndarray, val: np.ndarray, **kwargs) -> Config:
    """A config of two classes, with one mask for all images of a list."""
    for index in range(8):
        write_mask(mask_of(root, index), (train if index < 6 else val).astype(np.uint8))
    loaders = {
        name: dict(batch_size=1, dataset=dict(
            type='ImageFolderSegDataset', data_root=str(root), ann_file=f'{LISTS}/{name}.txt',
            data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
            metainfo=dict(classes=('background', 'tumour')), pipeline=[
                dict(type='LoadImageFromFile'), dict(type='LoadCheckedAnnotations'),
                dict(type='PackSegInputs')], **kwargs))
        for name in ('labeled', 'val')
    }  # fmt: skip
    return Config(
        dict(train_dataloader=dict(labeled=loaders['labeled']), val_dataloader=loaders['val'])
    )


ZEROS, SQUARE = np.zeros((20, 30)), np.zeros((20, 30))
SQUARE[5:9, 5:9] = 1


@pytest.mark.parametrize(
    ('train', 'val', 'found'),
    [
        (SQUARE, SQUARE, []),
        # Zeros say that there is no tumour: images of a healthy person alone are no test.
        (ZEROS, SQUARE, [('train.labeled', 'class that is tested, but never trained')]),
        (SQUARE, ZEROS, [('val', 'a single class')]),
        (SQUARE, ZEROS + 255, [('val', 'no label')]),
        (ZEROS + 255, SQUARE, [('train.labeled', 'no label')]),
        (255 * SQUARE, 255 * SQUARE,
         [('val', 'a single class'), ('train.labeled', 'class without a pixel')]),
    ],
)  # fmt: skip
def test_labels_from_which_nothing_is_learned(voc_root, train, val, found):
    cfg = two_classes(voc_root, train, val)
    found_now = findings(cfg)
    assert [(stream, kind) for stream, kind, _ in found_now] == found
    for _, _, text in found_now:
        assert ('mask[mask == 255] = 1' in text) == (train.max() == 255 and train.min() == 0)
    # Of what was not read, nothing is known.
    assert findings(cfg, max_images=1) == []


def test_hidden_classes_need_no_pixel(cfg, voc_root):
    unseen = [f'2007_{index:06d}' for index in (1, 2)]
    for name in unseen:
        mask = random_mask(1, 21)
        mask[mask == 15] = 0
        write_mask(voc_root / 'SegmentationClass' / f'{name}.png', mask)
    (stream, kind, text) = only(cfg)
    assert kind == 'class that is tested, but never trained' and "'person'" in text
    for name in ('labeled', 'unlabeled'):
        steps = cfg.train_dataloader[name].dataset.pipeline
        if name == 'labeled':
            steps.insert(1, dict(type='HideUnseenClasses', split=dict(unseen=['person'])))
    report = check_config(cfg)
    assert report.findings == [] and report.streams[0].pixels[15] == 0


def test_orientation_that_a_mask_cannot_show(cfg, voc_root):
    path = image_of(voc_root, 1)
    for orientation, size in ((2, (30, 20)), (3, (30, 20)), (6, (20, 20)), (1, (30, 20))):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new('RGB', size).save(path, exif=exif)
        write_mask(mask_of(voc_root, 1), random_mask(1, 21, *size[::-1]))
        found = findings(cfg)
        assert [kind for _, kind, _ in found] == ['EXIF orientation'] * (orientation > 1)
        assert not found or f"1 images, such as '{path}' (orientation {orientation})" in found[0][2]


@pytest.mark.parametrize(
    ('write', 'kind', 'detail'),
    [
        (lambda rgb: rgb[..., 0].astype(np.uint16) * 16, 'range of values', 'no value above 4080'),
        (lambda rgb: rgb[..., 0].astype(np.uint16) * 257, None, ''),
        (lambda rgb: rgb.astype(np.uint16), 'range of values', 'above 255'),
        (lambda rgb: np.dstack([rgb, rgb[..., 0]]), 'bands', 'RGBA, partly transparent'),
        (lambda rgb: np.dstack([rgb, np.full_like(rgb[..., 0], 255)]), None, ''),
    ],
)
def test_bits_and_bands_that_loading_drops(cfg, voc_root, write, kind, detail):
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    rgb[0, 0] = 255
    path = image_of(voc_root, 1)
    assert cv2.imwrite(str(path.with_suffix('.png')), write(rgb))
    path.with_suffix('.png').replace(path)
    found = findings(cfg)
    assert [entry[1] for entry in found] == [kind] * bool(kind)
    assert detail in str(found)


def test_pages_that_loading_drops(cfg, voc_root):
    path, rgb = image_of(voc_root, 1), Image.new('RGB', (30, 20))
    for second, kinds in ((rgb.resize((15, 10)), []), (rgb, ['bands'])):
        rgb.save(path, 'TIFF', save_all=True, append_images=[second])
        found = findings(cfg)
        assert [entry[1] for entry in found] == kinds
    assert f"'{path}' (2 pages of one size)" in str(found)


def test_masks_of_any_depth(cfg, voc_root):
    for index, dtype in ((1, np.uint16), (6, bool)):
        mask = random_mask(index, 2 if dtype is bool else 21) % 255
        write_mask(mask_of(voc_root, index), mask.astype(dtype))
    assert findings(cfg) == []


def test_tags_and_proposals_are_read(cfg, voc_root, tmp_path):
    dataset = cfg.train_dataloader.unlabeled.dataset
    tags = tmp_path / 'tags.csv'
    dataset.pipeline.insert(1, dict(type='LoadImageTags', tags=str(tags)))
    assert 'tags.csv' in only(cfg)[2] and 'do not exist' in only(cfg)[2]
    rows = [f'{name},cat' for name in VOC_IDS[:6]]
    tags.write_text('\n'.join(['image,classes', *rows[:-1], f'{VOC_IDS[5]},kat']))
    assert "the tag 'kat'" in only(cfg)[2]
    tags.write_text('\n'.join(['image,classes', *rows[:-1]]))
    assert f"no entry for image '{VOC_IDS[5]}'" in only(cfg)[2]
    dataset.pipeline[1] = dict(type='LoadProposals', folder=str(tmp_path / 'boxes'))
    boxes = Proposals(np.array([[0, 0, 9, 9]]), np.ones(1), (20, 30))
    for name in VOC_IDS[:6]:
        write_proposals(tmp_path / f'boxes/{name}.npz', boxes)
    assert findings(cfg) == []
    write_proposals(tmp_path / f'boxes/{VOC_IDS[4]}.npz', boxes._replace(size=(30, 30)))
    (tmp_path / f'boxes/{VOC_IDS[5]}.npz').unlink()
    found = findings(cfg)
    assert [entry[:2] for entry in found] == [('train.unlabeled', 'LoadProposals')] * 2
    assert VOC_IDS[4] in found[0][2] and VOC_IDS[5] in found[1][2]


def test_a_pipeline_that_fails_at_the_first_image(cfg):
    cfg.train_dataloader.unlabeled.dataset.pipeline.insert(
        2, dict(type='RandomCrop', crop_size=(0, 8))
    )
    assert only(cfg)[:2] == ('train.unlabeled', 'pipeline')


def test_long_reports_are_cut(cfg, voc_root):
    for index in (0, 3, 4, 5):
        image_of(voc_root, index).unlink()
    report = check_config(cfg)
    text = format_report(report, limit=1)
    assert 'train.unlabeled: missing image (4)' in text
    assert '... and 3 more' in text
    assert format_report(report, limit=4).count('does not exist') == 4


def test_command_line(cfg, voc_root, tmp_path, les, capsys):
    path = tmp_path / 'config.py'
    cfg.model = tiny.model_cfg(semi_start=9)
    cfg.model.decode_head.num_classes = 21
    cfg.train_cfg = dict(type='StreamIterTrainLoop', max_iters=10)
    cfg.val_evaluator = cfg.test_evaluator = dict(type='IoUMetric')
    cfg.dump(path)

    def run(*options: str) -> int:
        init_default_scope('mmengine')  # as in a new process
        return les('check', path, *options)

    assert run() == 0
    assert capsys.readouterr().out.rstrip().endswith('no findings')
    # What training refuses at its start.
    assert run('--cfg-options', 'train_cfg.max_iters=9') == 1
    assert 'model: start (1)\n  semi_start is 9' in capsys.readouterr().out
    image_of(voc_root, 7).unlink()
    assert run('--workers', '1') == 1
    assert 'val: missing image (1)' in capsys.readouterr().out
    assert (
        run(
            '--cfg-options',
            f'val_dataloader.dataset.ann_file={LISTS}/labeled.txt',
            f'test_dataloader.dataset.ann_file={LISTS}/labeled.txt',
        )
        == 1
    )
    assert 'val: missing image' not in capsys.readouterr().out
