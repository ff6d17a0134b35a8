"""The folder of a training."""

import multiprocessing
import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from label_efficient_seg.core.errors import RunError, UserError
from label_efficient_seg.engine.work_folder import claimed_folder, set_aside


def config(work_dir: Path, **changes: object) -> Config:
    return Config(dict(dict(work_dir=str(work_dir), launcher='none', load_from=None), **changes))


def claim(cfg: Config, rank: str) -> None:
    os.environ['RANK'] = rank
    try:
        with claimed_folder(cfg):
            os._exit(0)
    except RunError as error:
        os._exit(10 if f"a training is running in '{cfg.work_dir}'" in str(error) else 11)


def in_another_process(cfg: Config, rank: str = '0') -> int:
    process = multiprocessing.get_context('fork').Process(target=claim, args=(cfg, rank))
    process.start()
    process.join()
    return process.exitcode


def test_a_second_training_is_refused_and_moves_nothing(tmp_path):
    cfg = config(tmp_path)
    with claimed_folder(cfg):
        torch.save({}, tmp_path / 'iter_2.pth')
        assert in_another_process(cfg) == 10
        assert in_another_process(config(tmp_path, resume=True)) == 10
        assert in_another_process(config(tmp_path / 'other')) == 0
        assert (tmp_path / 'iter_2.pth').exists()
    assert in_another_process(cfg) == 0


def test_processes_of_one_launch_share_the_folder(tmp_path):
    cfg = config(tmp_path, launcher='pytorch')
    with claimed_folder(cfg):
        assert in_another_process(cfg, rank='1') == 0
        assert in_another_process(cfg, rank='0') == 10


def test_a_process_that_loads_data_does_not_keep_the_lock(tmp_path):
    """It may outlive a training that is killed."""
    cfg, pipe = config(tmp_path), os.pipe()
    with claimed_folder(cfg):
        child = os.fork()
        if not child:
            os.read(pipe[0], 1)
            os._exit(0)
    assert in_another_process(cfg) == 0
    os.write(pipe[1], b'x')
    os.waitpid(child, 0)


def test_checkpoints_of_an_earlier_run_are_set_aside(tmp_path):
    names = ['best_mIoU_iter_2.pth', 'iter_2.pth', 'iter_4.pth', 'last_checkpoint']
    for name in (*names, 'pretrained.pth', 'config.py'):
        (tmp_path / name).write_text(name)
    with pytest.raises(UserError, match='choose another --work-dir'):
        set_aside(config(tmp_path, load_from=str(tmp_path / 'iter_4.pth')))
    cfg = config(tmp_path, load_from=str(tmp_path / 'pretrained.pth'))
    with claimed_folder(cfg):
        assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != '.') == [
            'config.py',
            'earlier_run_1',
            'pretrained.pth',
        ]
    assert sorted(path.name for path in (tmp_path / 'earlier_run_1').iterdir()) == names
    (tmp_path / 'iter_2.pth').write_text('another')
    set_aside(cfg)
    assert (tmp_path / 'earlier_run_2' / 'iter_2.pth').read_text() == 'another'
    set_aside(cfg)
    assert not (tmp_path / 'earlier_run_3').exists()


@pytest.mark.parametrize('name', ['iter_2.pth', 'last_checkpoint'])
def test_a_run_that_resumes_keeps_its_checkpoints(tmp_path, name):
    (tmp_path / name).write_text('')
    with claimed_folder(config(tmp_path, resume=True)):
        assert (tmp_path / name).exists()


def test_links_in_a_folder_of_somebody_else_are_not_followed(tmp_path):
    folder, victim = tmp_path / 'run', tmp_path / 'victim'
    folder.mkdir()
    victim.write_text('mine')
    (folder / 'config.py').symlink_to(victim)  # to which MMEngine writes the config
    (folder / 'last_checkpoint').symlink_to(victim)
    (folder / 'iter_2.pth').symlink_to(victim)
    with claimed_folder(config(folder)):
        assert not (folder / 'config.py').is_symlink()
        assert not (folder / 'last_checkpoint').is_symlink()
        assert (folder / 'earlier_run_1' / 'iter_2.pth').is_symlink()
    (folder / '.training.lock').unlink()
    (folder / '.training.lock').symlink_to(victim)
    with pytest.raises(OSError, match='symbolic link'), claimed_folder(config(folder)):
        pass
    assert victim.read_text() == 'mine'
