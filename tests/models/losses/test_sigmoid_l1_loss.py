import math

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS


@pytest.mark.parametrize('real', [True, False])
@pytest.mark.parametrize('masked', [True, False])
def test_equals_loops(real, masked):
    loss = MODELS.build(dict(type='SigmoidL1Loss'))
    logits = 3 * torch.randn(2, 1, 4, 5, dtype=torch.float64)
    valid = torch.rand(2, 1, 4, 5) < 0.5 if masked else None
    values = [
        abs(1 / (1 + math.exp(-float(logits[index]))) - real)
        for index in np.ndindex(*logits.shape)
        if valid is None or valid[index]
    ]
    assert float(loss(logits, real, valid)) == pytest.approx(np.mean(values), abs=1e-12)


def test_extreme_logits_and_empty_masks_are_finite():
    loss = MODELS.build(dict(type='SigmoidL1Loss'))
    logits = torch.tensor([-1e4, 1e4], dtype=torch.float16)
    for real in (True, False):
        found = loss(logits, real)
        assert found.dtype == torch.float32 and float(found) == pytest.approx(0.5)
    assert loss(logits, True, torch.zeros(2, dtype=torch.bool)) == 0
    assert loss.boundary == 0
