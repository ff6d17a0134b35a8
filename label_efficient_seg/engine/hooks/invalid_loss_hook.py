import math

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...core.errors import NotFiniteError

ADVICE = 'Lower the learning rate, set clip_grad in optim_wrapper, or check the data with les check'


@HOOKS.register_module()
class InvalidLossHook(Hook):
    """Stops training at the first loss that is NaN or infinite, and never saves such weights.

    MMEngine's ``CheckInvalidLossHook`` looks at the total of every 50th iteration only, and a
    checkpoint of broken weights may replace a good one before. The log copies each loss to the
    host in each iteration anyway, so looking at all of them costs nothing. The last step before a
    broken loss may have broken the weights already, so those are checked whenever they are saved.
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
            raise NotFiniteError(
                f'iteration {runner.iter + 1}: {causes}. Training has stopped; all checkpoints in '
                f'{runner.work_dir} are from before. {ADVICE}'
            )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check the weights that are about to be saved.

        Raises:
            FloatingPointError: If one is not finite; it names the first tensors.
        """
        broken = [
            name for name, tensor in checkpoint['state_dict'].items() if not tensor.isfinite().all()
        ]
        if broken:
            raise NotFiniteError(
                f'iteration {checkpoint["meta"]["iter"]}: {len(broken)} tensors of the model '
                f'hold NaN or infinity ({", ".join(broken[:3])}) and were not saved; all '
                f'checkpoints in {runner.work_dir} are from before. {ADVICE}'
            )
