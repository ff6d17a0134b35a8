"""Ways to find boxes that may hold an object."""

from .methods import METHODS, check_method, make_proposals
from .objectness import Objectness

__all__ = ['METHODS', 'Objectness', 'check_method', 'make_proposals']
