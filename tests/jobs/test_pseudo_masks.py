"""Pseudo masks of small images, against the dense matrix of the walk."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from label_efficient_seg.cli.main import main
from label_efficient_seg.datasets import read_class_maps, write_class_maps
from label_efficient_seg.evaluation import label_areas, mean_iou
from label_efficient_seg.jobs import PseudoMaskJob, PseudoMaskSettings, pseudo_masks
from label_efficient_seg.jobs.fingerprint import read_run
from label_efficient_seg.ops import dense_crf, merge_segments, refine_by_image
from label_efficient_seg.workflows import PseudoMaskStage, Report
from tests.jobs import cam_case
from tests.jobs.cam_case import CLASSES, NAMES, files, mask_of
from tests.jobs.test_affinity_scores import write_cams
from tests.ops.test_random_walk import dense_walk

STRIDE = 4


def config(root: Path, **model) -> Config:
    """Config of an AffinityNet with the images of ``cam_case``; keywords are the model's."""
    cfg = cam_case.config(root)
    # The network needs no tags.
    cfg.test_dataloader.dataset.pipeline = [cam_case.LOAD, cam_case.ANNOTATIONS, cam_case.PACK]
    affinity_net = dict(
        type='AffinityNet',
        data_preprocessor=dict(
            type='SegDataPreProcessor',
            mean=[100.0, 120.0, 140.0],
            std=[64.0] * 3,
            bgr_to_rgb=True,
        ),
        backbone=dict(
            type='DeepLabV2ResNet', depth=18, base_channels=4, stem_channels=4, style='pytorch',
            out_indices=(0, 1, 3),
        ),
        decode_head=dict(type='AffinityHead', in_channels=(4, 8, 32), channels=(4, 4, 4)),
        stride=STRIDE,
    )  # fmt: skip
    cfg.model = affinity_net | model
    return cfg


@pytest.fixture(scope='module')
def data_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('data')
    cam_case.make_data(root)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(config(root).model)
    model.init_weights()
    model.decode_head.fuse.weight.data *= 4  # or all of a small image looks alike
    torch.save(dict(state_dict=model.state_dict(), meta={}), root / 'model.pth')
    return root


@pytest.fixture(scope='module')
def cams(data_root, tmp_path_factory) -> Path:
    return write_cams(data_root, tmp_path_factory.mktemp('cams'))


