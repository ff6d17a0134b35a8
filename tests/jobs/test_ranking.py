"""Rankings of small images by a network with random weights, against sums in NumPy."""

import json
import multiprocessing
import os
import shutil
import signal
import socket
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from mmseg.models import EncoderDecoder
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from label_efficient_seg.datasets import PartiallyLabeledMixin
from label_efficient_seg.jobs import EntropyRankJob, EntropyRankSettings, ranking
from tests.models import tiny

CLASSES = ('road', 'pole', 'bus')
PALETTE = [[10, 20, 30], [200, 0, 0], [0, 200, 0]]
LOAD, PACK = dict(type='LoadImageFromFile'), dict(type='PackSegInputs')
NUMBER = 20


@DATASETS.register_module()
class FiveClassDataset(PartiallyLabeledMixin, BaseSegDataset):
    """A dataset of which three classes are chosen, so that mask files have other values."""

    METAINFO = dict(
        classes=('sky', 'road', 'tree', 'pole', 'bus'),
        palette=[[0, 0, 9], PALETTE[0], [0, 9, 0], PALETTE[1], PALETTE[2]],
    )
    DATA_PREFIX = dict(img_path='images', seg_map_path='masks')


def image_name(index: int) -> str:
    """Ids in two folders; the images 4 and 11 are copied under the names 16 to 19."""
    return f'{"ab"[index % 2]}/{index:02d}'


@pytest.fixture(scope='module')
def data_root(tmp_path_factory) -> Path:
    """Images of several sizes, and the weights of a network."""
    root = tmp_path_factory.mktemp('data')
    rng = np.random.default_rng(0)
    images = []
    for index in range(16):
        size = (24 + 8 * (index % 3), 40 + 5 * (index % 4))
        coarse = rng.integers(0, 256, (4 + index % 5, 6, 3), np.uint8)
        images.append(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC))
    images += [images[4], images[11], images[4], images[4]]
    for index, image in enumerate(images):
        path = root / 'images' / f'{image_name(index)}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    names = [image_name(index) for index in range(NUMBER)]
    (root / 'all.txt').write_text('\n'.join(reversed(names)))
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(config(root).model)
    torch.nn.init.normal_(model.decode_head.convs[0].weight, std=0.5)
    torch.nn.init.normal_(model.decode_head.convs[1].weight, std=0.5)
    torch.save(dict(state_dict=model.state_dict(), meta={}), root / 'model.pth')
    return root


def config(root: Path, pipeline: Sequence[dict] = (LOAD, PACK), **dataset) -> Config:
    """Config with a stream of unlabeled target images; keywords are the dataset's."""
    kept = ('backbone', 'data_preprocessor', 'decode_head', 'test_cfg')
    model = {key: value for key, value in tiny.model_cfg().items() if key in kept}
    dataset = dict(
        dict(
            type='ImageFolderSegDataset',
            data_root=str(root),
            ann_file='all.txt',
            metainfo=dict(classes=CLASSES, palette=PALETTE),
            # What is read in training is none of the ranking's business.
            pipeline=[dict(type='NoSuchTransform')],
        ),
        **dataset,
    )
    loader = dict(num_workers=0, dataset=dict(type=dataset['type'], pipeline=list(pipeline)))
    cfg = dict(
        default_scope='mmseg',
        model=dict(type='EncoderDecoder', **model),
        train_dataloader=dict(source=dict(dataset=dict(type='None')), target=dict(dataset=dataset)),
        train_cfg=dict(type='StreamIterTrainLoop', max_iters=1),
        optim_wrapper=dict(type='OptimWrapper'),
        test_dataloader=loader,
        test_cfg=dict(type='TestLoop'),
        test_evaluator=dict(type='IoUMetric'),
        custom_hooks=[dict(type='CheckpointMatchHook')],
        log_level='WARNING',
        launcher='none',
    )
    return Config(cfg)


def rank(cfg: Config, root: Path, out: Path, **kwargs) -> None:
    EntropyRankJob(cfg, out, EntropyRankSettings(str(root / 'model.pth'), **kwargs)).run()


def network(root: Path, cfg: Config) -> EncoderDecoder:
    model = MODELS.build(cfg.model)
    model.load_state_dict(torch.load(root / 'model.pth')['state_dict'])
    return model.eval()


