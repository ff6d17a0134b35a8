"""Networks of projects: shipped, of MMSeg's configs, of timm."""

import sys

import pytest
import torch

from label_efficient_seg import api
from label_efficient_seg.core.errors import MissingPackageError, UserError
from label_efficient_seg.engine.hooks.start_check import start_faults
from label_efficient_seg.engine.launch import load_config
from label_efficient_seg.engine.trained_model import without_pretraining
from label_efficient_seg.projects.networks import find_network

from .conftest import train


def test_timm_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(MissingPackageError, match='not installed: pip install timm'):
        find_network('timm/resnet18', 10)


def test_a_name_of_nothing_is_refused():
    with pytest.raises(UserError, match="nor timm/NAME .* did you mean 'deeplabv2_r101'"):
        find_network('deeplabv2_r10', 10)


def test_crops_of_a_unet_are_multiples_of_16(card, tmp_path):
    file = tmp_path / 'unet.py'
    file.write_text(
        "model = dict(type='EncoderDecoder', data_preprocessor=dict(type='SegDataPreProcessor'),\n"
        "    backbone=dict(type='UNet', base_channels=4, norm_cfg=dict(type='BN')),\n"
        "    decode_head=dict(type='FCNHead', in_channels=4, in_index=4, channels=4,\n"
        "                     num_classes=2), test_cfg=dict(mode='whole'))\n"
        "optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))\n"
    )
    folder = api.new('semi', card, out=tmp_path / 'out', network=str(file), iterations=2)
    cfg = load_config(str(folder / 'baseline.py'))
    assert cfg.crop_size == (64, 64)  # 57 without a UNet
    assert cfg.model.data_preprocessor.test_cfg.size_divisor == 16
    train(str(folder / 'baseline.py'), str(tmp_path / 'run'))  # and validates images of 72x64


def test_channels_of_the_maps(network):
    assert find_network(network, 10).levels() == [8, 16, 32, 64]
    assert find_network('segformer_mit-b0', 10).levels() == [32, 64, 160, 256]


def test_weights_of_another_network_are_refused(card, network, tmp_path):
    file = tmp_path / 'x.pth'
    torch.save({'features.0.weight': torch.zeros(2)}, file)
    message = (
        r"initial weights '.*x\.pth': none of their 1 tensors \(features\.0\.weight, \.\.\.\) fits"
    )
    with pytest.raises(UserError, match=f'{message} the ResNetV1c .*les convert --help'):
        api.new(
            'semi', card, out=tmp_path / 'out', network=network, weights=str(file), iterations=4
        )
    torch.save(dict(state_dict={'module.layer1.0.conv1.weight': torch.zeros(8, 8, 3, 3)}), file)
    message = r'of another network: \d+ of the \d+ kernels of the ResNetV1c .* such as stem\.0'
    with pytest.raises(UserError, match=message):
        api.new(
            'semi', card, out=tmp_path / 'out', network=network, weights=str(file), iterations=4
        )


def test_weights_come_in_place_of_the_networks_own(network):
    shipped, own = find_network('deeplabv3plus_r50', 10), find_network(network, 10)
    assert shipped.weights('x.pth')['init_cfg'] == dict(
        _delete_=True, type='Pretrained', checkpoint='x.pth'
    )
    assert own.weights('x.pth')['init_cfg'] == dict(type='Pretrained', checkpoint='x.pth')
    assert own.weights(None) == shipped.weights(None) == dict(init_cfg=None)


def test_trained_networks_of_timm_download_nothing():
    backbone = dict(type='TIMMBackbone', model_name='resnet18', pretrained_cfg_overlay={})
    found = without_pretraining(dict(backbone=dict(backbone, pretrained=True), pretrained='x'))
    assert found == dict(
        backbone=dict(type='TIMMBackbone', model_name='resnet18', pretrained=False)
    )


def test_network_of_timm(card):
    pytest.importorskip('timm')
    options = dict(network='timm/resnet18', weights='none', iterations=4)
    cfg = load_config(
        str(api.new('semi', card, out=card.parent / 'out', **options) / 'baseline.py')
    )
    assert (cfg.model.backbone.output_stride, cfg.model.decode_head.in_channels) == (16, 512)
    assert not cfg.model.backbone.pretrained
    assert cfg.model.data_preprocessor.mean[0] == pytest.approx(123.675)
    assert list(start_faults(cfg)) == []
    with pytest.raises(UserError, match="did you mean 'resnet18'"):
        find_network('timm/resnet1', 10)
    with pytest.raises(UserError, match='no feature maps of images of any size'):
        find_network('timm/swin_tiny_patch4_window7_224', 10)
