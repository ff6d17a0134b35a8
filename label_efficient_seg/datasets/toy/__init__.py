"""Embedded, procedural and deterministic dataset of textured shapes.

Written for trying methods in minutes on a CPU. The six object classes are the combinations of
two shapes and three textures. Each texture has a typical hue, which varies; colour and size say
nothing about the shape. A source and a target style make a domain pair, the target's images have
a graded difficulty.
"""

from .folder import stratified_order, toy_root, write_toy
from .scene import ToyObject, ToyScene, render_scene
from .spec import (
    ATTRIBUTE_NAMES,
    ATTRIBUTES,
    CLASSES,
    PALETTE,
    SHAPES,
    STYLES,
    TEXTURES,
    UNSEEN_CLASSES,
    ToySpec,
)
from .style import apply_target_style, difficulty, render

__all__ = [
    'ATTRIBUTE_NAMES',
    'ATTRIBUTES',
    'CLASSES',
    'PALETTE',
    'SHAPES',
    'STYLES',
    'TEXTURES',
    'UNSEEN_CLASSES',
    'ToyObject',
    'ToyScene',
    'ToySpec',
    'apply_target_style',
    'difficulty',
    'render',
    'render_scene',
    'stratified_order',
    'toy_root',
    'write_toy',
]