@torch.no_grad()
def logits_of(model: EncoderDecoder, image: np.ndarray) -> np.ndarray:
    """Class scores, (C, H, W), of a BGR image in [0, 255] after the mean and deviation."""
    inputs = torch.from_numpy((image.astype(np.float32) - 127.5) / 64).permute(2, 0, 1)[None]
    logits = model.decode_head.forward(model.backbone(inputs))
    return F.interpolate(logits, image.shape[:2], mode='bilinear', align_corners=True)[0].numpy()


def mean_information(logits: np.ndarray) -> float:
    """-p log p / log C, summed pixel by pixel and class by class, over their number."""
    total = 0.0
    for pixel in logits.reshape(len(logits), -1).T.astype(np.float64):
        p = np.exp(pixel - pixel.max())
        p /= p.sum()
        total += -(p * np.log2(p)).sum() / np.log2(len(p))
    return total / logits.size


def read_image(root: Path, name: str) -> np.ndarray:
    return cv2.imread(str(root / 'images' / f'{name}.png'))


def results(out: Path) -> dict[str, tuple[float, str]]:
    """Score and split of each image, in the order of the ranking."""
    rows = [line.split(',') for line in (out / 'ranking.csv').read_text().splitlines()[1:]]
    assert [row[2] for row in rows] == [str(i + 1) for i in range(len(rows))]
    return {row[0]: (float(row[1]), row[3]) for row in rows}


def labels(out: Path, name: str) -> np.ndarray:
    image = Image.open(out / 'pseudo_masks' / f'{name}.png')
    assert image.mode == 'P' and np.asarray(image).dtype == np.uint8
    return np.asarray(image)


def files(out: Path) -> dict[str, bytes]:
    """All results but the log and the order in which scores were found."""
    found = {str(path.relative_to(out)): path for path in out.rglob('*') if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if not name.startswith(('log/', 'scores/'))
    }


