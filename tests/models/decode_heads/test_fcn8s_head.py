"""FCN-8s against a rendering in plain functions, alone and on mmpretrain's VGG-16."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from label_efficient_seg.models.decode_heads import FCN8sHead

CONFIG = Path(__file__).resolve().parents[3] / 'configs' / '_base_' / 'models' / 'fcn8s_vgg16.py'


def random_head(in_channels: tuple[int, ...] = (2, 3, 4), channels: int = 6) -> FCN8sHead:
    """A head in whose scores all of its layers can be seen."""
    head = FCN8sHead(in_channels, 5, channels).eval()
    for parameter in head.parameters():
        nn.init.normal_(parameter, std=0.3)
    return head


def levels(height: int, width: int, in_channels: tuple[int, ...] = (2, 3, 4)) -> list[Tensor]:
    """Random maps of pool3, pool4 and pool5 of an image."""
    return [
        torch.randn(2, channels, -(-height // stride), -(-width // stride))
        for channels, stride in zip(in_channels, (8, 16, 32), strict=True)
    ]


def plain_scores(weights: dict[str, Tensor], pool3: Tensor, pool4: Tensor, pool5: Tensor) -> Tensor:
    def conv(name: str, x: Tensor, padding: int = 0) -> Tensor:
        return F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], padding=padding)

    def twice(name: str, x: Tensor) -> Tensor:
        """Each value times the kernel, added up around its place."""
        kernel, (n, _, height, width) = weights[f'{name}.weight'], x.shape
        out = x.new_zeros(n, kernel.shape[1], 2 * height + 2, 2 * width + 2)
        for i in range(height):
            for j in range(width):
                patch = torch.einsum('nc,cdhw->ndhw', x[:, :, i, j], kernel)
                out[:, :, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += patch
        return out[:, :, 1:-1, 1:-1]

    fc7 = conv('classifier.3', conv('classifier.0', pool5, padding=3).relu()).relu()
    up = twice('upsample_fc7', conv('conv_seg', fc7))
    fused = conv('score_pool4', pool4) + up[:, :, : pool4.shape[2], : pool4.shape[3]]
    up = twice('upsample_pool4', fused)
    return conv('score_pool3', pool3) + up[:, :, : pool3.shape[2], : pool3.shape[3]]


@torch.no_grad()
@pytest.mark.parametrize('size', [(64, 96), (65, 97), (73, 111), (33, 200), (1, 9)])
def test_equals_plain_network(size):
    head = random_head()
    inputs = levels(*size)
    found = head(inputs)
    assert found.shape == (2, 5, -(-size[0] // 8), -(-size[1] // 8)) and found.std() > 0.1
    expected = plain_scores(head.state_dict(), *inputs)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_upsampling_begins_bilinear():
    head = FCN8sHead((2, 3, 4), 3, 6)
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(5.0), indexing='ij')
    ramp = torch.stack([rows, columns, 2 * rows - columns])[None]
    # Position i of the fine map lies at i / 2 - 1 / 4 of the coarse one.
    rows, columns = rows.new_tensor(range(12)) / 2 - 0.25, rows.new_tensor(range(10)) / 2 - 0.25
    rows, columns = torch.meshgrid(rows, columns, indexing='ij')
    expected = torch.stack([rows, columns, 2 * rows - columns])[None]
    for layer in (head.upsample_fc7, head.upsample_pool4):
        found = layer(ramp)
        torch.testing.assert_close(found[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])
        resized = F.interpolate(ramp, scale_factor=2, mode='bilinear', align_corners=False)
        torch.testing.assert_close(found[..., 1:-1, 1:-1], resized[..., 1:-1, 1:-1])


def test_scores_begin_at_zero_and_the_rest_does_not():
    head = FCN8sHead((2, 3, 8), 5, 64)
    head.init_weights()
    assert not head(levels(64, 64, (2, 3, 8))).any()
    fc6, fc7 = head.classifier[0], head.classifier[3]
    assert float(fc6.weight.detach().std()) == pytest.approx((2 / (64 * 49)) ** 0.5, rel=0.05)
    assert float(fc7.weight.detach().std()) == pytest.approx((2 / 64) ** 0.5, rel=0.05)
    assert head.upsample_fc7.weight[0, 0, 1, 1] == 0.75**2


def test_gradient_reaches_every_parameter_with_dropout():
    torch.manual_seed(0)
    head = random_head().train()
    inputs = levels(75, 97)
    first, second = head(inputs), head(inputs)
    assert not torch.equal(first, second)
    first.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in head.parameters())
    assert [m.p for m in head.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5]


@torch.no_grad()
def test_fully_connected_layers_of_a_classifier_load(tmp_path):
    classifier = nn.Sequential(
        nn.Linear(4 * 49, 6), nn.ReLU(), nn.Dropout(),
        nn.Linear(6, 6), nn.ReLU(), nn.Dropout(), nn.Linear(6, 10),
    ).eval()  # fmt: skip
    path = tmp_path / 'vgg16.pth'
    weights = {f'classifier.{k}': v for k, v in classifier.state_dict().items()}
    torch.save({'features.0.weight': torch.zeros(4, 3, 3, 3), **weights}, path)
    head = FCN8sHead((2, 3, 4), 5, 6, init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    head.init_weights()
    pool5 = torch.randn(3, 4, 7, 7)
    expected = classifier[:5](pool5.flatten(1))
    found = head.eval().classifier(pool5)
    # In the middle, where fc6 sees the whole map.
    torch.testing.assert_close(found[:, :, 3, 3], expected)
    assert not head.conv_seg.weight.any() and head.upsample_fc7.weight.any()


def test_own_weights_load_strictly_as_part_of_a_model():
    source, target = (nn.ModuleDict(dict(decode_head=random_head())) for _ in range(2))
    target.load_state_dict(source.state_dict(), strict=True)
    for name, tensor in target.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name])


def test_maps_that_were_rounded_down_are_refused():
    pool3, pool4, _ = levels(72, 64)  # 5 rows in pool4
    with pytest.raises(ValueError, match=r'scores of \(4, 4\) for .* \(5, 4\); .*ceil_mode=True'):
        random_head()([pool3, pool4, torch.randn(2, 4, 2, 2)])


@torch.no_grad()
def test_on_vgg16_images_of_any_size_equal_padded_ones():
    torch.manual_seed(0)
    cfg = Config.fromfile(CONFIG).model
    cfg.decode_head.channels = 8
    for part in (cfg.backbone, cfg.decode_head):
        part.pop('init_cfg')
    model = MODELS.build(cfg).eval()
    for name, parameter in model.decode_head.named_parameters():
        if 'upsample' not in name:
            nn.init.normal_(parameter, std=0.1)
    image = torch.randint(0, 256, (3, 59, 77), dtype=torch.uint8)
    sample = SegDataSample(metainfo=dict(ori_shape=(59, 77), img_shape=(59, 77)))
    (found,) = model.test_step(dict(inputs=[image], data_samples=[sample]))
    mean, std = (torch.tensor(cfg.data_preprocessor[key]).view(3, 1, 1) for key in ('mean', 'std'))
    x = F.pad(((image.flip(0) - mean) / std)[None], (0, 3, 0, 5))  # to 64 x 80
    pools = []
    convs = iter([m for m in model.backbone.modules() if isinstance(m, nn.Conv2d)])
    for count in (2, 2, 3, 3, 3):
        for _ in range(count):
            conv = next(convs)
            x = F.conv2d(x, conv.weight, conv.bias, padding=1).relu()
        x = F.max_pool2d(x, 2, ceil_mode=True)
        pools.append(x)
    scores = plain_scores(model.decode_head.state_dict(), *pools[2:])
    expected = F.interpolate(scores, scale_factor=8, mode='bilinear')[0, :, :59, :77]
    assert expected.std() > 1e-2
    torch.testing.assert_close(found.seg_logits.data, expected, rtol=1e-4, atol=1e-4)


def test_published_size():
    with torch.device('meta'):
        model = MODELS.build(Config.fromfile(CONFIG).model).eval()
        assert model(torch.empty(1, 3, 500, 375)).shape == (1, 21, 63, 47)
        torchvision = pytest.importorskip('torchvision').models.vgg16(weights=None)
    scores = 21 * (256 + 512 + 4096 + 3) + 2 * 21 * 21 * 16
    last = 4096 * 1000 + 1000
    expected = sum(p.numel() for p in torchvision.parameters()) - last + scores
    assert sum(p.numel() for p in model.parameters()) == expected == 134_376_863
