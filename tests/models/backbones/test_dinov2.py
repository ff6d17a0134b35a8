"""What the comparison with the released network, among the converters, does not show."""

import pytest
import torch

from label_efficient_seg.models.backbones import DINOv2


@pytest.fixture(scope='module')
def network():
    return DINOv2(embed_dims=8, depth=2, num_heads=2, out_indices=(0, 1), image_size=28)


def test_names_are_those_of_the_published_files(network):
    names = network.state_dict().keys()
    block = ('norm1.weight', 'attn.qkv.weight', 'attn.proj.bias', 'ls1.gamma', 'norm2.bias')
    block += ('mlp.fc1.weight', 'mlp.fc2.bias', 'ls2.gamma')
    assert {'cls_token', 'pos_embed', 'patch_embed.proj.weight', 'norm.weight'} <= names
    assert {f'blocks.1.{name}' for name in block} <= names


def test_levels_and_gradients_of_images_of_other_sizes(network):
    network.init_weights()
    levels = network(torch.randn(2, 3, 42, 14))
    assert [level.shape for level in levels] == [(2, 8, 3, 1)] * 2
    sum(level.square().sum() for level in levels).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_sizes_that_are_no_multiples_of_a_patch_are_named(network):
    with pytest.raises(ValueError, match=r'images of \(30, 28\) pixels .* multiples of 14'):
        network(torch.zeros(1, 3, 30, 28))
