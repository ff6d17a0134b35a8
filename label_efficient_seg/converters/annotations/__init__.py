"""Masks for tools in which people correct them, and back."""

from .exchange import KINDS, export_masks, import_masks

__all__ = ['KINDS', 'export_masks', 'import_masks']
