"""Released segmentors of UniMatch, UniMatch V2, and DAFormer, HRDA or MIC."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..core.errors import UserError
from .conversion import Conversion, check_tensors, convert_checkpoint, output_width, without_wrapper

Weights = Mapping[str, Tensor]

# Beginnings of names: in the release, and here.
UNIMATCH = {
    'backbone.': 'backbone.',
    'backbone.conv1.': 'backbone.stem.',
    'backbone.bn1.': 'backbone.stem.7.',
    **{f'head.b{i}.0.': f'decode_head.branches.{i}.conv.' for i in range(4)},
    **{f'head.b{i}.1.': f'decode_head.branches.{i}.bn.' for i in range(4)},
    'head.b4.gap.1.': 'decode_head.image_branch.conv.',
    'head.b4.gap.2.': 'decode_head.image_branch.bn.',
    'head.project.0.': 'decode_head.join.conv.',
    'head.project.1.': 'decode_head.join.bn.',
    'reduce.0.': 'decode_head.reduce.conv.',
    'reduce.1.': 'decode_head.reduce.bn.',
    'fuse.0.': 'decode_head.fuse.0.conv.',
    'fuse.1.': 'decode_head.fuse.0.bn.',
    'fuse.3.': 'decode_head.fuse.1.conv.',
    'fuse.4.': 'decode_head.fuse.1.bn.',
    'classifier.': 'decode_head.conv_seg.',
}
FUSION = dict(out_conv='project', resConfUnit1='before', resConfUnit2='after')
UNIMATCH_V2 = {
    'backbone.': 'backbone.',
    'head.projects.': 'decode_head.projects.',
    'head.resize_layers.': 'decode_head.resize_layers.',
    **{f'head.scratch.layer{i + 1}_rn.': f'decode_head.convs.{i}.' for i in range(4)},
    **{
        f'head.scratch.refinenet{i + 1}.{theirs}.': f'decode_head.fusions.{i}.{ours}.'
        for theirs, ours in FUSION.items()
        for i in range(4)
    },
    'head.scratch.output_conv.0.': 'decode_head.project.',
    'head.scratch.output_conv.2.': 'decode_head.conv_seg.',
}
STAGES = (1, 2, 3, 4)
DAFORMER = {
    **{f'backbone.patch_embed{i}.proj.': f'backbone.layers.{i - 1}.0.projection.' for i in STAGES},
    **{f'backbone.patch_embed{i}.norm.': f'backbone.layers.{i - 1}.0.norm.' for i in STAGES},
    **{f'backbone.block{i}.': f'backbone.layers.{i - 1}.1.' for i in STAGES},
    **{f'backbone.norm{i}.': f'backbone.layers.{i - 1}.2.' for i in STAGES},
    **{f'decode_head.embed_layers.{i}.proj.': f'decode_head.embed_layers.{i}.' for i in range(4)},
    'decode_head.fuse_layer.': 'decode_head.',
    'decode_head.conv_seg.': 'decode_head.conv_seg.',
}
HRDA = {
    **{
        theirs: ours.replace('backbone.', 'backbone.backbone.')
        for theirs, ours in DAFORMER.items()
        if theirs.startswith('backbone.')
    },
    **{
        theirs.replace('decode_head.', f'decode_head.{part}.'): ours.replace(
            'decode_head.', f'decode_head.{our_part}.'
        )
        for part, our_part in (('head', 'head'), ('scale_attention', 'attention'))
        for theirs, ours in DAFORMER.items()
        if theirs.startswith('decode_head.')
    },
    'decode_head.scale_attention.fuse_layer.': 'decode_head.attention.bottleneck.',
}
# Within a block of MiT; queries, keys and values are joined.
MIT_BLOCK = {
    '.attn.proj.': '.attn.attn.out_proj.',
    '.mlp.fc1.': '.ffn.layers.0.',
    '.mlp.dwconv.dwconv.': '.ffn.layers.1.',
    '.mlp.fc2.': '.ffn.layers.4.',
}
PREPROCESSOR = dict(
    type='SegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size_divisor=1,
)
# Parts of a checkpoint that are no part of the segmentor, and why.
LEFT_OUT = {
    'backbone.mask_token': 'which only the pre-training uses',
    'head.scratch.refinenet4.resConfUnit1.': 'which the released code never computes',
    'ema_model.': 'the teacher',
    'imnet_model.': 'the initial network',
}


def convert_self_training(state_dict: Weights, kind: str) -> Conversion:
    """Rename the weights of a released segmentor for this project's networks.

    The networks compute the same. Sizes are read off the tensors.

    Args:
        state_dict (Mapping[str, Tensor]): Weights of the student; all names may begin with
            ``module.``. The teacher of a checkpoint of DAFormer, HRDA or MIC is left out.
        kind (str): A key of :data:`KINDS`.

    Returns:
        Conversion: Weights and config of a plain ``EncoderDecoder``.

    Raises:
        UserError: If names or shapes are not those of the network; it lists them.
    """
    prefixes, infer = KINDS[kind]
    weights, notes = _without_others(without_wrapper(state_dict))
    if kind == 'daformer' and any(name.startswith('decode_head.head.') for name in weights):
        prefixes, infer = HRDA, _hrda
    try:
        weights = {_renamed(name, prefixes): tensor for name, tensor in weights.items()}
        if kind == 'daformer':
            weights = _join_attention(weights)
        model = infer(weights)
        check_tensors(weights, MODELS.build(dict(model, type='EncoderDecoder')).state_dict())
    except ValueError as error:
        raise UserError(
            f'the weights are not those of a segmentor that {kind} released, so nothing was '
            f'converted; {error}'
        ) from error
    preprocessor = dict(PREPROCESSOR)
    backbone = model['backbone']
    if divisor := backbone.get('patch_size') or backbone.get('align'):  # of DINOv2, of HRDA
        preprocessor['test_cfg'] = dict(size_divisor=divisor)
    return Conversion(weights, dict(data_preprocessor=preprocessor, **model), notes)


def convert_self_training_file(source: str | Path, target: str | Path, kind: str) -> Conversion:
    """Convert a checkpoint file with :func:`convert_self_training`.

    Args:
        source (str | Path): ``.pth`` or ``.safetensors`` file with the state dict, at its top or
            under ``state_dict`` or ``model``.
        target (str | Path): ``.pth`` file to write. It is complete or absent, also when this fails.
        kind (str): A key of :data:`KINDS`.

    Returns:
        Conversion: What was written.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        UserError: If ``source`` cannot be read safely or holds another network, or if ``target``
            does not end in ``.pth``.
    """

    def convert(weights: Weights) -> Conversion:
        return convert_self_training(weights, kind)

    return convert_checkpoint(source, target, convert, dict(variant=kind))


def _without_others(weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The segmentor's own tensors, and notes on the others."""
    notes = []
    for part, reason in LEFT_OUT.items():
        if others := [name for name in weights if name.startswith(part)]:
            weights = {name: t for name, t in weights.items() if name not in others}
            notes.append(f'left out, {reason}: {part} ({len(others)} tensors)')
    if weights and all(name.startswith('model.') for name in weights):
        weights = {name.removeprefix('model.'): tensor for name, tensor in weights.items()}
    return weights, notes


