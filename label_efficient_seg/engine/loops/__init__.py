from .stream_iter_train_loop import StreamIterTrainLoop
from .teacher_val_loop import TeacherValLoop

__all__ = [
    'StreamIterTrainLoop',
    'TeacherValLoop',
]
