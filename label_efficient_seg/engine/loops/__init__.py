from .stream_iter_train_loop import StreamIterTrainLoop

__all__ = [
    'StreamIterTrainLoop',
]
