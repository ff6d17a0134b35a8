import random
from collections.abc import Mapping

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import LOOPS
from torch import nn

from ...core.errors import UserError
from ...core.suggest import did_you_mean
from ...datasets.stream_data_loader import StreamDataLoader


@LOOPS.register_module()
class StreamIterTrainLoop(IterBasedTrainLoop):
    """Iteration-based training from several streams, resumable bit for bit.

    .. code:: python

        train_dataloader = dict(labeled=dict(batch_size=10, ...), unlabeled=dict(...))
        train_cfg = dict(type='StreamIterTrainLoop', max_iters=20000, val_interval=2000)

    The model gets ``{'labeled': batch, 'unlabeled': batch}``. Its attribute ``streams`` says
    which streams it reads. All randomness of an iteration (order of images, augmentation, dropout)
    follows from the seed and the iteration's number, so an interrupted run continues as if nothing
    had happened, in the time of a fresh start.

    A model without ``streams``, such as MMSeg's ``EncoderDecoder``, gets the batches of a single
    stream. Under the same seed and name of the stream these are the very images and crops that a
    method with more streams sees, so it is a paired baseline.

    Args:
        runner (Runner): The runner.
        dataloader (dict): Dataloader configs by stream.
        max_iters (int): Iterations to train.
        val_begin (int): First iteration after which validation may run.
        val_interval (int): Iterations between validations.
        dynamic_intervals (list, optional): As in ``IterBasedTrainLoop``.

    Raises:
        ValueError: If streams are missing, unknown, empty or not dataloader configs, a part of the
            method would start after the last iteration, or the model updates an optimizer that does
            not exist.
    """

    #: Of the loops for a ``train_dataloader`` with an entry for each stream.
    reads_streams = True

    def __init__(
        self,
        runner: Runner,
        dataloader: dict,
        max_iters: int,
        val_begin: int = 1,
        val_interval: int = 1000,
        dynamic_intervals: list[tuple[int, int]] | None = None,
    ) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self._plain = not hasattr(model, 'streams')
        if not self._plain:
            check_wrapper(runner.model)
        check_streams(model, dataloader)
        if hasattr(model, 'check_schedule'):
            model.check_schedule(max_iters)
        self._streams = dataloader
        super().__init__(
            runner,
            StreamDataLoader(dataloader, runner.seed),
            max_iters,
            val_begin,
            val_interval,
            dynamic_intervals,
        )

    def run(self) -> nn.Module:
        """Train.

        Returns:
            nn.Module: The trained model.
        """
        if self.runner.seed != self.dataloader.seed:
            # A resumed checkpoint brought its own seed.
            self.dataloader = StreamDataLoader(self._streams, self.runner.seed)
        check_optimizers(self.runner.model, self.runner.optim_wrapper)
        if isinstance(self.runner.optim_wrapper, OptimWrapperDict):
            # It leaves the counters of gradient accumulation to its user.
            for optim_wrapper in self.runner.optim_wrapper.values():
                optim_wrapper.initialize_count_status(
                    self.runner.model, self._iter, self._max_iters
                )
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        batches = self.dataloader.batches(start=self._iter)
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(batches))
            self._decide_current_val_interval()
            if self._val_is_due():
                self.runner.val_loop.run()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_iter(self, data_batch: dict) -> None:
        """One iteration, with random generators that depend on nothing before it.

        Args:
            data_batch (dict): One batch per stream.
        """
        entropy = (self.runner.seed, self._iter, get_rank())
        seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        if self._plain:
            (data_batch,) = data_batch.values()
        super().run_iter(data_batch)

    def _val_is_due(self) -> bool:
        return (
            self.runner.val_loop is not None
            and self._iter >= self.val_begin
            and (self._iter % self.val_interval == 0 or self._iter == self._max_iters)
        )


def check_wrapper(model: nn.Module) -> None:
    """Refuse a wrapper that would leave out the train step of the model.

    Args:
        model (nn.Module): The model, wrapped or not.

    Raises:
        ValueError: If it is MMEngine's wrapper.
    """
    if isinstance(model, MMDistributedDataParallel):
        raise UserError(
            'the model is wrapped in MMDistributedDataParallel, which would not call its '
            "train_step; set model_wrapper_cfg = dict(type='StreamDataParallel')"
        )


def check_optimizers(model: nn.Module, optim_wrapper: OptimWrapper | OptimWrapperDict) -> None:
    """Refuse to train a model without the optimizers that its train step updates.

    Args:
        model (nn.Module): The model, wrapped or not, with their names in ``optimizers``.
        optim_wrapper (OptimWrapper | OptimWrapperDict): What was built.

    Raises:
        ValueError: If one is missing, or there is a single one without a name.
    """
    model = model.module if is_model_wrapper(model) else model
    needed = getattr(model, 'optimizers', ())
    found = list(optim_wrapper.keys()) if isinstance(optim_wrapper, OptimWrapperDict) else []
    if missing := [name for name in needed if name not in found]:
        has = f'only {", ".join(found)}' if found else 'a single one without a name'
        raise UserError(
            f'{type(model).__name__} updates the optimizers {", ".join(needed)}, but optim_wrapper '
            f"has {has}; set optim_wrapper=dict(constructor='MultiOptimWrapperConstructor', ...) "
            f'with {missing[0]}=dict(optimizer=dict(...))'
        )


def check_streams(model: nn.Module, dataloaders: Mapping) -> None:
    """Refuse dataloaders that are not those of the streams that a model reads.

    Args:
        model (nn.Module): The model, with their names in ``streams``; without, it reads one stream.
        dataloaders (Mapping): ``train_dataloader``.

    Raises:
        ValueError: If a stream is missing or unknown.
    """
    streams = getattr(model, 'streams', None)
    if not isinstance(dataloaders, Mapping) or 'dataset' in dataloaders:
        names = ', '.join(streams) if streams else 'one, such as labeled'
        raise UserError(
            f'train_dataloader must be a dict with one dataloader config per stream: {names}'
        )
    if streams is None:
        if len(dataloaders) != 1:
            raise UserError(
                f'{type(model).__name__} has no attribute `streams` and reads one stream, but '
                f'train_dataloader has {len(dataloaders)}: {", ".join(dataloaders)}; change the '
                'type of the model, or leave one stream'
            )
        return
    missing = [name for name in streams if name not in dataloaders]
    unknown = [name for name in dataloaders if name not in streams]
    if missing or unknown:
        faults = [f'lacks {name!r}' for name in missing]
        for name in unknown:
            hint = did_you_mean(name, streams, 'remove it')
            faults.append(f'has the unknown {name!r} ({hint})')
        raise UserError(
            f'{type(model).__name__} reads the streams {", ".join(streams)}; train_dataloader '
            f'{" and ".join(faults)}'
        )
