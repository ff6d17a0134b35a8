from .stream_data_parallel import StreamDataParallel

__all__ = [
    'StreamDataParallel',
]
