"""Panels written by a real runner, and their choice, names and columns."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.registry import DATASETS, HOOKS, MODELS
from mmseg.structures import SegDataSample
from PIL import Image

from label_efficient_seg.engine.hooks import panel_hook
from label_efficient_seg.visualization import heatmap

CLASSES, PALETTE = ('sky', 'tree', 'road'), [[10, 20, 200], [20, 150, 30], [120, 0, 60]]
TILE, GAP = 60, 6


def hook(**options: object) -> panel_hook.PanelHook:
    return HOOKS.build(dict(type='PanelHook', draw=True, tile_width=TILE, **options))


def columns_of(path: Path) -> int:
    return (Image.open(path).width - GAP) // (TILE + GAP)


def tile_of(path: Path, column: int) -> np.ndarray:
    """The lowest square of a column's tile, found by the frame around the first tile."""
    panel = np.asarray(Image.open(path))
    frame = np.flatnonzero((panel[:, GAP - 1] == (205, 208, 212)).all(-1))
    left = GAP + column * (TILE + GAP)
    return panel[frame[0] + 1 : frame[-1], left : left + TILE]


def fake_runner(tmp_path: Path, model: object, iteration: int = 7) -> SimpleNamespace:
    dataset = SimpleNamespace(metainfo=dict(classes=CLASSES, palette=PALETTE))
    loader = SimpleNamespace(dataset=dataset)
    messages: list[str] = []
    return SimpleNamespace(
        work_dir=str(tmp_path), iter=iteration, model=model, val_dataloader=loader,
        test_dataloader=loader, messages=messages, logger=SimpleNamespace(info=messages.append),
        visualizer=SimpleNamespace(images=[], add_image=None),
    )  # fmt: skip


def sample(prediction: torch.Tensor, truth: bool = True, **metainfo: str) -> SegDataSample:
    logits = torch.nn.functional.one_hot(prediction, 3).permute(2, 0, 1).float()
    result = SegDataSample(metainfo=metainfo)
    result.pred_sem_seg = PixelData(data=prediction[None])
    result.seg_logits = PixelData(data=logits)
    if truth:
        result.gt_sem_seg = PixelData(data=torch.zeros_like(prediction)[None])
    return result


def batch(count: int) -> dict:
    return dict(inputs=[torch.zeros(3, 4, 4, dtype=torch.uint8)] * count)


