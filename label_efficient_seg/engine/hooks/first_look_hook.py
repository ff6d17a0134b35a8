from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...datasets.checks.first_look import look_at
from ...datasets.stream_data_loader import StreamDataLoader


@HOOKS.register_module()
class FirstLookHook(Hook):
    """Looks at a small sample of the data before the first iteration.

    It warns of images that loading turns, darkens or cuts to three bands, and, where the sample is
    all that there is, of classes that no mask shows. It refuses to train where the masks show a
    single class, such as masks of 0 and 255, and to train or test where they are all void.
    """

    def before_train(self, runner: Runner) -> None:
        """Look at the streams of the training, and of its validation."""
        loader = runner.train_dataloader
        loaders = loader.loaders if isinstance(loader, StreamDataLoader) else {'': loader}
        datasets = {f'train.{name}'.rstrip('.'): part.dataset for name, part in loaders.items()}
        if runner.val_loop is not None:
            datasets['val'] = runner.val_dataloader.dataset
        self._look(runner, datasets)

    def before_test(self, runner: Runner) -> None:
        """Look at what is tested."""
        self._look(runner, dict(test=runner.test_dataloader.dataset))

    def _look(self, runner: Runner, datasets: dict[str, Any]) -> None:
        for finding in look_at(datasets):
            runner.logger.warning(f'{finding.stream}: {finding.text}')
