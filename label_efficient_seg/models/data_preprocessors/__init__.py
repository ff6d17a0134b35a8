from .strong_views_preprocessor import StrongViewsPreProcessor

__all__ = [
    'StrongViewsPreProcessor',
]
