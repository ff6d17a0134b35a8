import pytest
import torch
from mmseg.models.backbones import MobileNetV2
from mmseg.registry import MODELS
from torch import nn


@torch.no_grad()
@pytest.mark.parametrize('output_stride', [8, 16, 32])
def test_sampled_features_are_those_of_the_network_at_stride_32(output_stride):
    reference = MobileNetV2(out_indices=(5, 6))
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    backbone = MODELS.build(
        dict(type='DilatedMobileNetV2', output_stride=output_stride, out_indices=(5, 6))
    )
    backbone.load_state_dict(reference.state_dict())
    reference.eval()
    backbone.eval()
    # With 32 n + 1 pixels the borders, too, agree.
    images = torch.randn(2, 3, 97, 129)
    step = 32 // output_stride
    for found, expected in zip(backbone(images), reference(images), strict=True):
        assert found.shape[-2:] == (96 // output_stride + 1, 128 // output_stride + 1)
        assert expected.std() > 1e-3
        torch.testing.assert_close(found[..., ::step, ::step], expected, rtol=1e-4, atol=1e-5)


def test_other_output_strides_are_refused():
    with pytest.raises(ValueError, match='must be 8, 16 or 32, got 4'):
        MODELS.build(dict(type='DilatedMobileNetV2', output_stride=4))
