"""The plain steps that the benchmarks compare with compute the losses of the methods."""

import sys
from argparse import Namespace

import pytest

from label_efficient_seg.core.config_index import resource_root

sys.path.insert(0, str(resource_root() / 'dev' / 'benchmarks'))

import train_step  # noqa: E402

SMALL = dict(size=(49, 49), batch=2, channels=8, threads=1, device='cpu')


@pytest.mark.parametrize('method', list(train_step.PLAIN))
def test_plain_steps_have_the_losses_of_the_methods(method):
    args = Namespace(**SMALL, paper=False, joint=False, frozen_bn=False)
    name, difference = train_step.largest_difference(method, args)
    assert name and difference <= train_step.TOLERANCE
