"""Configs as data."""

import math

import pytest
from mmengine.config import Config

from label_efficient_seg.core.config_index import get_config
from label_efficient_seg.core.config_text import read_config_text


@pytest.mark.parametrize(
    'name', ['advsemi/deeplabv2_r18_toy_semi', 'deconvnet/deconvnet_vgg16_voc_proposals']
)
def test_shipped_configs(name):
    cfg = get_config(name)
    assert read_config_text(cfg.pretty_text) == cfg.to_dict()


def test_values():
    cfg = Config({'a': dict(b=[1, (2.5, -3)], c={'x.y': None, 'z': True}), 'd': "it's", 'e': ()})
    assert read_config_text(cfg.pretty_text) == cfg.to_dict()
    assert read_config_text('a = inf\nb = -inf') == dict(a=math.inf, b=-math.inf)


@pytest.mark.parametrize(
    'text',
    [
        'import os',
        'a = __import__("os").system("x")',
        'a = dict([("b", 1)])',
        'a = dict(**b)',
        'a = b',
        'a.b = 1',
        'a = [x for x in (1,)]',
        'a = f"{1}"',
        'a = (',
        'a = {**{}}',
        'del a',
    ],
)
def test_programs_are_refused(text):
    with pytest.raises((ValueError, SyntaxError)):
        read_config_text(text)