class Judged(torch.nn.Module):
    """A model whose discriminator trusts the left half of every image."""

    confidence_threshold = 0.5

    def confidence(self, seg_logits: torch.Tensor) -> torch.Tensor:
        belief = torch.full_like(seg_logits[:, :1], 0.1)
        belief[..., : belief.shape[-1] // 2] = 0.9
        return belief


def test_validation_draws_the_first_images(tmp_path: Path) -> None:
    runner, panels = fake_runner(tmp_path, torch.nn.Identity()), hook(num_images=3)
    prediction = torch.zeros(4, 4, dtype=torch.int64)
    for _ in range(2):  # each validation starts to count anew
        panels.before_val_epoch(runner)
        for number in range(3):
            outputs = [sample(prediction, img_path=f'x/{2 * number + i}.jpg') for i in range(2)]
            panels.after_val_iter(runner, number, batch(2), outputs)
        panels.after_val_epoch(runner)
    assert sorted(path.name for path in (tmp_path / 'vis' / '7').iterdir()) == [
        '0.png', '1.png', '2.png',
    ]  # fmt: skip
    assert runner.messages[-1].endswith(str(Path('vis', '7')))


def test_tests_draw_every_nth_image_of_all(tmp_path: Path) -> None:
    runner = fake_runner(tmp_path, torch.nn.Identity())
    panels = hook(num_images=1, interval=2, out_dir=str(tmp_path / 'shown'))
    panels.before_test_epoch(runner)
    prediction = torch.zeros(4, 4, dtype=torch.int64)
    for index in range(5):
        panels.after_test_iter(runner, index, batch(1), [sample(prediction, img_path=f'{index}.x')])
    names = sorted(path.name for path in (tmp_path / 'shown').iterdir())
    assert names == ['0.png', '2.png', '4.png']


def test_nothing_is_drawn_by_default(tmp_path: Path) -> None:
    runner, panels = fake_runner(tmp_path, torch.nn.Identity()), HOOKS.build(dict(type='PanelHook'))
    panels.before_val_epoch(runner)
    panels.after_val_iter(runner, 0, batch(1), [sample(torch.zeros(4, 4, dtype=torch.int64))])
    panels.after_test_iter(runner, 0, batch(1), [sample(torch.zeros(4, 4, dtype=torch.int64))])
    panels.after_val_epoch(runner)
    assert not list(tmp_path.iterdir()) and not runner.messages


def test_processes_share_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Process 1 of 2 holds images 1, 3, 5: of the first four, it draws the ones with its images."""
    monkeypatch.setattr(panel_hook, 'get_dist_info', lambda: (1, 2))
    runner, panels = fake_runner(tmp_path, torch.nn.Identity()), hook(num_images=4)
    panels.before_val_epoch(runner)
    for step, index in enumerate((1, 3, 5)):
        output = sample(torch.zeros(4, 4, dtype=torch.int64), img_path=f'{index}.jpg')
        panels.after_val_iter(runner, step, batch(1), [output])
    assert sorted(path.stem for path in (tmp_path / 'vis' / '7').iterdir()) == ['1', '3']


def test_equal_names_in_different_folders_keep_both(tmp_path: Path) -> None:
    runner, panels = fake_runner(tmp_path, torch.nn.Identity()), hook()
    panels.before_val_epoch(runner)
    prediction = torch.zeros(4, 4, dtype=torch.int64)
    outputs = [sample(prediction, img_path=f'{folder}/frame.jpg') for folder in 'ab']
    panels.after_val_iter(runner, 0, batch(2), outputs)
    names = sorted(path.name for path in (tmp_path / 'vis' / '7').iterdir())
    assert names == ['frame.png', 'frame_000001.png']


def test_a_judged_model_gets_confidence_and_selection(tmp_path: Path) -> None:
    runner, panels = fake_runner(tmp_path, Judged()), hook()
    panels.before_val_epoch(runner)
    outputs = [sample(torch.full((4, 4), 2))]
    panels.after_val_iter(runner, 0, batch(1), outputs)
    path = tmp_path / 'vis' / '7' / '000000.png'
    assert columns_of(path) == 5
    for column, (left, right) in {
        2: (PALETTE[2], PALETTE[2]),
        3: tuple(heatmap(np.array([[0.9, 0.1]]))[0].tolist()),
        4: (PALETTE[2], [190, 190, 190]),
    }.items():
        tile = tile_of(path, column)
        assert [tile[TILE // 2, 3].tolist(), tile[TILE // 2, -3].tolist()] == [left, right], column


@pytest.mark.parametrize(
    ('truth', 'metainfo', 'columns'),
    [
        (True, dict(img_path='a.jpg', seg_map_path='a.png'), 4),
        (True, dict(), 4),  # generated data needs no files
        (True, dict(img_path='a.jpg'), 3),  # an unlabeled folder: the mask only marks padding
        (False, dict(img_path='a.jpg'), 3),
    ],
)
def test_ground_truth_is_shown_where_there_is_one(
    tmp_path: Path, truth: bool, metainfo: dict, columns: int
) -> None:
    runner, panels = fake_runner(tmp_path, torch.nn.Identity()), hook()
    panels.before_val_epoch(runner)
    output = sample(torch.zeros(4, 4, dtype=torch.int64), truth, **metainfo)
    panels.after_val_iter(runner, 0, batch(1), [output])
    (path,) = (tmp_path / 'vis' / '7').iterdir()
    assert columns_of(path) == columns


def test_without_confidence_the_entropy_is_the_last_column(tmp_path: Path) -> None:
    runner, panels = fake_runner(tmp_path, torch.nn.Identity()), hook()
    panels.before_val_epoch(runner)
    output = sample(torch.zeros(4, 4, dtype=torch.int64))
    scores = torch.zeros(3, 4, 4)
    scores[0, :, 2:] = 50  # on the left any class, on the right surely the first
    output.seg_logits.data = scores
    panels.after_val_iter(runner, 0, batch(1), [output])
    path = tmp_path / 'vis' / '7' / '000000.png'
    tile = tile_of(path, columns_of(path) - 1)
    left, right = heatmap(np.array([[1.0, 0.0]]))[0].tolist()
    assert [tile[TILE // 2, 3].tolist(), tile[TILE // 2, -3].tolist()] == [left, right]


def test_the_photo_comes_from_its_file_or_else_from_the_batch(tmp_path: Path) -> None:
    color = np.array([200, 100, 50], np.uint8)
    Image.fromarray(np.tile(color, (4, 4, 1))).save(tmp_path / 'file.png')
    bgr = torch.from_numpy(color[::-1].copy())[:, None, None].expand(3, 4, 4)
    prediction = torch.zeros(4, 4, dtype=torch.int64)
    runner, panels = fake_runner(tmp_path, torch.nn.Identity()), hook()
    panels.before_val_epoch(runner)
    outputs = [sample(prediction, img_path=str(tmp_path / 'file.png')), sample(prediction)]
    panels.after_val_iter(runner, 0, dict(inputs=[bgr * 0, bgr]), outputs)
    for name in ('file', '000001'):
        assert np.all(tile_of(tmp_path / 'vis' / '7' / f'{name}.png', 0) == color), name


@pytest.mark.parametrize('option', ['interval', 'num_images'])
def test_zero_images_are_refused(option: str) -> None:
    with pytest.raises(ValueError, match='draw=False'):
        hook(**{option: 0})


@DATASETS.register_module()
class PanelTestDataset(torch.utils.data.Dataset):
    """Six labeled noise images in memory."""

    metainfo = dict(classes=CLASSES, palette=PALETTE)

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> dict:
        generator = torch.Generator().manual_seed(index)
        output = SegDataSample(metainfo=dict(ori_shape=(32, 40), img_shape=(32, 40)))
        labels = torch.randint(0, 3, (1, 32, 40), generator=generator)
        output.gt_sem_seg = PixelData(data=labels)
        inputs = torch.randint(0, 256, (3, 32, 40), dtype=torch.uint8, generator=generator)
        return dict(inputs=inputs, data_samples=output)


@MODELS.register_module()
class PanelTestBackbone(torch.nn.Module):
    """One convolution at stride 4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 4, 4)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.conv(inputs),)


