import torch
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import ValLoop
from mmengine.runner.amp import autocast
from mmseg.registry import LOOPS

from ...core.errors import UserError


@LOOPS.register_module()
class TeacherValLoop(ValLoop):
    """Validation of a model and of its averaged teacher, one after the other.

    Metrics of the model keep their names, so that the choice of checkpoints, curves and tables
    work as for any run, and appear as ``student/mIoU`` too; those of the teacher as
    ``teacher/mIoU``. Hooks see the predictions of the model.

    .. code:: python

        val_cfg = dict(type='TeacherValLoop')

    Args:
        *args: As of ``ValLoop``.
        **kwargs: As of ``ValLoop``.

    Raises:
        UserError: If the model has no ``teacher`` with a ``network``.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._teacher()

    def run(self) -> dict[str, float]:
        """Validate both.

        Returns:
            dict[str, float]: Metrics of both.
        """
        self.runner.call_hook('before_val')
        self.runner.call_hook('before_val_epoch')
        self.runner.model.eval()
        self.val_loss.clear()
        number = len(self.dataloader.dataset)
        for index, batch in enumerate(self.dataloader):
            self.run_iter(index, batch)
        metrics = self.evaluator.evaluate(number)
        metrics.update({f'student/{name}': value for name, value in metrics.items()})
        self._run_teacher()
        teacher = self.evaluator.evaluate(number)
        metrics.update({f'teacher/{name}': value for name, value in teacher.items()})
        self.runner.call_hook('after_val_epoch', metrics=metrics)
        self.runner.call_hook('after_val')
        return metrics

    @torch.no_grad()
    def _run_teacher(self) -> None:
        teacher = self._teacher()
        for batch in self.dataloader:
            with autocast(enabled=self.fp16):
                outputs = teacher.val_step(batch)
            self.evaluator.process(data_samples=outputs, data_batch=batch)

    def _teacher(self) -> BaseModel:
        model = self.runner.model
        model = model.module if is_model_wrapper(model) else model
        teacher = getattr(model, 'teacher', None)
        if teacher is None:
            raise UserError(
                f'TeacherValLoop needs a model with a teacher, but this {type(model).__name__} has '
                "none; set val_cfg.type='ValLoop', or a momentum such as "
                'model.teacher_momentum=0.996'
            )
        return teacher.network
