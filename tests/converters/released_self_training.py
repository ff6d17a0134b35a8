"""The segmentors of UniMatch, UniMatch V2, DAFormer and HRDA, small, with the releases' names."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 5


def conv_norm(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


def enlarge(x: Tensor, size, corners: bool = True) -> Tensor:
    return F.interpolate(x, size, mode='bilinear', align_corners=corners)


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int, dilation: int, first: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        if first:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn3(self.conv3(self.bn2(self.conv2(y)).relu()))
        return (y + (self.downsample(x) if hasattr(self, 'downsample') else x)).relu()


class UniMatch(nn.Module):
    """DeepLabv3+ on a ResNet-50 of output stride 16."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.backbone = backbone = nn.Module()
        stem = 2 * width
        backbone.conv1 = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, stem, 3, 1, 1, bias=False),
        )  # fmt: skip
        backbone.bn1 = nn.BatchNorm2d(stem)
        inputs = stem
        for stage, count in enumerate((3, 4, 6, 3)):
            channels, blocks = width * 2**stage, nn.Sequential()
            for index in range(count):
                stride = 2 if stage in (1, 2) and index == 0 else 1
                # The first block of the last stage has the dilation of the stage before it.
                dilation = 2 if stage == 3 and index else 1
                blocks.append(Bottleneck(inputs, channels, stride, dilation, first=index == 0))
                inputs = 4 * channels
            setattr(backbone, f'layer{stage + 1}', blocks)
        low, high = 4 * width, inputs
        outputs = high // 8
        self.head = nn.Module()
        for index, (kernel, dilation) in enumerate(((1, 1), (3, 6), (3, 12), (3, 18))):
            setattr(self.head, f'b{index}', conv_norm(high, outputs, kernel, dilation))
        self.head.b4 = nn.Module()
        self.head.b4.gap = nn.Sequential(nn.AdaptiveAvgPool2d(1), *conv_norm(high, outputs, 1))
        self.head.project = conv_norm(5 * outputs, outputs, 1)
        self.reduce = conv_norm(low, 6, 1)
        self.fuse = nn.Sequential(
            *conv_norm(outputs + 6, outputs, 3), *conv_norm(outputs, outputs, 3)
        )
        self.classifier = nn.Conv2d(outputs, CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        b, head = self.backbone, self.head
        x = F.max_pool2d(b.bn1(b.conv1(images)).relu(), 3, 2, 1)
        low = b.layer1(x)
        high = b.layer4(b.layer3(b.layer2(low)))
        parts = [head.b0(high), head.b1(high), head.b2(high), head.b3(high)]
        parts.append(enlarge(head.b4.gap(high), high.shape[2:]))
        high = enlarge(head.project(torch.cat(parts, 1)), low.shape[2:])
        scores = self.classifier(self.fuse(torch.cat([self.reduce(low), high], 1)))
        return enlarge(scores, images.shape[2:])


class ViTBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(channels, eps=1e-6) for _ in range(2))
        self.attn, self.mlp, self.ls1, self.ls2 = (nn.Module() for _ in range(4))
        self.attn.qkv = nn.Linear(channels, 3 * channels)
        self.attn.proj = nn.Linear(channels, channels)
        self.mlp.fc1 = nn.Linear(channels, 4 * channels)
        self.mlp.fc2 = nn.Linear(4 * channels, channels)
        self.ls1.gamma, self.ls2.gamma = (nn.Parameter(torch.rand(channels)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        results, channels = [], x.shape[2]
        q, k, v = self.attn.qkv(self.norm1(x)).split(channels, dim=2)
        for start in range(0, channels, 64):  # heads of 64 channels, one after the other
            part = slice(start, start + 64)
            scores = q[..., part] @ k[..., part].transpose(1, 2) / 8
            results.append(scores.softmax(2) @ v[..., part])
        x = x + self.attn.proj(torch.cat(results, 2)) * self.ls1.gamma
        hidden = nn.GELU()(self.mlp.fc1(self.norm2(x)))
        return x + self.mlp.fc2(hidden) * self.ls2.gamma


class Unit(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x.relu()).relu()) + x


class UniMatchV2(nn.Module):
    """DINOv2 with 128 channels and DPT; images of 70 x 70 pixels need no interpolation."""

    def __init__(self, channels: int = 128, levels: tuple = (4, 6, 8, 10), width: int = 8) -> None:
        super().__init__()
        b, h = nn.Module(), nn.Module()
        self.backbone, self.head = b, h
        b.patch_embed = nn.Module()
        b.patch_embed.proj = nn.Conv2d(3, channels, 14, 14)
        b.cls_token = nn.Parameter(torch.randn(1, 1, channels))
        b.pos_embed = nn.Parameter(torch.randn(1, 26, channels))
        b.mask_token = nn.Parameter(torch.zeros(1, channels))
        b.blocks = nn.ModuleList(ViTBlock(channels) for _ in range(12))
        b.norm = nn.LayerNorm(channels, eps=1e-6)
        h.projects = nn.ModuleList(nn.Conv2d(channels, level, 1) for level in levels)
        h.resize_layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(levels[0], levels[0], 4, 4),
                nn.ConvTranspose2d(levels[1], levels[1], 2, 2),
                nn.Identity(),
                nn.Conv2d(levels[3], levels[3], 3, 2, 1),
            ]
        )
        h.scratch = s = nn.Module()
        for index, level in enumerate(levels, 1):
            conv = nn.Conv2d(level, width, 3, padding=1, bias=False)
            setattr(s, f'layer{index}_rn', conv)
            fusion = nn.Module()
            fusion.out_conv = nn.Conv2d(width, width, 1)
            fusion.resConfUnit1, fusion.resConfUnit2 = Unit(width), Unit(width)
            setattr(s, f'refinenet{index}', fusion)
        s.output_conv = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, CLASSES, 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        b, s = self.backbone, self.head.scratch
        height, width = images.shape[2] // 14, images.shape[3] // 14
        tokens = b.patch_embed.proj(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([b.cls_token.repeat(len(images), 1, 1), tokens], 1)
        places = b.pos_embed[:, 1:].reshape(1, 5, 5, -1).permute(0, 3, 1, 2)
        if (height, width) != (5, 5):
            factors = ((height + 0.1) / 5, (width + 0.1) / 5)
            places = F.interpolate(places, scale_factor=factors, mode='bicubic')
        places = places.flatten(2).transpose(1, 2)
        tokens = tokens + torch.cat([b.pos_embed[:, :1], places], 1)
        maps = []
        for index, block in enumerate(b.blocks):
            tokens = block(tokens)
            if index in (2, 5, 8, 11):
                patches = b.norm(tokens)[:, 1:].permute(0, 2, 1)
                patches = patches.reshape(len(images), -1, height, width)
                level = len(maps)
                patches = self.head.resize_layers[level](self.head.projects[level](patches))
                maps.append(getattr(s, f'layer{level + 1}_rn')(patches))
        path = None
        for number in (4, 3, 2, 1):
            fusion, level = getattr(s, f'refinenet{number}'), maps[number - 1]
            path = level if path is None else path + fusion.resConfUnit1(level)
            path = fusion.resConfUnit2(path)
            size = maps[number - 2].shape[2:] if number > 1 else [2 * x for x in path.shape[2:]]
            path = fusion.out_conv(enlarge(path, size))
        return enlarge(s.output_conv(path), images.shape[2:])


class MiTBlock(nn.Module):
    def __init__(self, channels: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads, self.reduction = heads, reduction
        self.norm1, self.norm2 = (nn.LayerNorm(channels, eps=1e-6) for _ in range(2))
        self.attn, self.mlp = a, m = nn.Module(), nn.Module()
        a.q, a.kv = nn.Linear(channels, channels), nn.Linear(channels, 2 * channels)
        a.proj = nn.Linear(channels, channels)
        if reduction > 1:
            a.sr = nn.Conv2d(channels, channels, reduction, reduction)
            a.norm = nn.LayerNorm(channels)
        m.fc1, m.fc2 = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        m.dwconv = nn.Module()
        m.dwconv.dwconv = nn.Conv2d(4 * channels, 4 * channels, 3, padding=1, groups=4 * channels)

    def forward(self, x: Tensor, size) -> Tensor:
        a, m, y = self.attn, self.mlp, self.norm1(x)
        places, results = y, []
        if self.reduction > 1:
            places = a.sr(y.transpose(1, 2).unflatten(2, size)).flatten(2).transpose(1, 2)
            places = a.norm(places)
        queries, (keys, values) = a.q(y), a.kv(places).chunk(2, dim=2)
        split = [tensor.chunk(self.heads, dim=2) for tensor in (queries, keys, values)]
        for q, k, v in zip(*split, strict=True):
            results.append((q @ k.transpose(1, 2) / q.shape[2] ** 0.5).softmax(2) @ v)
        x = x + a.proj(torch.cat(results, 2))
        hidden = m.fc1(self.norm2(x)).transpose(1, 2).unflatten(2, size)
        hidden = m.dwconv.dwconv(hidden).flatten(2).transpose(1, 2)
        return x + m.fc2(nn.GELU()(hidden))


class MiT(nn.Module):
    """Four stages with one or two blocks."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.channels = [width * heads for heads in (1, 2, 5, 8)]
        inputs = [3, *self.channels[:-1]]
        for i, (before, after) in enumerate(zip(inputs, self.channels, strict=True), 1):
            kernel, stride = (7, 4) if i == 1 else (3, 2)
            patches = nn.Module()
            patches.proj = nn.Conv2d(before, after, kernel, stride, kernel // 2)
            patches.norm = nn.LayerNorm(after)
            setattr(self, f'patch_embed{i}', patches)
            heads, reduction = ((1, 8), (2, 4), (5, 2), (8, 1))[i - 1]
            blocks = (MiTBlock(after, heads, reduction) for _ in range(1 + i % 2))
            setattr(self, f'block{i}', nn.ModuleList(blocks))
            setattr(self, f'norm{i}', nn.LayerNorm(after, eps=1e-6))

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = []
        for i in range(1, 5):
            patches = getattr(self, f'patch_embed{i}')
            x = patches.proj(x)
            size = x.shape[2:]
            x = patches.norm(x.flatten(2).transpose(1, 2))
            for block in getattr(self, f'block{i}'):
                x = block(x, size)
            x = getattr(self, f'norm{i}')(x).transpose(1, 2).unflatten(2, size)
            levels.append(x)
        return levels


class DAFormerDecoder(nn.Module):
    def __init__(self, channels: list[int], embed: int = 6, context: bool = True) -> None:
        super().__init__()
        self.embed_layers = nn.ModuleDict()
        for i, inputs in enumerate(channels):
            self.embed_layers[str(i)] = nn.Module()
            self.embed_layers[str(i)].proj = nn.Linear(inputs, embed)
        self.conv_seg = nn.Conv2d(7, CLASSES, 1)
        if not context:
            self.fuse_layer = self.conv_bn(4 * embed, 7, 1)
            return
        self.fuse_layer = fuse = nn.Module()
        fuse.aspp_modules = nn.ModuleList([self.conv_bn(4 * embed, 7, 1)])
        for rate in (6, 12, 18):
            separable = nn.Module()
            separable.depthwise_conv = self.conv_bn(4 * embed, 4 * embed, 3, rate, 4 * embed)
            separable.pointwise_conv = self.conv_bn(4 * embed, 7, 1)
            fuse.aspp_modules.append(separable)
        fuse.bottleneck = self.conv_bn(28, 7, 3)

    @staticmethod
    def conv_bn(inputs: int, outputs: int, kernel: int, rate: int = 1, groups: int = 1):
        module = nn.Module()
        padding = rate * (kernel // 2)
        module.conv = nn.Conv2d(
            inputs, outputs, kernel, padding=padding, dilation=rate, groups=groups, bias=False
        )
        module.bn = nn.BatchNorm2d(outputs)
        return module

    def forward(self, levels: list[Tensor]) -> Tensor:
        size, embedded = levels[0].shape[2:], []
        for i, level in enumerate(levels):
            linear = self.embed_layers[str(i)].proj(level.flatten(2).transpose(1, 2))
            embedded.append(
                enlarge(linear.transpose(1, 2).unflatten(2, level.shape[2:]), size, False)
            )
        x, fuse = torch.cat(embedded, 1), self.fuse_layer

        def apply(module, x):
            return module.bn(module.conv(x)).relu()

        if not hasattr(fuse, 'aspp_modules'):
            return self.conv_seg(apply(fuse, x))
        first, *separable = fuse.aspp_modules
        parts = [apply(first, x)]
        for module in separable:
            parts.append(apply(module.pointwise_conv, apply(module.depthwise_conv, x)))
        return self.conv_seg(apply(fuse.bottleneck, torch.cat(parts, 1)))


class DAFormer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = MiT()
        self.decode_head = DAFormerDecoder(self.backbone.channels)

    def forward(self, images: Tensor) -> Tensor:
        return enlarge(self.decode_head(self.backbone(images)), images.shape[2:], False)


class HRDA(nn.Module):
    """Windows of 64x64 that start every 32 pixels; the image's sides are multiples of 32."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.decode_head = MiT(), nn.Module()
        self.decode_head.head = DAFormerDecoder(self.backbone.channels)
        self.decode_head.scale_attention = DAFormerDecoder(self.backbone.channels, 4, False)

    def forward(self, images: Tensor) -> Tensor:
        head, size = self.decode_head, images.shape[2:]
        context = self.backbone(enlarge(images, [side // 2 for side in size], False))
        total = torch.zeros(len(images), CLASSES, size[0] // 4, size[1] // 4)
        count = torch.zeros(size[0] // 4, size[1] // 4)
        for y in range(0, size[0] - 63, 32):
            for x in range(0, size[1] - 63, 32):
                place = (..., slice(y // 4, y // 4 + 16), slice(x // 4, x // 4 + 16))
                window = images[:, :, y : y + 64, x : x + 64]
                total[place] += head.head(self.backbone(window))
                count[place] += 1
        attention = head.scale_attention(context).sigmoid()
        whole = enlarge((1 - attention) * head.head(context), count.shape, False)
        fused = whole + enlarge(attention, count.shape, False) * total / count
        return enlarge(fused, size, False)


RELEASES = {'unimatch': UniMatch, 'unimatch-v2': UniMatchV2, 'daformer': DAFormer, 'hrda': HRDA}


@torch.no_grad()
def released(kind: str) -> nn.Module:
    """With random weights and random, plausible batch statistics."""
    torch.manual_seed(1)
    network = RELEASES[kind]().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(std=0.2)
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.5, 1.5)
    return network
