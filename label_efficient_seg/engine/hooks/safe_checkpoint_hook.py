import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from numbers import Real
from typing import Any

from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...core.atomic import remove_unfinished, write_atomically
from ...core.errors import UnknownArgumentError, UserError
from ..checkpoint import AtomicLocalBackend  # noqa: F401  registers the backend 'atomic'

CHECKPOINT_SUFFIX = '.pth'


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, such that a kill at any moment loses nothing.

    Files are written under a temporary name and renamed, and older checkpoints are removed after
    the new one is complete instead of before it is begun. What a kill leaves under a temporary name
    is removed when the next run in the folder begins. On local disks only; other storage is
    treated as MMEngine does.

    Only checkpoints that lie directly in the folder of the run are ever removed. MMEngine removes
    what the checkpoint that it resumes from names, which may be files of the folder that this one
    was copied from, or any folder if the checkpoint is a stranger's.

    A checkpoint is saved before the validation of its iteration. A run that resumes from it
    therefore validates first: the kill may have come before the metrics or the best checkpoint
    were written, and MMEngine would go on, or end, without them.

    Args:
        **kwargs: Arguments of ``CheckpointHook``.

    Raises:
        TypeError: If there is no such argument. MMEngine would keep what it does not know for the
            saving, and with a misspelt ``interval`` save nothing.
    """

    def __init__(self, **kwargs) -> None:
        known = signature(CheckpointHook).parameters
        if unknown := [name for name in kwargs if name not in known]:
            name = f'{type(self).__name__}.__init__()'
            raise UnknownArgumentError(f'{name} got an unexpected keyword argument {unknown[0]!r}')
        kwargs.setdefault('backend_args', dict(backend='atomic'))
        super().__init__(**kwargs)
        self._steps_on_disk: list[int] = []

    def before_train(self, runner: Runner) -> None:
        # What the checkpoint says about files is taken from MMEngine, which would act on it.
        info = runner.message_hub.runtime_info
        said = info.pop('keep_ckpt_ids', None)
        for key in [key for key in info if key.startswith('best_score')]:
            if not isinstance(info[key], Real):  # those of NumPy are, too
                del info[key]  # a stranger's, with which no score can be compared
        super().before_train(runner)
        if is_main_process():
            remove_unfinished(runner.work_dir, CHECKPOINT_SUFFIX)
        self._keep_to_own_folder(runner)
        self._keep_steps(said)
        if self._resumed_at_validation(runner):
            runner.val_loop.run()

    def _resumed_at_validation(self, runner: Runner) -> bool:
        loop = runner.train_loop
        return (
            not self.by_epoch
            and runner.val_loop is not None
            and loop.iter >= max(1, loop.val_begin)
            and (loop.iter % loop.val_interval == 0 or loop.iter == loop.max_iters)
        )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note the number of processes, and the checkpoints that are removed after this one.

        Should a kill come before they are, the run that resumes removes them.
        """
        checkpoint['meta']['world_size'] = get_world_size()
        if self._steps_on_disk:
            checkpoint['message_hub']['runtime_info']['keep_ckpt_ids'] = self._steps_on_disk

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        if self.max_keep_ckpts > 0:
            self._steps_on_disk = list(dict.fromkeys([*self.keep_ckpt_ids, step]))
        with self._removing_afterwards():
            super()._save_checkpoint_with_step(runner, step, meta)
            if is_main_process():
                write_atomically(osp.join(runner.work_dir, 'last_checkpoint'), self.last_ckpt)
        self._steps_on_disk = []

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Save the checkpoint if it is the best one so far.

        Raises:
            ValueError: If the validation does not report what ``save_best`` names.
        """
        for name in self.save_best or ():
            if name not in ('auto', *metrics):
                raise UserError(
                    f'save_best={name!r}, but the validation reports {", ".join(metrics)}; '
                    'choose one of these, or add a metric to val_evaluator that reports it'
                )
        with self._removing_afterwards():
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _removing_afterwards(self) -> Iterator[None]:
        backend, removals = self.file_backend, []
        self.file_backend = _NotedRemovals(backend, removals)
        try:
            yield
        finally:
            self.file_backend = backend
        # A checkpoint written again under the same name is the new one.
        for path in removals:
            if path not in (self.last_ckpt, *self._best_paths().values()):
                self._remove(path)

    def _best_paths(self) -> dict[str, str | None]:
        """Paths of the best checkpoints by the key under which the message hub has them."""
        if not self.save_best:
            return {}
        if len(self.key_indicators) == 1:
            return dict(best_ckpt=self.best_ckpt_path)
        return {f'best_ckpt_{key}': path for key, path in self.best_ckpt_path_dict.items()}

    def _keep_to_own_folder(self, runner: Runner) -> None:
        """Look for best checkpoints in the folder of this run, wherever a checkpoint says they are.

        The folder may have been moved or copied since, and the checkpoint may be a stranger's.
        """
        own = {}
        for key, path in self._best_paths().items():
            name = osp.basename(str(path or ''))
            is_name = name.startswith('best_') and name.endswith(CHECKPOINT_SUFFIX)
            own[key] = self.file_backend.join_path(self.out_dir, name) if is_name else None
            if own[key] != path:
                runner.message_hub.update_info(key, own[key])
        if own.keys() == {'best_ckpt'}:
            self.best_ckpt_path = own['best_ckpt']
        elif own:
            self.best_ckpt_path_dict = {k: own[f'best_ckpt_{k}'] for k in self.key_indicators}

    def _keep_steps(self, said: object) -> None:
        """Go on counting the checkpoints to keep, and remove what a kill has left beyond them."""
        if self.max_keep_ckpts <= 0 or not isinstance(said, list):
            return
        steps = list(dict.fromkeys(step for step in said if type(step) is int))
        self.keep_ckpt_ids.extend(steps)  # keeps the last ones
        for step in steps[: len(steps) - len(self.keep_ckpt_ids)]:
            if is_main_process():
                self._remove(
                    self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step))
                )

    def _remove(self, path: str) -> None:
        """Remove a checkpoint that lies directly in the folder of this run; nothing else."""
        name = osp.basename(path)
        if (
            path == self.file_backend.join_path(self.out_dir, name)
            and name.endswith(CHECKPOINT_SUFFIX)
            and self.file_backend.isfile(path)
            and not osp.islink(path)
        ):
            self.file_backend.remove(path)


class _NotedRemovals:
    """A file backend that takes note of which files to remove, and removes no folders."""

    def __init__(self, backend: Any, removals: list[str]) -> None:
        self._backend = backend
        self._removals = removals

    def remove(self, path: str) -> None:
        self._removals.append(path)

    def rmtree(self, path: str) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)