def run_training(work_dir: Path, draw: bool) -> dict[str, torch.Tensor]:
    """Four iterations of a plain EncoderDecoder with dropout, validated after each second."""
    loader = dict(batch_size=2, num_workers=0, dataset=dict(type='PanelTestDataset'))
    head = dict(
        type='FCNHead', in_channels=8, channels=4, num_classes=3, num_convs=1, dropout_ratio=0.5,
        norm_cfg=dict(type='BN'), loss_decode=dict(type='CrossEntropyLoss'),
    )  # fmt: skip
    runner = Runner(
        model=ConfigDict(
            type='EncoderDecoder', backbone=dict(type='PanelTestBackbone'), decode_head=head,
            data_preprocessor=dict(type='SegDataPreProcessor', size_divisor=1),
            train_cfg=dict(), test_cfg=dict(mode='whole'),
        ),
        work_dir=str(work_dir),
        train_dataloader={**loader, 'sampler': dict(type='InfiniteSampler', shuffle=True)},
        val_dataloader={**loader, 'sampler': dict(type='DefaultSampler', shuffle=False)},
        val_evaluator=dict(type='IoUMetric'),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=4, val_interval=2),
        val_cfg=dict(type='ValLoop'),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            visualization=dict(
                type='PanelHook', draw=draw, num_images=3, tile_width=TILE, add_to_visualizer=True
            )
        ),
        visualizer=dict(
            type='SegLocalVisualizer', name=work_dir.name,
            vis_backends=[dict(type='LocalVisBackend')],
        ),
        randomness=dict(seed=0),
        log_level='WARNING',
        default_scope='mmseg',
        experiment_name=work_dir.name,
    )  # fmt: skip
    runner.train()
    return runner.model.state_dict()


def test_panels_of_a_training_do_not_change_it(tmp_path: Path) -> None:
    drawn = run_training(tmp_path / 'drawn', draw=True)
    plain = run_training(tmp_path / 'plain', draw=False)
    assert all(torch.equal(drawn[name], plain[name]) for name in plain)
    files = sorted((tmp_path / 'drawn' / 'vis').rglob('*.png'))
    expected = [f'{step}/{index:06d}.png' for step in (2, 4) for index in range(3)]
    assert [str(file.relative_to(tmp_path / 'drawn' / 'vis')) for file in files] == expected
    assert all(columns_of(file) == 4 for file in files)
    assert not (tmp_path / 'plain' / 'vis').exists()
    sent = sorted((tmp_path / 'drawn').rglob('vis_image/*.png'))
    assert [file.name for file in sent] == [
        f'val_{index:06d}_{step}.png' for index in range(3) for step in (2, 4)
    ]
    labels = PanelTestDataset()[1]['data_samples'].gt_sem_seg.data[0]
    tile = tile_of(files[1], 1)
    # At 1.5 times the size, the left upper pixels of a tile are those of the map.
    assert tile[0, 0].tolist() == PALETTE[labels[0, 0]]
    assert tile[-1, -1].tolist() == PALETTE[labels[-1, -1]]
