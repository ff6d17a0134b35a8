"""The DeepLabv2 of ADVENT, AdaptSegNet and AdvSemiSeg, for tests."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# How many branches of each head the released code sums, and whether it has two levels.
RELEASES = dict(advent=(4, True), adaptsegnet=(2, True), advsemi=(2, False))
CLASSES = 5


class Block(nn.Module):
    """Bottleneck whose stride is on the first convolution."""

    def __init__(self, inputs: int, width: int, stride: int, dilation: int, first: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        if first:
            projection = nn.Conv2d(inputs, 4 * width, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        y = self.bn3(self.conv3(y))
        return (y + (self.downsample(x) if hasattr(self, 'downsample') else x)).relu()


class Head(nn.Module):
    """Four dilated convolutions, of which the first `summed` are used."""

    def __init__(self, inputs: int, classes: int, summed: int) -> None:
        super().__init__()
        self.summed = summed
        self.conv2d_list = nn.ModuleList(
            nn.Conv2d(inputs, classes, 3, padding=rate, dilation=rate) for rate in (6, 12, 18, 24)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([conv(x) for conv in self.conv2d_list[: self.summed]]).sum(dim=0)


class Released(nn.Module):
    """The network of a release; its classifiers are `layer5` and, with two levels, `layer6`."""

    def __init__(
        self, variant: str, width: int = 4, blocks: tuple = (3, 4, 6, 3), classes: int = CLASSES
    ) -> None:
        super().__init__()
        summed, self.two_levels = RELEASES[variant]
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for stage, (count, dilation) in enumerate(zip(blocks, (1, 1, 2, 4), strict=True), 1):
            channels, layer = width * 2 ** (stage - 1), nn.Sequential()
            for index in range(count):
                stride = 2 if stage == 2 and index == 0 else 1
                layer.append(Block(inputs, channels, stride, dilation, first=index == 0))
                inputs = 4 * channels
            setattr(self, f'layer{stage}', layer)
        if self.two_levels:
            self.layer5 = Head(inputs // 2, classes, summed)
            self.layer6 = Head(inputs, classes, summed)
        else:
            self.layer5 = Head(inputs, classes, summed)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Class scores of the main and, if there is one, the auxiliary classifier."""
        x = self.bn1(self.conv1(images)).relu()
        x = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
        third = self.layer3(self.layer2(self.layer1(x)))
        fourth = self.layer4(third)
        if self.two_levels:
            return self.layer6(fourth), self.layer5(third)
        return self.layer5(fourth), None


@torch.no_grad()
def released(variant: str) -> Released:
    """A narrow ResNet-50 with random weights and random, plausible batch statistics."""
    torch.manual_seed(1)
    network = Released(variant).eval()
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(std=0.2)
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.5, 1.5)
            module.num_batches_tracked.fill_(7)
        elif 'conv2d_list' in name and isinstance(module, nn.Conv2d):
            module.weight.normal_(std=0.1)
    return network
