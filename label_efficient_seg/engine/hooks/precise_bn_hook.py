import copy
from collections.abc import Iterable
from itertools import islice

import torch
from mmengine.dist import all_reduce, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from ...core.errors import UnknownArgumentError, UserError
from ...core.progress import track
from ..loops.stream_iter_train_loop import StreamIterTrainLoop


@HOOKS.register_module()
class PreciseBNHook(Hook):
    """Estimates the statistics of batch normalisation anew, with the weights as they are.

    The running averages of training lag behind the weights. This hook replaces them, before the
    last validation and checkpoint, by averages over batches of training data; see
    :func:`estimate_bn_statistics`. It reads the first stream of :class:`StreamIterTrainLoop`, from
    the samples that would be trained on next, with workers of its own: training goes on as if
    nothing had been read. mmpretrain's hook of this name takes plain dataloaders only, and would
    restart the workers of the one that trains.

    Args:
        num_samples (int): Samples to read, rounded up to whole batches of all processes.
        interval (int, optional): Iterations between estimates, such as the ``val_interval``.
            Defaults to one estimate after the last iteration.

    Raises:
        ValueError: If a number is not positive.
    """

    # After the timer, whose times it would spoil; before checkpoints are saved.
    priority = 'LOW'

    def __init__(self, num_samples: int = 8192, interval: int | None = None) -> None:
        for name, value in (('num_samples', num_samples), ('interval', interval)):
            if value is not None and value <= 0:
                raise UserError(f'{name} of PreciseBNHook is {value}, but must be positive')
        self.num_samples, self.interval = num_samples, interval

    def before_train(self, runner: Runner) -> None:
        """Check the loop.

        Raises:
            TypeError: If it is not a ``StreamIterTrainLoop``.
        """
        if not isinstance(runner.train_loop, StreamIterTrainLoop):
            raise UnknownArgumentError(
                'PreciseBNHook needs a StreamIterTrainLoop, but train_cfg has a '
                f'{type(runner.train_loop).__name__}; with that one use mmpretrain.PreciseBNHook'
            )

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Estimate when it is due."""
        due = self.interval is not None and self.every_n_train_iters(runner, self.interval)
        if due or self.is_last_train_iter(runner):
            self._estimate(runner)

    def _estimate(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        loader = next(iter(runner.train_loop.dataloader.loaders.values()))
        count = -(-self.num_samples // (loader.batch_size * get_world_size()))
        batches = islice(_continued(loader, runner.iter + 1), count)
        if is_main_process():
            batches = track(batches, 'batches for BN statistics', count)
        estimate_bn_statistics(model, batches)


def _continued(loader: DataLoader, iteration: int) -> DataLoader:
    """The batches of a stream from an iteration on, read by other workers."""
    sampler = copy.copy(loader.sampler)
    sampler.skip(iteration * loader.batch_size)
    return DataLoader(
        loader.dataset,
        loader.batch_size,
        sampler=sampler,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        worker_init_fn=loader.worker_init_fn,
    )


@torch.no_grad()
def estimate_bn_statistics(model: nn.Module, batches: Iterable[dict]) -> None:
    """Set running means and variances to their plain averages over batches.

    As ``mean = 1/B sum_b mean_b`` and ``var = 1/B sum_b var_b`` with the unbiased variance of each
    batch, averaged over the processes too. Layers that are in evaluation mode, or that a prediction
    does not use, stay as they are.

    Args:
        model (BaseModel): In training mode, not wrapped.
        batches (Iterable[dict]): What its data preprocessor takes.

    Source: Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021, sec. 3.
    """
    layers = [
        layer
        for layer in model.modules()
        if isinstance(layer, _BatchNorm) and layer.training and layer.track_running_stats
    ]
    before = [(layer.momentum, layer.num_batches_tracked.clone()) for layer in layers]
    for layer in layers:
        # PyTorch then keeps the average of all batches since.
        layer.momentum = None
        layer.num_batches_tracked.zero_()
    try:
        for batch in batches:
            model(**model.data_preprocessor(batch, True), mode='tensor')
    finally:
        for layer, (momentum, count) in zip(layers, before, strict=True):
            layer.momentum = momentum
            layer.num_batches_tracked.copy_(count)
    for layer in layers:
        all_reduce(layer.running_mean, 'mean')
        all_reduce(layer.running_var, 'mean')
