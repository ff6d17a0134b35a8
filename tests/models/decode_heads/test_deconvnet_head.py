import pytest
import torch
from torch import nn

from label_efficient_seg.models.backbones import DeconvNetVGG
from label_efficient_seg.models.decode_heads import DeconvNetHead


def build(channels: int = 1, **kwargs) -> DeconvNetHead:
    return DeconvNetHead(64, 3, channels=channels, fc6_kernel_size=1, **kwargs)


def test_initial_weights_are_those_of_the_paper():
    head = DeconvNetHead(64, 21, channels=8)
    head.init_weights()
    for module in head.modules():
        if isinstance(module, (nn.ConvTranspose2d, nn.Conv2d)):
            if module.weight.numel() > 1000:
                assert float(module.weight.detach().std()) == pytest.approx(0.01, rel=0.1)
            assert not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all() and (module.bias == 0.001).all()
    assert head.dropout is None


def test_other_norms():
    norms = [m for m in build(norm_cfg=dict(type='SyncBN')).modules() if 'Norm' in str(type(m))]
    assert len(norms) == 14 and all(isinstance(norm, nn.SyncBatchNorm) for norm in norms)


def test_another_backbone_is_refused():
    maps = [torch.randn(1, 64, 4, 4) for _ in range(6)]
    for inputs in (maps, maps[:4]):
        with pytest.raises(ValueError, match='the backbone does not give; use DeconvNetVGG'):
            build()(inputs)


@pytest.mark.parametrize('settings', [dict(channels=2), dict(norm_cfg=dict(type='BN'))])
def test_a_backbone_of_another_width_or_kernel_is_refused(settings):
    wide = 'channels' in settings
    features = DeconvNetVGG(1, 1 if wide else 2).eval()(torch.randn(1, 3, 96, 96))
    with pytest.raises(ValueError, match='must be the base_channels of the backbone, and fc6_ker'):
        build(**settings).eval()(features)
