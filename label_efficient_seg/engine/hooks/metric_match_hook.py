from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn

from ...core.errors import UserError
from ...datasets.files.class_splits import ClassSplit, class_split
from ...datasets.transforms import HideUnseenClasses, LoadValidMask
from ...evaluation import EntropyMetric, ZeroShotIoUMetric


@HOOKS.register_module()
class MetricMatchHook(Hook):
    """Refuses metrics that say something else than the data and the model.

    A metric that compares with masks needs images that have them; :class:`LoadValidMask` gives
    zeros, which are no labels. The model, its training data and :class:`ZeroShotIoUMetric` must
    have one split of seen and unseen classes, or classes that were trained count as unseen.
    """

    def before_train(self, runner: Runner) -> None:
        """Check before hours of training, not at the first validation."""
        train = runner.train_dataloader.dataset
        if runner.val_loop is not None:
            self._check(runner, runner.val_loop, train)
        else:
            check_metrics(runner.model, [], None, train)

    def before_val(self, runner: Runner) -> None:
        self._check(runner, runner.val_loop)

    def before_test(self, runner: Runner) -> None:
        self._check(runner, runner.test_loop)

    def _check(self, runner: Runner, loop: Any, train: Any = None) -> None:
        check_metrics(runner.model, loop.evaluator.metrics, loop.dataloader.dataset, train)


def check_metrics(
    model: nn.Module, metrics: Sequence[Any], dataset: Any, train: Any = None
) -> None:
    """Compare metrics with the data they score, and with what the model learns.

    Args:
        model (nn.Module): The model, wrapped or not.
        metrics (Sequence[BaseMetric]): The metrics.
        dataset (Dataset, optional): What they score.
        train (Dataset, optional): What the model learns from.

    Raises:
        ValueError: If a metric needs masks that the data lack, or the splits of model, metrics and
            training data differ.
    """
    _check_masks(metrics, dataset)
    classes = _classes(dataset) or _classes(train)
    splits = dict(_model_splits(model))
    for step in _transforms(train):
        if isinstance(step, HideUnseenClasses):
            splits['HideUnseenClasses of the training data'] = class_split(step.split, classes)
    for metric in metrics:
        if isinstance(metric, ZeroShotIoUMetric):
            splits[type(metric).__name__] = class_split(metric.split, classes)
    for (one, first), (other, second) in pairwise(splits.items()):
        if first != second:
            raise UserError(
                f'{one} has the unseen classes {_names(first, classes)}, but {other} has '
                f'{_names(second, classes)}; give all one split'
            )


def _classes(dataset: Any) -> Sequence[str]:
    return (getattr(dataset, 'metainfo', None) or {}).get('classes') or ()


def _model_splits(model: nn.Module) -> Iterator[tuple[str, ClassSplit]]:
    """Splits of the model and of its parts, by their path."""
    for name, module in model.named_modules():
        if isinstance(split := getattr(module, 'split', None), ClassSplit):
            yield f'model.{name}'.rstrip('.'), split


def _names(split: ClassSplit, classes: Sequence[str]) -> str:
    return ', '.join(classes[label] for label in split.unseen)


def _check_masks(metrics: Sequence[Any], dataset: Any) -> None:
    needing = [
        type(metric).__name__
        for metric in metrics
        if not isinstance(metric, EntropyMetric) and not getattr(metric, 'format_only', False)
    ]
    if needing and any(isinstance(step, LoadValidMask) for step in _transforms(dataset)):
        raise UserError(
            f'{", ".join(needing)} compares predictions with masks, but the images it is given '
            'have none: their pipeline has LoadValidMask. Evaluate on a labeled part with '
            'LoadCheckedAnnotations, or use EntropyMetric, which needs no masks'
        )


def _transforms(node: Any) -> Iterator[Any]:
    """All transforms of a dataset, those in wrapped datasets and in other transforms included."""
    if isinstance(node, list | tuple):
        for entry in node:
            yield from _transforms(entry)
        return
    yield node
    for name in ('dataset', 'datasets', 'pipeline', 'transforms', 'subroutines'):
        if child := vars(node).get(name) if hasattr(node, '__dict__') else None:
            yield from _transforms(child)
