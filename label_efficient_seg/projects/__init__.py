"""Folders of configs, with a workflow and a README, made from a data card by ``les new``."""

from .adapt import new_adapt
from .project import RUNS, find_workflow, is_project, method_run
from .semi import new_semi
from .weak import new_weak
from .zero import new_zero

__all__ = [
    'RUNS',
    'find_workflow',
    'is_project',
    'method_run',
    'new_adapt',
    'new_semi',
    'new_weak',
    'new_zero',
]