@pytest.fixture(scope='module')
def ranked(data_root, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('ranked')
    rank(config(data_root), data_root, out)
    return out


@pytest.fixture
def no_plots(monkeypatch) -> None:
    """Leaves out what takes longest."""
    monkeypatch.setattr(ranking, 'plot_split_histogram', lambda *_: None)
    monkeypatch.setattr(ranking, 'make_ranking_panel', lambda *_: np.zeros((1, 1, 3), np.uint8))


def test_ranking_against_a_sum_in_numpy(data_root, ranked):
    model = network(data_root, config(data_root))
    expected, predicted = {}, set()
    for index in range(NUMBER):
        name = image_name(index)
        logits = logits_of(model, read_image(data_root, name))
        expected[name] = mean_information(logits)
        assert np.array_equal(labels(ranked, name), logits.argmax(0))
        predicted |= set(np.unique(logits.argmax(0)))
    assert predicted == {0, 1, 2} and np.ptp(list(expected.values())) > 0.01
    found = results(ranked)
    assert found.keys() == expected.keys()
    assert all(found[name][0] == pytest.approx(expected[name], rel=1e-5) for name in expected)
    # The copies have the same score, up to the last bit, and come in the order of their names.
    order = list(found)
    for names in ([image_name(i) for i in (4, 16, 18, 19)], [image_name(i) for i in (11, 17)]):
        assert len({found[name][0] for name in names}) == 1
        position = order.index(names[0])
        assert order[position : position + len(names)] == sorted(names)
    # 0.67 of 20 images are 13.4.
    assert [split for _, split in found.values()] == ['easy'] * 13 + ['hard'] * 7
    assert (ranked / 'easy.txt').read_text().split() == order[:13]
    assert (ranked / 'hard.txt').read_text().split() == order[13:]


def test_summary_and_metrics(data_root, ranked):
    summary = json.loads((ranked / 'ranking.json').read_text())
    scores = [score for score, _ in results(ranked).values()]
    assert (summary['images'], summary['easy'], summary['hard']) == (20, 13, 7)
    assert (summary['ratio'], summary['normalize_rare']) == (0.67, False)
    assert summary['mean_score'] == pytest.approx(np.mean(scores))
    assert len(summary['checkpoint_sha256']) == 64
    pictures = [ranked / 'histogram.png']
    pictures += [ranked / 'panels' / f'{name}.png' for name in ('easiest', 'border', 'hardest')]
    assert all(np.asarray(Image.open(picture)).std() > 10 for picture in pictures)


def test_lists_and_labels_are_streams_for_training(data_root, ranked):
    loading = [LOAD, dict(type='LoadCheckedAnnotations'), PACK]
    common = dict(
        type='ImageFolderSegDataset', data_root=str(data_root), metainfo=dict(classes=CLASSES)
    )
    easy = DATASETS.build(
        dict(
            common,
            ann_file=str(ranked.absolute() / 'easy.txt'),
            data_prefix=dict(seg_map_path=str(ranked.absolute() / 'pseudo_masks')),
            seg_map_suffix='.png',
            pipeline=loading,
        )
    )
    hard = DATASETS.build(dict(common, ann_file=str(ranked.absolute() / 'hard.txt'), labeled=False))
    assert (len(easy), len(hard)) == (13, 7)
    for index, name in enumerate((ranked / 'easy.txt').read_text().split()):
        mask = easy[index]['data_samples'].gt_sem_seg.data[0].numpy()
        assert np.array_equal(mask, labels(ranked, name))


def test_labels_have_the_values_of_the_datasets_own_files(data_root, ranked, tmp_path, no_plots):
    metainfo = dict(classes=CLASSES)
    dataset = dict(type='FiveClassDataset', metainfo=metainfo, img_suffix='.png')
    rank(config(data_root, **dataset), data_root, tmp_path)
    assert results(tmp_path) == results(ranked)
    name = image_name(3)
    assert np.array_equal(labels(tmp_path, name), np.array([1, 3, 4])[labels(ranked, name)])
    colors = [Image.open(o / 'pseudo_masks' / f'{name}.png') for o in (tmp_path, ranked)]
    assert np.array_equal(*(np.asarray(image.convert('RGB')) for image in colors))
    read = DATASETS.build(
        dict(
            dataset,
            data_root=str(data_root),
            data_prefix=dict(seg_map_path=str(tmp_path / 'pseudo_masks')),
            ann_file=str(tmp_path / 'easy.txt'),
            pipeline=[LOAD, dict(type='LoadCheckedAnnotations'), PACK],
        )
    )
    first = read[0]['data_samples'].gt_sem_seg.data[0].numpy()
    assert np.array_equal(first, labels(ranked, (ranked / 'easy.txt').read_text().split()[0]))


def test_images_are_prepared_as_in_a_test_and_labels_brought_back(data_root, tmp_path, no_plots):
    width, height = 53, 31
    resize = dict(type='Resize', scale=(width, height), keep_ratio=False)
    pipeline = [LOAD, resize, dict(type='LoadCheckedAnnotations'), PACK]
    cfg = config(data_root, pipeline, indices=4)
    rank(cfg, data_root, tmp_path, ratio=0.5)
    found = results(tmp_path)
    assert list(found) != sorted(found) and len(found) == 4
    for name, (score, _) in found.items():
        image = read_image(data_root, name)
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        logits = logits_of(network(data_root, cfg), small)
        assert score == pytest.approx(mean_information(logits), rel=1e-5)
        rows, columns = (
            ((np.arange(n) + 0.5) * m / n).astype(int)
            for n, m in zip(image.shape, (height, width), strict=False)
        )
        assert np.array_equal(labels(tmp_path, name), logits.argmax(0)[np.ix_(rows, columns)])


def test_padding_does_not_count(data_root, tmp_path, no_plots):
    # The pipeline pads grey at the right, the preprocessor zeros (after the mean) at the bottom.
    pad = dict(type='Pad', size=(72, 24), pad_val=128)
    cfg = config(data_root, [LOAD, pad, PACK], indices=[NUMBER - 1, NUMBER - 4])
    cfg.model.data_preprocessor.test_cfg = dict(size=(40, 72))
    rank(cfg, data_root, tmp_path, ratio=0.5)
    found = results(tmp_path)
    assert found.keys() == {image_name(0), image_name(3)}
    for name, (score, _) in found.items():
        image = read_image(data_root, name)
        assert image.shape[0] == 24
        padded = np.full((40, 72, 3), 127.5, np.float32)
        padded[:24] = 128
        padded[:24, : image.shape[1]] = image
        logits = logits_of(network(data_root, cfg), padded)[:, :24, : image.shape[1]]
        assert score == pytest.approx(mean_information(logits), rel=1e-5)
        assert np.array_equal(labels(tmp_path, name), logits.argmax(0))


def test_windows(data_root, tmp_path, no_plots):
    cfg = config(data_root, indices=4)
    cfg.resume = True  # as in the config that a resumed training leaves
    cfg.model.test_cfg = dict(mode='slide', crop_size=(24, 32), stride=(16, 16))
    rank(cfg, data_root, tmp_path, ratio=0.5)
    model = network(data_root, cfg)
    for name, (score, _) in results(tmp_path).items():
        image = read_image(data_root, name)
        height, width = image.shape[:2]
        total, count = np.zeros((3, height, width)), np.zeros((height, width))
        for top in sorted({min(t, height - 24) for t in range(0, height - 24 + 16, 16)}):
            for left in sorted({min(x, width - 32) for x in range(0, width - 32 + 16, 16)}):
                window = np.s_[top : top + 24, left : left + 32]
                total[:, window[0], window[1]] += logits_of(model, image[window])
                count[window] += 1
        assert score == pytest.approx(mean_information(total / count), rel=1e-5)


def test_other_settings_score_nothing_again(data_root, ranked, tmp_path, monkeypatch):
    shutil.copytree(ranked, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(EntropyRankJob, 'process', None)  # it must not be called
    rank(
        config(data_root), data_root, tmp_path,
        ratio=Fraction(1, 4), normalize_rare=True, rare_classes=['pole', 'bus'],
    )  # fmt: skip
    found, before = results(tmp_path), results(ranked)
    for name, (score, _) in before.items():
        seen = len({1, 2} & set(np.unique(labels(ranked, name))))
        assert found[name][0] == pytest.approx(score * {0: 1.5, 1: 1.0, 2: 0.5}[seen])
    assert list(found) != list(before)
    assert [split for _, split in found.values()].count('easy') == 5
    summary = json.loads((tmp_path / 'ranking.json').read_text())
    assert (summary['normalize_rare'], summary['rare_classes']) == (True, ['pole', 'bus'])


def launched(rank_: int, world_size: int, port: int, root: Path, out: Path, kill_at: int) -> None:
    """Rank in one of several processes; each may kill itself in the middle of a line."""
    os.environ.update(RANK=str(rank_), WORLD_SIZE=str(world_size), LOCAL_RANK=str(rank_))
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    cfg = config(root)
    cfg.launcher = 'pytorch' if world_size > 1 else 'none'
    write_score, calls = ranking.write_score, []

    def write_and_die(file, score) -> None:
        calls.append(score)
        if len(calls) == kill_at:
            with open(file, 'a') as unfinished:
                unfinished.write('\n{"image": "' + score.image)
            os.kill(os.getpid(), signal.SIGKILL)
        write_score(file, score)

    ranking.write_score = write_and_die
    rank(cfg, root, out)


def launch(world_size: int, root: Path, out: Path, kill_at: int = 0) -> None:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context('fork')
    arguments = (world_size, port, root, out, kill_at)
    processes = [fork.Process(target=launched, args=(i, *arguments)) for i in range(world_size)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    expected = -signal.SIGKILL if kill_at else 0
    assert [process.exitcode for process in processes] == [expected] * world_size


def scored(out: Path) -> list[str]:
    """Ids in the complete lines of the journals."""
    lines = [line for path in (out / 'scores').iterdir() for line in path.read_text().split('\n')]
    return [json.loads(line)['image'] for line in lines if line.endswith('}')]


@pytest.mark.parametrize(('first', 'second'), [(1, 2), (2, 1)])
def test_killed_and_continued_by_more_or_fewer_processes(
    data_root, ranked, tmp_path, first, second
):
    launch(first, data_root, tmp_path, kill_at=7)
    assert len(scored(tmp_path)) == 6 * first
    assert not (tmp_path / 'ranking.json').exists() and not (tmp_path / 'easy.txt').exists()
    launch(second, data_root, tmp_path)
    assert sorted(scored(tmp_path)) == sorted(map(image_name, range(NUMBER)))  # each once
    assert files(tmp_path) == files(ranked)


def test_a_lost_label_is_made_again(data_root, ranked, tmp_path):
    shutil.copytree(ranked, tmp_path, dirs_exist_ok=True)
    (tmp_path / 'pseudo_masks' / f'{image_name(5)}.png').unlink()
    rank(config(data_root), data_root, tmp_path)
    assert files(tmp_path) == files(ranked)


def test_scores_of_another_checkpoint_or_config_are_refused(data_root, ranked, tmp_path):
    cfg = config(data_root)
    other = torch.load(data_root / 'model.pth')
    other['state_dict']['decode_head.convs.0.bias'] += 1
    torch.save(other, tmp_path / 'other.pth')
    before = files(ranked)
    with pytest.raises(ValueError, match='scores of another checkpoint .* with --out'):
        EntropyRankJob(cfg, ranked, EntropyRankSettings(str(tmp_path / 'other.pth'))).run()
    for change in (dict(indices=5), dict(pipeline=[LOAD, dict(type='Pad', size=(64, 64)), PACK])):
        with pytest.raises(ValueError, match='scores of another config .* with --out'):
            rank(config(data_root, **change), data_root, ranked)
    assert files(ranked) == before


def test_faults_are_named_before_anything_is_scored(data_root, tmp_path):
    cfg = config(data_root)

    def fails(message: str, cfg: Config = cfg, checkpoint: str = 'model.pth', **kwargs) -> None:
        with pytest.raises((ValueError, OSError), match=message):
            settings = EntropyRankSettings(str(data_root / checkpoint), **kwargs)
            EntropyRankJob(cfg, tmp_path / 'out', settings).run()

    fails("no stream 'hard', only source, target; name", stream='hard')
    single = config(data_root)
    single.train_dataloader = single.train_dataloader.target
    fails("no stream 'target', only a single one", single)
    fails('gone.pth. does not exist', checkpoint='gone.pth')
    fails('between 0 and 1, but is 1.2', ratio=1.2)
    fails('none of the 20 images easy', ratio=0.01)
    fails("no class 'wall', 'fence', .*--rare-classes: road, pole, bus", normalize_rare=True)
    fails('which classes it has', config(data_root, metainfo=dict()))
    fails('predicts 3 classes, but .* has 2', config(data_root, metainfo=dict(classes=('a', 'b'))))
    fails('rank one plain dataset', config(data_root, type='ConcatDataset'))
    larger = config(data_root)
    larger.model.backbone.base_channels = 8
    larger.model.decode_head.in_channels = 64
    fails('is of another model than EncoderDecoder', larger)
    assert not (tmp_path / 'out' / 'scores').exists()


def test_broken_weights_are_named(data_root, tmp_path):
    broken = torch.load(data_root / 'model.pth')
    broken['state_dict']['decode_head.convs.0.bias'] += torch.nan
    torch.save(broken, tmp_path / 'broken.pth')
    with pytest.raises(FloatingPointError, match=r'broken\.pth.*decode_head\.convs\.0\.bias'):
        settings = EntropyRankSettings(str(tmp_path / 'broken.pth'))
        EntropyRankJob(config(data_root), tmp_path / 'out', settings).run()


def test_command_line(data_root, ranked, tmp_path, les, capsys):
    config(data_root).dump(tmp_path / 'config.py')
    words = (tmp_path / 'config.py', data_root / 'model.pth', '--out', tmp_path / 'out')
    options = ('--ratio', '0.3', '--normalize-rare', '--rare-classes', 'bus')
    assert les('rank', *words, *options) == 0
    assert 'scores: 20/20 in ' in ''.join(capsys.readouterr())
    assert len((tmp_path / 'out' / 'easy.txt').read_text().split()) == 6
    for name, (score, _) in results(tmp_path / 'out').items():
        factor = 0.5 if 2 in labels(ranked, name) else 1.5
        assert score == pytest.approx(results(ranked)[name][0] * factor, rel=1e-6)
