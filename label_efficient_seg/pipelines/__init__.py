from .comparison import Comparison, Run

__all__ = ['Comparison', 'Run']
