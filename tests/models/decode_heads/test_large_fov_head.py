import numpy as np
import pytest
import torch

from label_efficient_seg.models.decode_heads import LargeFOVHead
from tests.models.decode_heads.test_deeplabv2_head import loop_convolution


@pytest.mark.parametrize('dilation', [12, 2])
def test_is_two_dilated_convolutions(dilation):
    head = LargeFOVHead(2, 3, channels=4, dilation=dilation, in_index=1).eval()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    features = torch.randn(1, 2, 9, 27)
    x = features[0].numpy()
    for conv in (head.conv, head.conv_seg):
        weight, bias = conv.weight.detach().numpy(), conv.bias.detach().numpy()
        x = loop_convolution(
            np.maximum(x, 0) if conv is head.conv_seg else x, weight, bias, dilation
        )
    # `in_index` chooses the second map.
    found = head([torch.full((1, 7, 9, 27), torch.nan), features])
    np.testing.assert_allclose(found[0].detach().numpy(), x, atol=1e-3)


def test_default_has_the_papers_channels_and_dilation():
    head = LargeFOVHead(16, 21)
    assert {name: tuple(p.shape) for name, p in head.named_parameters()} == {
        'conv.weight': (512, 16, 3, 3), 'conv.bias': (512,),
        'conv_seg.weight': (21, 512, 3, 3), 'conv_seg.bias': (21,),
    }  # fmt: skip
    assert head.conv.dilation == head.conv_seg.dilation == (12, 12)
    head.init_weights()
    assert float(head.conv_seg.weight.detach().std()) == pytest.approx(0.01, rel=0.05)
