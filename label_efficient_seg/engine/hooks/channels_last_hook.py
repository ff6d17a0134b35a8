import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Keeps the channels of a pixel side by side in memory, for any model of convolutions.

    Convolutions hand the order of their weights on to their feature maps. Train steps are faster
    this way on a CPU, see docs/benchmarks.md. Results are the same but for rounding; checkpoints
    load with and without the hook.
    """

    def before_run(self, runner: Runner) -> None:
        """Put the weights into this order; the optimizers keep their parameters."""
        runner.model.to(memory_format=torch.channels_last)