def _renamed(name: str, prefixes: Mapping[str, str]) -> str:
    """Our name of a tensor; that of the release if there is none, which the check then names."""
    known = [prefix for prefix in prefixes if name.startswith(prefix)]
    if not known:
        return name
    prefix = max(known, key=len)
    return prefixes[prefix] + name.removeprefix(prefix)


def _join_attention(weights: Weights) -> dict[str, Tensor]:
    found = {}
    for name, tensor in weights.items():
        for theirs, ours in MIT_BLOCK.items():
            name = name.replace(theirs, ours)
        if re.search(r'ffn\.layers\.[04]\.weight$', name) and tensor.dim() == 2:
            tensor = tensor[:, :, None, None]  # a linear layer as a 1x1 convolution
        if name.endswith(('.attn.kv.weight', '.attn.kv.bias')):
            continue
        if name.endswith(('.attn.q.weight', '.attn.q.bias')):
            others = weights.get(name.replace('.attn.q.', '.attn.kv.'))
            if others is None:
                raise UserError(f'missing: {name.replace(".attn.q.", ".attn.kv.")}')
            tensor = torch.cat([tensor, others])
            name = name.replace('.attn.q.', '.attn.attn.in_proj_')
        found[name] = tensor
    return found


def _size(weights: Weights, name: str, dim: int = 0) -> int:
    tensor = weights.get(name)
    if tensor is None or tensor.dim() <= dim:
        raise UserError(f'missing, or of another shape: {name}')
    return tensor.shape[dim]


def _count(weights: Weights, pattern: str) -> int:
    """One more than the highest number that stands in names."""
    return 1 + max((int(m[1]) for m in (re.match(pattern, n) for n in weights) if m), default=-1)


