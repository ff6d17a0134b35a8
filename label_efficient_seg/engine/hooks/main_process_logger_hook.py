from mmengine.dist import is_main_process
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class MainProcessLoggerHook(LoggerHook):
    """MMEngine's ``LoggerHook``, of which only the main process writes the metrics of a test.

    MMEngine lets every process write them into the same file at the same time, and what one leaves
    of the other's record makes the file unreadable.

    Args:
        **kwargs: As in MMEngine.
    """

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Log the metrics, and write them to ``<time>/<time>.json`` in the work folder."""
        if is_main_process():
            super().after_test_epoch(runner, metrics)
