"""A resumed run continues with the very teacher, and both networks are validated."""

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner

from label_efficient_seg.engine import launch

COMMON = {
    'train_cfg.max_iters': 4,
    'train_cfg.val_interval': 4,
    'val_cfg.type': 'TeacherValLoop',
    'val_dataloader.num_workers': 0,
    'val_dataloader.persistent_workers': False,
    'val_dataloader.dataset.indices': 2,
    'default_hooks.checkpoint.interval': 2,
    'model.teacher_momentum': 0.6,
    'model.confidence_threshold': 0.2,
    'model.backbone.init_cfg': None,
    'model.backbone.base_channels': 4,
    'model.backbone.stem_channels': 4,
    'model.decode_head.in_channels': 32,
}
METHODS = {
    'unimatch/deeplabv2_r18_toy_unimatch': {
        'model.feature_dropout': 0.0,
        'model.complementary': True,
    },
    'mic/deeplabv2_r18_toy_mic': {'model.auxiliary_head.in_channels': 16},
}


def build(method: str, work_dir: Path, **settings) -> Runner:
    streams = ('source', 'target') if 'mic' in method else ('labeled', 'unlabeled')
    loaders = {
        f'train_dataloader.{stream}.{key}': value
        for stream in streams
        for key, value in dict(batch_size=2, num_workers=0, persistent_workers=False).items()
    }
    options = {**COMMON, **METHODS[method], **loaders}
    cfg = launch.load_config(method, cfg_options=options)
    cfg.merge_from_dict(dict(work_dir=str(work_dir), experiment_name=work_dir.name, **settings))
    return launch.build_runner(cfg)


@pytest.mark.parametrize('method', METHODS)
def test_resumed_teacher_equals_the_undisturbed_one_bit_for_bit(method, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    whole, resumed = tmp_path / 'whole', tmp_path / 'resumed'
    runner = build(method, whole)
    runner.train()
    metrics = runner.message_hub.log_scalars
    assert {'val/student/mIoU', 'val/teacher/mIoU', 'val/mIoU'} <= set(metrics)

    resumed.mkdir()
    shutil.copy(whole / 'iter_2.pth', resumed)
    build(method, resumed, load_from=str(resumed / 'iter_2.pth'), resume=True).train()
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
