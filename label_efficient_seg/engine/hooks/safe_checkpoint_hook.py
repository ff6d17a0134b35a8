import os.path as osp
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...core.atomic import remove_unfinished, write_atomically
from ...core.errors import UnknownArgumentError, UserError
from ..checkpoint import AtomicLocalBackend  # noqa: F401  registers the backend 'atomic'


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, such that a kill at any moment loses nothing.

    Files are written under a temporary name and renamed, and older checkpoints are removed after
    the new one is complete instead of before it is begun. What a kill leaves under a temporary name
    is removed when the next run in the folder begins. On local disks only; other storage is
    treated as MMEngine does.

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
        super().before_train(runner)
        if is_main_process():
            remove_unfinished(runner.work_dir, '.pth')
        if getattr(self, 'best_ckpt_path', None):
            # The folder may have been moved, or copied: never remove a file of another one.
            self.best_ckpt_path = osp.join(self.out_dir, osp.basename(self.best_ckpt_path))
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
        """Name the checkpoints that are removed after this one: should a kill come before, the run
        that resumes removes them.
        """
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
        self.file_backend = _DeferredRemovals(backend, removals)
        try:
            yield
        finally:
            self.file_backend = backend
        for remove, path in removals:
            # A checkpoint written again under the same name is the new one.
            if path not in (self.last_ckpt, getattr(self, 'best_ckpt_path', None)):
                remove(path)


class _DeferredRemovals:
    """A file backend that takes note of what to remove."""

    def __init__(self, backend: Any, removals: list[tuple[Callable, str]]) -> None:
        self._backend = backend
        self._removals = removals

    def remove(self, path: str) -> None:
        self._removals.append((self._backend.remove, path))

    def rmtree(self, path: str) -> None:
        self._removals.append((self._backend.rmtree, path))

    def __getattr__(self, name: str) -> object:
        return getattr(self._backend, name)
