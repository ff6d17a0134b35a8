from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.model.weight_init import trunc_normal_
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError


@MODELS.register_module()
class DINOv2(BaseModule):
    """Vision transformer of DINOv2, without registers.

    Its tensors have the names of the files that Meta published, which therefore are initial weights
    as they are. S has 384 channels, 12 blocks and 6 heads; B 768, 12 and 12; L 1024, 24 and 16.

    Args:
        embed_dims (int): Channels.
        depth (int): Number of blocks.
        num_heads (int): Heads of the attention.
        out_indices (Sequence[int]): Blocks whose patches are returned.
        patch_size (int): Side of a patch in pixels.
        image_size (int): Side of the images, in pixels, that the position embeddings are for. For
            other images they are interpolated.
        init_cfg (dict, optional): Initial weights, as of MMEngine.

    Source: Oquab et al., DINOv2, TMLR 2024.
    """

    def __init__(
        self,
        embed_dims: int = 384,
        depth: int = 12,
        num_heads: int = 6,
        out_indices: Sequence[int] = (2, 5, 8, 11),
        patch_size: int = 14,
        image_size: int = 518,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.patch_size, self.out_indices = patch_size, tuple(out_indices)
        self.side = image_size // patch_size
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.side**2, embed_dims))
        self.patch_embed = nn.ModuleDict(
            dict(proj=nn.Conv2d(3, embed_dims, patch_size, stride=patch_size))
        )
        self.blocks = nn.ModuleList(_Block(embed_dims, num_heads) for _ in range(depth))
        self.norm = nn.LayerNorm(embed_dims, eps=1e-6)

    def init_weights(self) -> None:
        """Initialise as the authors, or load the weights of ``init_cfg``."""
        if self.init_cfg:
            super().init_weights()
            return
        trunc_normal_(self.pos_embed, std=0.02)
        nn.init.normal_(self.cls_token, std=1e-6)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps of the patches after some blocks, all normalised by the final layer norm.

        Args:
            images (Tensor): (N, 3, H, W), H and W multiples of ``patch_size``.

        Returns:
            tuple[Tensor, ...]: Each (N, embed_dims, H / patch_size, W / patch_size).

        Raises:
            UserError: If the size is not a multiple of a patch's.
        """
        if images.shape[2] % self.patch_size or images.shape[3] % self.patch_size:
            raise UserError(
                f'images of {tuple(images.shape[2:])} pixels (height, width) have no whole number '
                f'of patches; set crop_size, and for tests model.data_preprocessor.test_cfg='
                f'dict(size_divisor={self.patch_size}), to multiples of {self.patch_size}'
            )
        patches = self.patch_embed['proj'](images)
        size = patches.shape[2:]
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1)
        tokens = tokens + self._positions(*size)
        levels = []
        for index, block in enumerate(self.blocks):
            tokens = block(tokens)
            if index in self.out_indices:
                level = self.norm(tokens)[:, 1:].transpose(1, 2)
                levels.append(level.unflatten(2, size).contiguous())
        return tuple(levels)

    def _positions(self, height: int, width: int) -> Tensor:
        if (height, width) == (self.side, self.side):
            return self.pos_embed
        grid = self.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (self.side, self.side))
        # The authors add 0.1 against rounding; it moves the samples a little.
        factors = [(side + 0.1) / self.side for side in (height, width)]
        grid = F.interpolate(grid.float(), scale_factor=factors, mode='bicubic').to(grid)
        return torch.cat([self.pos_embed[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)


class _Block(nn.Module):
    """Attention and two linear layers, each scaled by a learned factor for each channel."""

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = _Attention(channels, num_heads)
        self.ls1 = _Scale(channels)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = nn.ModuleDict(
            dict(fc1=nn.Linear(channels, 4 * channels), fc2=nn.Linear(4 * channels, channels))
        )
        self.ls2 = _Scale(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        hidden = F.gelu(self.mlp['fc1'](self.norm2(tokens)))
        return tokens + self.ls2(self.mlp['fc2'](hidden))


class _Attention(nn.Module):
    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        heads = self.qkv(tokens).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(*heads)  # (N, heads, tokens, channels / heads)
        return self.proj(found.transpose(1, 2).flatten(2))


class _Scale(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma
