from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import HOOKS
from torch.utils.data import DataLoader


@HOOKS.register_module()
class ClassCountHook(Hook):
    """Refuses to start when the heads and the dataset have different numbers of classes.

    Otherwise too few scores end in an index error of the loss, on a GPU in one of CUDA that names
    nothing, and too many are trained without a word.
    """

    def before_train(self, runner: Runner) -> None:
        _check(runner, runner.train_dataloader)

    def before_val(self, runner: Runner) -> None:
        _check(runner, runner.val_dataloader)

    def before_test(self, runner: Runner) -> None:
        _check(runner, runner.test_dataloader)


def _check(runner: Runner, dataloader: DataLoader) -> None:
    model = runner.model
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    metainfo = getattr(dataloader.dataset, 'metainfo', None) or {}
    classes = metainfo.get('classes')
    for name, head in model.named_modules():
        if classes and isinstance(head, BaseDecodeHead) and head.num_classes != len(classes):
            raise ValueError(
                f'model.{name} has num_classes={head.num_classes}, but the dataset has '
                f'{len(classes)} classes ({", ".join(classes[:3])}'
                f'{", ..." if len(classes) > 3 else ""}); set num_classes={len(classes)}, or the '
                'classes in the metainfo of the dataset'
            )