@pytest.fixture(scope='module')
def made(data_root, cams, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('made')
    make(config(data_root), cams, out)
    return out


def make(cfg: Config, cams: Path, out: Path, **kwargs) -> None:
    root = Path(cfg.test_dataloader.dataset.data_root)
    settings = PseudoMaskSettings(str(root / 'model.pth'), str(cams), **kwargs)
    PseudoMaskJob(cfg, out, settings).run()


def summary(out: Path) -> dict:
    return json.loads((out / 'pseudo_masks.json').read_text())


def read(out: Path, name: str, folder: str = 'pseudo_masks') -> np.ndarray:
    return np.asarray(Image.open(out / folder / f'{name}.png'))


def with_background(cams: np.ndarray, alpha: float = 16) -> np.ndarray:
    background = (1 - cams.max(0, initial=0)) ** alpha
    return np.concatenate([background[None], cams])


@torch.no_grad()
def loop_walk(root: Path, name: str, cams: np.ndarray, **model) -> torch.Tensor:
    """Scores after the walk: cells averaged one by one, and the dense matrix."""
    network = MODELS.build(config(root, **model).model).eval()
    network.load_state_dict(torch.load(root / 'model.pth')['state_dict'])
    image = cv2.imread(str(root / 'images' / f'{name}.png'))[..., ::-1]
    height, width = image.shape[:2]
    grid = -(-height // STRIDE), -(-width // STRIDE)
    padded = np.zeros((grid[0] * STRIDE, grid[1] * STRIDE, 3), np.float32)
    padded[:height, :width] = (image - np.array([100, 120, 140])) / 64
    affinities = network.affinities(torch.from_numpy(padded).permute(2, 0, 1)[None])
    scores, cells = with_background(cams), torch.zeros(1, 1 + len(cams), *grid)
    for y, x in np.ndindex(*grid):
        window = np.s_[:, y * STRIDE : (y + 1) * STRIDE, x * STRIDE : (x + 1) * STRIDE]
        cells[0, :, y, x] = torch.from_numpy(scores[window].sum((1, 2)) / STRIDE**2)
    walked = dense_walk(cells, affinities, network.beta, network.steps)
    walked = torch.nn.Upsample(scale_factor=STRIDE, mode='bilinear')(walked)[0]
    return walked[:, :height, :width]


def test_masks_against_the_dense_matrix(data_root, cams, made):
    seen = set()
    for name in NAMES:
        classes, maps, _ = read_class_maps(cams / f'{name}.npz')
        walked = loop_walk(data_root, name, maps['cam'])
        labels = np.array([0, *classes])
        image = cv2.imread(str(data_root / 'images' / f'{name}.png'))
        photo = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)[None]
        refined = walked
        if len(classes):
            refined = dense_crf(walked.float().clamp(min=1e-5).log()[None], photo)[0]
        for folder, scores in (('walks', walked), ('pseudo_masks', refined)):
            found, expected = read(made, name, folder), labels[scores.argmax(0)]
            assert found.shape == mask_of(data_root, name).shape
            # The CRF is fed with scores that differ in the last bits.
            assert (found == expected).mean() > 0.995
            seen |= {(folder, *np.unique(found))}
    assert len(seen) > 4  # or the masks are trivial


def test_metrics_pixel_by_pixel(data_root, cams, made):
    areas = dict.fromkeys(('mIoU_cam', 'mIoU_walk', 'mIoU'), 0)
    for name in NAMES:
        classes, maps, _ = read_class_maps(cams / f'{name}.npz')
        predictions = dict(
            mIoU_cam=np.array([0, *classes])[with_background(maps['cam']).argmax(0)],
            mIoU_walk=read(made, name, 'walks'),
            mIoU=read(made, name),
        )
        for key, prediction in predictions.items():
            areas[key] += label_areas(prediction, mask_of(data_root, name), len(CLASSES))
    found = summary(made)
    for key, area in areas.items():
        assert found[key] == pytest.approx(mean_iou(area), abs=0.01)
    assert len(set(areas[key].tobytes() for key in areas)) == 3
    truth = np.concatenate([mask_of(data_root, name).ravel() for name in NAMES])
    mask = np.concatenate([read(made, name).ravel() for name in NAMES])
    right = ((mask == truth) & (truth > 0) & (truth < 255)).sum()
    for key, part in dict(recall=(truth > 0), precision=(mask > 0)).items():
        assert found[key] == pytest.approx(100 * right / (part & (truth < 255)).sum(), abs=0.01)
    assert 0 < found['recall'] != found['precision'] < 100
    assert (found['alpha'], found['refinement'], found['neutral']) == (16, 'crf', 0)
    assert (found['beta'], found['steps'], found['border']) == (8, 256, 'complete')
    assert all(np.asarray(Image.open(p)).std() > 10 for p in (made / 'panels').glob('*.png'))
    assert len(list((made / 'panels').glob('*.png'))) == 2


def test_settings_of_the_walk_and_without_a_crf(data_root, cams, made, tmp_path):
    make(config(data_root, beta=2, steps=3), cams, tmp_path, refinement='none')
    changed = 0
    for name in NAMES:
        classes, maps, _ = read_class_maps(cams / f'{name}.npz')
        scores = loop_walk(data_root, name, maps['cam'], beta=2, steps=3)
        expected = np.array([0, *classes])[scores.argmax(0)]
        assert (read(tmp_path, name) == expected).mean() > 0.995
        np.testing.assert_array_equal(read(tmp_path, name), read(tmp_path, name, 'walks'))
        changed += (read(tmp_path, name, 'walks') != read(made, name, 'walks')).sum()
    assert changed > 100
    found = summary(tmp_path)
    assert found['mIoU'] == found['mIoU_walk'] and found['refinement'] == 'none'


def test_par_in_place_of_the_crf(data_root, cams, made, tmp_path):
    make(config(data_root), cams, tmp_path, refinement='par')
    for name in NAMES:
        classes, maps, _ = read_class_maps(cams / f'{name}.npz')
        scores = loop_walk(data_root, name, maps['cam']).float()[None]
        photo = cv2.imread(str(data_root / 'images' / f'{name}.png'))[..., ::-1].copy()
        refined = refine_by_image(scores, torch.from_numpy(photo).permute(2, 0, 1)[None], 'par')[0]
        expected = np.array([0, *classes])[refined.argmax(0)]
        assert (read(tmp_path, name) == expected).mean() > 0.995
    found, with_crf = summary(tmp_path), summary(made)
    assert found['mIoU_walk'] == with_crf['mIoU_walk']
    assert len({found['mIoU'], found['mIoU_walk'], with_crf['mIoU']}) == 3


def test_merge_with_segments(data_root, cams, made, tmp_path):
    shutil.copytree(cams, tmp_path / 'cams')
    shutil.copy(cams.parent / 'fingerprint.json', tmp_path)
    folder, rng = tmp_path / 'segments', np.random.default_rng(0)
    for name in NAMES:
        height, width = mask_of(data_root, name).shape
        blocks = rng.integers(0, 9, (height // 8 + 1, width // 8 + 1))
        numbers = np.kron(blocks, np.ones((8, 8)))[:height, :width].astype(np.uint16)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(numbers).save(folder / f'{name}.png')

    def merge(out: str, **kwargs) -> None:
        make(config(data_root), tmp_path / 'cams', tmp_path / out, **kwargs)

    merge('out', segments=str(folder), max_growth=2)
    for name in NAMES:
        numbers = np.asarray(Image.open(folder / f'{name}.png'))
        segments = torch.from_numpy(np.stack([numbers == n for n in range(1, 9)]))
        before = torch.from_numpy(read(made, name).copy())
        expected = merge_segments(before, segments, max_growth=2)
        np.testing.assert_array_equal(read(tmp_path / 'out', name), expected)
        np.testing.assert_array_equal(
            read(tmp_path / 'out', name, 'walks'), read(made, name, 'walks')
        )
    assert summary(tmp_path / 'out')['mIoU'] != summary(made)['mIoU']
    Image.fromarray(np.full_like(numbers, 3)).save(folder / f'{name}.png')
    with pytest.raises(ValueError, match='pseudo masks of another segments'):
        merge('out', segments=str(folder), max_growth=2)
    (folder / f'{name}.png').unlink()
    with pytest.raises(FileNotFoundError, match=f"no segments of image '{name}'"):
        merge('other', segments=str(folder))


def test_unsure_pixels_are_neutral_and_do_not_count(data_root, cams, tmp_path):
    make(config(data_root), cams, tmp_path, refinement='none', min_confidence=0.6)
    areas, neutral, number, right, objects = 0, 0, 0, 0, 0
    for name in NAMES:
        classes, maps, _ = read_class_maps(cams / f'{name}.npz')
        scores = loop_walk(data_root, name, maps['cam']).numpy()
        sure = scores.max(0) >= 0.6 * scores.sum(0)
        expected = np.where(sure, np.array([0, *classes])[scores.argmax(0)], 255)
        found = read(tmp_path, name)
        assert (found == expected).mean() > 0.99
        neutral, number = neutral + (found == 255).sum(), number + found.size
        truth = np.where(found == 255, 255, mask_of(data_root, name))
        areas += label_areas(np.where(found == 255, 0, found), truth, len(CLASSES))
        objects += ((truth > 0) & (truth < 255)).sum()
        right += ((truth > 0) & (truth == found) & (truth < 255)).sum()
    assert 0.05 < neutral / number < 0.95
    assert summary(tmp_path)['neutral'] == pytest.approx(100 * neutral / number, abs=0.01)
    assert summary(tmp_path)['mIoU'] == pytest.approx(mean_iou(areas), abs=0.01)
    assert summary(tmp_path)['recall'] == pytest.approx(100 * right / objects, abs=0.01)


def test_masks_are_those_of_a_dataset(data_root, made):
    cfg = config(data_root).test_dataloader.dataset
    cfg.data_prefix = dict(img_path='images', seg_map_path=str(made / 'pseudo_masks'))
    cfg.seg_map_suffix = '.png'
    from mmseg.registry import DATASETS

    dataset = DATASETS.build(cfg)
    assert len(dataset) == len(NAMES)
    for index, name in enumerate(sorted(NAMES)):
        mask = dataset[index]['data_samples'].gt_sem_seg.data[0].numpy()
        np.testing.assert_array_equal(mask, read(made, name))


def run_in(root: Path, cams: Path, out: Path, kill_at: int = 0) -> Callable[[str], None]:
    def run(launcher: str) -> None:
        cfg = config(root)
        cfg.launcher = launcher
        if kill_at:
            cam_case.die_at(pseudo_masks, 'write_label', kill_at)
        make(cfg, cams, out)

    return run


def test_killed_and_continued_by_more_processes(data_root, cams, made, tmp_path):
    # Each image has two files; the eighth is missing.
    cam_case.launch(1, run_in(data_root, cams, tmp_path, kill_at=8), killed=True)
    done = {p: p.stat().st_mtime_ns for p in (tmp_path / 'pseudo_masks').rglob('*.png')}
    assert len(done) == 3 and not (tmp_path / 'pseudo_masks.json').exists()
    cam_case.launch(2, run_in(data_root, cams, tmp_path))
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert files(tmp_path) == files(made)


def test_what_does_not_belong_here_is_named(data_root, cams, made, tmp_path):
    cfg, folder = config(data_root), tmp_path / 'cams'
    shutil.copytree(cams.parent, tmp_path, dirs_exist_ok=True)

    def fails(
        message: str, cfg: Config = cfg, kind: type[Exception] = ValueError,
        out: Path = tmp_path / 'out', **kwargs,
    ) -> None:  # fmt: skip
        with pytest.raises(kind, match=message):
            make(cfg, folder, out, **kwargs)

    for change in (dict(alpha=8), dict(refinement='none'), dict(min_confidence=0.1)):
        fails('holds pseudo masks of another config .* with --out', out=made, **change)
    fails('pseudo masks of another config', config(data_root, beta=4), out=made)
    fails(r'min_confidence must be in \[0, 1\), but is 1.5', min_confidence=1.5)
    small = config(data_root, border='reference', stride=8)
    fails("image 'a/00': border='reference' .*border='complete' takes any", small)
    (tmp_path / 'fingerprint.json').write_text(json.dumps(dict(checkpoint='y')))
    fails('holds pseudo masks of another CAMs', out=made)
    fails('00.npz. come from another run', out=tmp_path / 'again')
    (folder / f'{NAMES[4]}.npz').unlink()
    fails("has no 'a/04.npz'; run les cams", kind=FileNotFoundError)
    segmentor, settings = (
        cam_case.config(data_root),
        PseudoMaskSettings(str(data_root / 'model.pth'), str(cams)),
    )
    with pytest.raises(ValueError, match='of another model|refines no CAMs'):
        PseudoMaskJob(segmentor, tmp_path / 'x', settings).run()


def test_cams_of_another_size_are_named(data_root, cams, tmp_path):
    shutil.copytree(cams.parent, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / 'cams'
    run = read_run(folder, 'tool')
    write_class_maps(folder / f'{NAMES[0]}.npz', [1], run=run, cam=np.zeros((1, 9, 9)))
    with pytest.raises(ValueError, match="image 'a/00': scores of 9 x 9 do not fit .* 24 x 40"):
        make(config(data_root), folder, tmp_path / 'out')


def test_stage_and_command_line(data_root, cams, tmp_path):
    config(data_root).dump(tmp_path / 'config.py')
    stage = PseudoMaskStage(
        str(tmp_path / 'config.py'), {'model.steps': 4}, checkpoint=str(data_root / 'model.pth'),
        cams=str(cams), alpha=8, refinement='none', min_confidence=0.25,
    )  # fmt: skip
    main([PseudoMaskJob.verb, *stage.arguments(tmp_path / 'out', 3)])
    found = summary(tmp_path / 'out')
    settings = {key: found[key] for key in ('alpha', 'refinement', 'min_confidence', 'steps')}
    assert settings == dict(alpha=8, refinement='none', min_confidence=0.25, steps=4)
    result = stage.collect(tmp_path / 'out')
    assert result.outputs == dict(pseudo_masks=tmp_path / 'out' / 'pseudo_masks')
    names = ['mIoU', 'mIoU_cam', 'mIoU_walk', 'recall', 'precision', 'neutral']
    assert list(result.metrics) == names and result.note
    report = Report('Title')
    stage.describe(report, tmp_path / 'out')
    assert report.to_html().count('<img src="data:image') == 2
