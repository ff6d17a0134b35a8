import math

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class InvalidLossHook(Hook):
    """Stops training at the first loss that is NaN or infinite, before it is saved.

    MMEngine's ``CheckInvalidLossHook`` looks at the total of every 50th iteration only, and a
    checkpoint of broken weights may replace a good one before. The log copies each loss to the
    host in each iteration anyway, so looking at all of them costs nothing.
    """

    # Before checkpoints are saved.
    priority = 'NORMAL'

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Check the losses of an iteration.

        Raises:
            FloatingPointError: If one is not finite; it names the loss and the iteration.
        """
        broken = {
            name: float(value.detach())
            for name, value in (outputs or {}).items()
            if 'loss' in name and not math.isfinite(value.detach())
        }
        if broken:
            causes = ', '.join(f'{name} = {value}' for name, value in broken.items())
            raise FloatingPointError(
                f'iteration {runner.iter + 1}: {causes}. Training has stopped, and the last '
                f'checkpoint in {runner.work_dir} is from before. Lower the learning rate, set '
                'clip_grad in optim_wrapper, or check the data with tools/check_dataset.py'
            )
