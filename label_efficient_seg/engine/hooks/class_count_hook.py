from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import HOOKS
from torch import nn
from torch.utils.data import Dataset

from ...core.errors import UserError
from ...core.labels import class_number_fault
from ...models.cls_heads import CAMClsHead


@HOOKS.register_module()
class ClassCountHook(Hook):
    """Refuses to start when the heads and the dataset have different numbers of classes.

    Otherwise too few scores end in an index error of the loss, on a GPU in one of CUDA that names
    nothing, and too many are trained without a word. For a classifier of image-level labels, the
    first class of the dataset, the background, does not count. Of a model whose heads give features
    (``head_gives_features``, such as :class:`SIGN`) it is the model that has a number of classes.

    Models of a single class, and of more than masks of 8 bits can show, are refused, too.
    """

    def before_train(self, runner: Runner) -> None:
        check_class_counts(runner.model, runner.train_dataloader.dataset)

    def before_val(self, runner: Runner) -> None:
        check_class_counts(runner.model, runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        check_class_counts(runner.model, runner.test_dataloader.dataset)


def check_class_counts(model: nn.Module, dataset: Dataset) -> None:
    """Compare the heads of a model with the classes of a dataset.

    Args:
        model (nn.Module): The model, wrapped or not.
        dataset (Dataset): With ``metainfo``, or without, then only the heads are checked.

    Raises:
        ValueError: If a number of classes is another one, or one that no mask can show.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    metainfo = getattr(dataset, 'metainfo', None) or {}
    classes = metainfo.get('classes')
    if getattr(model, 'head_gives_features', False):
        predictors = {'model': model}
    else:
        predictors = {
            f'model.{name}': module
            for name, module in model.named_modules()
            if isinstance(module, (BaseDecodeHead, CAMClsHead))
        }
    for name, head in predictors.items():
        background = isinstance(head, CAMClsHead)
        if fault := class_number_fault(head.num_classes + background):
            raise UserError(f'{name} is a model of {fault}')
        if not classes:
            continue
        count = len(classes) - background
        if head.num_classes != count:
            kind = 'foreground classes' if isinstance(head, CAMClsHead) else 'classes'
            first = classes[-count:][:3]
            raise UserError(
                f'{name} has num_classes={head.num_classes}, but the dataset has '
                f'{count} {kind} ({", ".join(first)}{", ..." if count > 3 else ""}); set '
                f'num_classes={count}, or the classes in the metainfo of the dataset'
            )
