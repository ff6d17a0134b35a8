import numpy as np
import pytest
import torch

from label_efficient_seg.models.decode_heads import DeepLabV2Head


def build(**kwargs) -> DeepLabV2Head:
    return DeepLabV2Head(in_channels=2, in_index=1, num_classes=3, **kwargs)


def loop_convolution(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    """3x3 convolution of a (C, H, W) map with zeros around it, one term after the other."""
    _, height, width = x.shape
    out = np.zeros((len(w), height, width))
    for o in range(len(w)):
        for i in range(height):
            for j in range(width):
                total = b[o]
                for dy in (-1, 0, 1):
                    for dx in (-1, 0, 1):
                        y, z = i + dy * dilation, j + dx * dilation
                        if 0 <= y < height and 0 <= z < width:
                            total += (w[o, :, dy + 1, dx + 1] * x[:, y, z]).sum()
                out[o, i, j] = total
    return out


@pytest.mark.parametrize('dilations', [(6, 12, 18, 24), (6, 12), (1,)])
def test_is_the_sum_of_its_branches(dilations):
    head = build(dilations=dilations)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    features = torch.randn(1, 2, 9, 27)
    expected = sum(
        loop_convolution(
            features[0].numpy(), conv.weight.detach().numpy(), conv.bias.detach().numpy(), dilation
        )
        for conv, dilation in zip(head.convs, dilations, strict=True)
    )
    # `in_index` chooses the second map.
    found = head([torch.full((1, 7, 9, 27), torch.nan), features])
    np.testing.assert_allclose(found[0].detach().numpy(), expected, atol=1e-5)


def test_default_has_the_papers_four_branches():
    assert [conv.dilation for conv in build().convs] == [(6, 6), (12, 12), (18, 18), (24, 24)]
    # 3x3 weights and a bias for each class, and no parameter that the forward pass leaves out.
    assert sum(p.numel() for p in build().parameters()) == 4 * (9 * 2 * 3 + 3)


def test_initial_weights_are_normal_with_std_001():
    head = DeepLabV2Head(in_channels=512, num_classes=21)
    head.init_weights()
    for conv in head.convs:
        assert float(conv.weight.detach().std()) == pytest.approx(0.01, rel=0.02)
        assert float(conv.weight.detach().mean()) == pytest.approx(0, abs=1e-4)
        assert not conv.bias.any()


def test_needs_a_branch():
    with pytest.raises(ValueError, match='at least one dilation'):
        build(dilations=())
