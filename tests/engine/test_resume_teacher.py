"""A resumed run continues with the very teacher, and both networks are validated."""

import shutil
from pathlib import Path

import torch
from mmengine.runner import Runner

from label_efficient_seg.engine import launch

OPTIONS = {
    'train_cfg.max_iters': 4,
    'train_cfg.val_interval': 4,
    'val_cfg.type': 'TeacherValLoop',
    'val_dataloader.num_workers': 0,
    'val_dataloader.persistent_workers': False,
    'val_dataloader.dataset.indices': 2,
    'default_hooks.checkpoint.interval': 2,
    'model.feature_dropout': 0.0,
    'model.complementary': True,
    'model.teacher_momentum': 0.6,
    'model.confidence_threshold': 0.2,
    'model.backbone.init_cfg': None,
    'model.backbone.base_channels': 4,
    'model.backbone.stem_channels': 4,
    'model.decode_head.in_channels': 32,
}
for stream in ('labeled', 'unlabeled'):
    OPTIONS[f'train_dataloader.{stream}.batch_size'] = 2
    OPTIONS[f'train_dataloader.{stream}.num_workers'] = 0
    OPTIONS[f'train_dataloader.{stream}.persistent_workers'] = False


def build(work_dir: Path, **settings) -> Runner:
    cfg = launch.load_config('unimatch/deeplabv2_r18_toy_unimatch', cfg_options=OPTIONS)
    cfg.merge_from_dict(dict(work_dir=str(work_dir), experiment_name=work_dir.name, **settings))
    return launch.build_runner(cfg)


def test_resumed_teacher_equals_the_undisturbed_one_bit_for_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    whole, resumed = tmp_path / 'whole', tmp_path / 'resumed'
    runner = build(whole)
    runner.train()
    metrics = runner.message_hub.log_scalars
    assert {'val/student/mIoU', 'val/teacher/mIoU', 'val/mIoU'} <= set(metrics)

    resumed.mkdir()
    shutil.copy(whole / 'iter_2.pth', resumed)
    build(resumed, load_from=str(resumed / 'iter_2.pth'), resume=True).train()
    two, one, other = (
        torch.load(path, weights_only=False)['state_dict']
        for path in (whole / 'iter_2.pth', whole / 'iter_4.pth', resumed / 'iter_4.pth')
    )
    teacher = [name for name in one if name.startswith('teacher.network.')]
    assert len(teacher) > 50
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
    assert any(not torch.equal(one[name], two[name]) for name in teacher)
    student = [one[name.removeprefix('teacher.network.')] for name in teacher]
    assert any(not torch.equal(one[n], s) for n, s in zip(teacher, student, strict=True))
