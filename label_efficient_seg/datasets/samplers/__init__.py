from .positioned_sampler import PositionedSampler

__all__ = ['PositionedSampler']