def _deeplabv3plus(weights: Weights) -> dict:
    blocks = _count(weights, r'backbone\.layer3\.(\d+)\.')
    depths = {6: 50, 23: 101}
    if blocks not in depths:
        raise UserError(f'the third stage has {blocks} blocks instead of 6 or 23')
    base = output_width(weights, 'backbone.layer1.0.conv1.weight')
    return dict(
        backbone=dict(
            type='ResNetV1c',
            depth=depths[blocks],
            stem_channels=output_width(weights, 'backbone.stem.6.weight'),
            base_channels=base,
            dilations=(1, 1, 1, 2),
            strides=(1, 2, 2, 1),
            contract_dilation=True,
            style='pytorch',
            norm_cfg=dict(type='BN'),
        ),
        decode_head=dict(
            type='DeepLabV3PlusHead',
            in_channels=(4 * base, 32 * base),
            channels=output_width(weights, 'decode_head.join.conv.weight'),
            low_channels=output_width(weights, 'decode_head.reduce.conv.weight'),
            num_classes=output_width(weights, 'decode_head.conv_seg.weight'),
            norm_cfg=dict(type='BN'),
            dropout_ratio=0,
            align_corners=True,
            loss_decode=dict(type='MaskedCrossEntropyLoss'),
        ),
    )


def _dinov2_dpt(weights: Weights) -> dict:
    depth = _count(weights, r'backbone\.blocks\.(\d+)\.')
    channels = _size(weights, 'backbone.norm.weight')
    patch = _size(weights, 'backbone.patch_embed.proj.weight', 2)
    side = round((_size(weights, 'backbone.pos_embed', 1) - 1) ** 0.5)
    return dict(
        backbone=dict(
            type='DINOv2',
            embed_dims=channels,
            depth=depth,
            num_heads=max(channels // 64, 1),
            out_indices=(4, 11, 17, 23) if depth == 24 else (2, 5, 8, 11),
            patch_size=patch,
            image_size=side * patch,
        ),
        decode_head=dict(
            type='PlainDPTHead',
            in_channels=channels,
            level_channels=tuple(
                output_width(weights, f'decode_head.projects.{i}.weight') for i in range(4)
            ),
            channels=output_width(weights, 'decode_head.project.weight'),
            num_classes=output_width(weights, 'decode_head.conv_seg.weight'),
            dropout_ratio=0,
            loss_decode=dict(type='MaskedCrossEntropyLoss'),
        ),
    )


def _daformer(weights: Weights) -> dict:
    return dict(
        backbone=_mit(weights, 'backbone'),
        decode_head=dict(_daformer_head(weights, 'backbone', 'decode_head'), **_scores(weights)),
    )


def _hrda(weights: Weights) -> dict:
    encoder = 'backbone.backbone'
    head, attention = (
        _daformer_head(weights, encoder, f'decode_head.{part}') for part in ('head', 'attention')
    )
    return dict(
        backbone=dict(
            type='HRDABackbone', crop_size=(512, 512), align=8, backbone=_mit(weights, encoder)
        ),
        decode_head=dict(
            type='HRDAHead',
            head=head,
            attention=dict(attention, dilations=()),
            **_scores(weights, 'head.'),
        ),
    )


def _mit(weights: Weights, name: str) -> dict:
    layers = rf'{re.escape(name)}\.layers'
    return dict(
        type='MixVisionTransformer',
        embed_dims=output_width(weights, f'{name}.layers.0.0.projection.weight'),
        num_stages=4,
        num_layers=[_count(weights, rf'{layers}\.{i}\.1\.(\d+)\.') for i in range(4)],
        num_heads=[1, 2, 5, 8],
        patch_sizes=[7, 3, 3, 3],
        sr_ratios=[8, 4, 2, 1],
        out_indices=(0, 1, 2, 3),
        mlp_ratio=4,
        qkv_bias=True,
        drop_path_rate=0.1,
    )


def _daformer_head(weights: Weights, encoder: str, name: str) -> dict:
    return dict(
        type='DAFormerHead',
        in_channels=[
            output_width(weights, f'{encoder}.layers.{i}.0.projection.weight') for i in range(4)
        ],
        embed_dims=_size(weights, f'{name}.embed_layers.0.weight'),
        channels=output_width(weights, f'{name}.bottleneck.conv.weight'),
        norm_cfg=dict(type='BN'),
        dropout_ratio=0.1,
    )


def _scores(weights: Weights, part: str = '') -> dict:
    return dict(
        num_classes=output_width(weights, f'decode_head.{part}conv_seg.weight'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, avg_non_ignore=True),
    )


KINDS: dict[str, tuple[Mapping[str, str], Callable[[Weights], dict]]] = {
    'unimatch': (UNIMATCH, _deeplabv3plus),
    'unimatch-v2': (UNIMATCH_V2, _dinov2_dpt),
    'daformer': (DAFORMER, _daformer),
}
"""Names of the tensors, and the config of the network they belong to."""
