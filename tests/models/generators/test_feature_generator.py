import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from label_efficient_seg.models.generators import FeatureGenerator


def test_published_layers():
    generator = MODELS.build(
        dict(type='FeatureGenerator', embedding_channels=600, latent_channels=600, out_channels=600)
    )
    convs = [layer for layer in generator.modules() if isinstance(layer, nn.Conv2d)]
    widths = [1200, 1024, 960, 864, 784, 720, 600]
    assert [c.in_channels for c in convs] == widths[:-1]
    assert [c.out_channels for c in convs] == widths[1:]
    assert all(c.kernel_size == (1, 1) for c in convs)
    ratios = [layer.p for layer in generator.modules() if isinstance(layer, nn.Dropout)]
    assert ratios == [0.1, 0.1, 0.3, 0.5, 0.5]


@pytest.mark.parametrize('size', [(2, 5, 7), (1, 1, 1)])
def test_features_of_each_pixel(size):
    batch, height, width = size
    generator = FeatureGenerator(6, 4, 8, hidden_channels=(12, 10), dropout=(0.1, 0.5))
    embeddings = torch.randn(batch, 6, height, width)
    latent = torch.randn(batch, 4, height, width)
    features = generator.eval()(embeddings, latent)
    assert features.shape == (batch, 8, height, width)
    assert ((features > 0) & (features < 1)).all()
    pixel = (..., slice(height - 1, height), slice(width - 1, width))
    torch.testing.assert_close(generator(embeddings[pixel], latent[pixel]), features[pixel])


def test_equals_its_layers_by_hand():
    generator = FeatureGenerator(2, 3, 4, hidden_channels=(5,), dropout=(0.5,)).eval()
    embeddings, latent = torch.randn(2, 2), torch.randn(2, 3)
    first, last = (m for m in generator.modules() if isinstance(m, nn.Conv2d))
    hidden = torch.cat([embeddings, latent], 1) @ first.weight[..., 0, 0].T + first.bias
    hidden = torch.where(hidden > 0, hidden, 0.2 * hidden)
    expected = 1 / (1 + (-(hidden @ last.weight[..., 0, 0].T + last.bias)).exp())
    found = generator(embeddings[..., None, None], latent[..., None, None])
    torch.testing.assert_close(found[..., 0, 0], expected)


def test_one_dropout_ratio_per_layer():
    with pytest.raises(ValueError, match='has 2 hidden layers, but 5 dropout ratios'):
        FeatureGenerator(2, 3, 4, hidden_channels=(5, 6))
