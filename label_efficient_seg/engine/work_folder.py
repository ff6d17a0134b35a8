"""The folder of a training: one run at a time, and no checkpoints of an earlier one in its way."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from ..core.atomic import open_own
from ..core.errors import RunError, UserError

LOCK_FILE = '.training.lock'
# The rank within a launch, before its processes have found each other.
RANKS = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')
CHECKPOINTS = ('last_checkpoint', 'iter_*.pth', 'epoch_*.pth', 'best_*.pth')


@contextmanager
def claimed_folder(cfg: Config) -> Iterator[None]:
    """Keep other trainings out of the work folder, and checkpoints of an earlier one apart.

    The processes of one launch share the lock, which the first of them holds. Unless the run
    resumes, checkpoints that lie in the folder are moved into a new subfolder ``earlier_run_N``:
    otherwise a later resume could take the weights of an earlier run for those of this one.

    Args:
        cfg (Config): With the work folder.

    Raises:
        RuntimeError: If another training is running there.
        ValueError: If ``load_from`` is one of the checkpoints that would be moved.
    """
    if int(os.environ.get(RANKS.get(cfg.launcher, ''), 0)) > 0:
        yield
        return
    work_dir = Path(cfg.work_dir)
    work_dir.mkdir(parents=True, exist_ok=True)
    with open_own(work_dir / LOCK_FILE) as file:
        try:
            # Unlike that of `flock`, this lock is not inherited by the processes that load data,
            # which may outlive a killed training for some seconds.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if not isinstance(error, (BlockingIOError, PermissionError)):
                raise
            raise RunError(
                f"a training is running in '{work_dir}'; wait for it or end it first, or choose "
                'another --work-dir'
            ) from None
        for path in (*work_dir.glob('*.py'), work_dir / 'last_checkpoint'):
            if path.is_symlink():  # MMEngine would write to where it points
                path.unlink()
        if not cfg.get('resume'):
            set_aside(cfg)
        yield


def set_aside(cfg: Config) -> None:
    """Move the checkpoints in a work folder into a subfolder.

    Args:
        cfg (Config): With the work folder.

    Raises:
        ValueError: If ``load_from`` is one of them.
    """
    work_dir = Path(cfg.work_dir)
    found = sorted(path for pattern in CHECKPOINTS for path in work_dir.glob(pattern))
    if not found:
        return
    start = Path(cfg.get('load_from') or '').resolve()
    if start in [path.resolve() for path in found]:
        raise UserError(
            f"load_from is '{start}', a checkpoint of an earlier run in the work folder of this "
            'one; choose another --work-dir, or go on with --resume'
        )
    number = 1
    while (folder := work_dir / f'earlier_run_{number}').exists():
        number += 1
    folder.mkdir()
    for path in found:
        path.rename(folder / path.name)
    print_log(
        f"'{work_dir}' holds checkpoints of an earlier run; they were moved to '{folder}' "
        '(--resume would have gone on from them)',
        logger='current',
    )
