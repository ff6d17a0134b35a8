import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from mmseg.models.backbones.resnet import Bottleneck, ResNet
from mmseg.registry import MODELS
from torch import Tensor

from ..core.errors import UserError
from .conversion import Conversion, check_tensors, convert_checkpoint, output_width, without_wrapper

# What every head of a released file has weights for.
DILATIONS = (6, 12, 18, 24)
BRANCH = re.compile(r'\w+_head\.convs\.(\d+)\.')


@dataclass(frozen=True)
class Variant:
    """In what the released DeepLabv2 of a paper differs from the others.

    Attributes:
        heads (dict[str, str]): Its name of each of this project's heads.
        branches (int): How many of the four branches of a head its code sums. The others are in
            its files, but were neither trained nor used, because the code returned from inside its
            loop over the branches.
    """

    heads: dict[str, str]
    branches: int
    rgb: bool = False

    def official_name(self, name: str) -> str:
        """The release's name of one of this project's tensors, or of the beginning of one."""
        module, _, rest = name.partition('.')
        if module == 'backbone':
            return rest
        return f'{self.heads[module]}.{rest.replace("convs", "conv2d_list", 1)}'

    def computes(self, name: str) -> bool:
        """Whether its code makes use of one of this project's tensors."""
        branch = BRANCH.match(name)
        return branch is None or int(branch[1]) < self.branches


TWO_LEVELS = dict(decode_head='layer6', auxiliary_head='layer5')
VARIANTS = dict(
    advent=Variant(TWO_LEVELS, branches=4),  # IntraDA contains a copy of this code
    adaptsegnet=Variant(TWO_LEVELS, branches=2),
    advsemi=Variant(dict(decode_head='layer5'), branches=2, rgb=True),
)


# Of the release's images, blue first; they have no standard deviation.
MEAN = (104.00698793, 116.66876762, 122.67891434)


def convert_deeplabv2(
    state_dict: Mapping[str, Tensor], to: str, variant: str = 'advent'
) -> Conversion:
    """Rename the weights of a released DeepLabv2 for this project's networks, or back.

    The networks compute the same where the released code computes anything: ResNet in Caffe style
    with max pooling that rounds sizes up, dilation 2 and 4 in its last two stages, and heads that
    sum dilated convolutions; the auxiliary one on the third stage. Depth, widths, number of
    classes, and whether there is an auxiliary head are read off the tensors. The model's config
    also has the data preprocessor of the release: mean and order of the colors.

    Args:
        state_dict (Mapping[str, Tensor]): Weights; all names may begin with ``module.``. Batch
            counters (``num_batches_tracked``), which files from before PyTorch 0.4.1 lack, may be
            absent and become 0, as PyTorch itself does.
        to (str): ``'ours'`` or ``'official'``.
        variant (str): Which release: a key of :data:`VARIANTS`.

    Returns:
        Conversion: The same tensors under new names. To ours, the branches that the release never
        computes are left out. To official, they are zeros, which change nothing whether they are
        computed or not, and discriminators are left out.

    Raises:
        ValueError: If names or shapes are not those of the network; it lists them.
    """
    if to not in ('ours', 'official') or variant not in VARIANTS:
        raise UserError(
            f"to={to!r} must be 'ours' or 'official' and variant={variant!r} one of "
            f'{", ".join(VARIANTS)}'
        )
    release, notes = VARIANTS[variant], []
    state_dict = without_wrapper(state_dict)
    if to == 'official':
        discriminators = [name for name in state_dict if name.startswith('discriminator')]
        state_dict = {n: t for n, t in state_dict.items() if n not in discriminators}
        if discriminators:
            notes.append(f'left out, no part of the segmentor: {", ".join(discriminators)}')

    try:
        model, tensors = _match(state_dict, to, release)
    except ValueError as error:
        heads = release.heads.values() if to == 'ours' else release.heads
        raise UserError(
            f'the weights are not those of a DeepLabv2 of variant {variant!r}, with '
            f'{" and ".join(heads)}, that can be converted to {to!r}, so nothing was; its code '
            f'sums the dilations {DILATIONS[: release.branches]}; {error}'
        ) from error

    model['data_preprocessor'] = dict(
        type='SegDataPreProcessor',
        mean=list(MEAN[::-1] if release.rgb else MEAN),
        std=[1.0] * 3,
        bgr_to_rgb=release.rgb,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1,
    )
    if unused := [name for name in tensors if not release.computes(name)]:
        deed = 'left out' if to == 'ours' else 'zeros'
        listed = ', '.join(map(release.official_name, unused))
        notes.append(f'{deed}, because the released code never computes them: {listed}')
    if to == 'official':
        return Conversion({release.official_name(n): t for n, t in tensors.items()}, model, notes)
    return Conversion({n: t for n, t in tensors.items() if release.computes(n)}, model, notes)


def convert_deeplabv2_file(
    source: str | Path, target: str | Path, to: str, variant: str = 'advent'
) -> Conversion:
    """Convert a checkpoint file with :func:`convert_deeplabv2`.

    Args:
        source (str | Path): ``.pth`` or ``.safetensors`` file with the state dict, at its top or
            under ``state_dict`` or ``model``.
        target (str | Path): ``.pth`` file to write. It is complete or absent, also when this fails.
            To ours, it is a checkpoint whose ``meta`` says where the weights come from and has the
            config of the model; to official, a bare state dict, as the released code loads it.
        to (str): ``'ours'`` or ``'official'``.
        variant (str): Which release: a key of :data:`VARIANTS`.

    Returns:
        Conversion: What was written.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If ``source`` cannot be read safely or holds another network, or if ``target``
            does not end in ``.pth``.
    """
    convert = partial(convert_deeplabv2, to=to, variant=variant)
    return convert_checkpoint(
        source, target, convert, dict(variant=variant) if to == 'ours' else None
    )


def _match(
    state_dict: Mapping[str, Tensor], to: str, release: Variant
) -> tuple[dict, dict[str, Tensor]]:
    """Find the network that tensors belong to.

    Returns:
        tuple[dict, dict[str, Tensor]]: Its config, and its tensors under this project's names,
        with all four branches per head. What the state dict may lack is zero.

    Raises:
        ValueError: If it does not have exactly the tensors of a network.
    """
    spell = release.official_name if to == 'ours' else str  # the state dict's name for ours
    model = _infer_model(state_dict, spell, release)
    all_branches = {k: dict(v, dilations=DILATIONS) for k, v in model.items() if k != 'backbone'}
    with torch.device('meta'):  # names and shapes only
        segmentor = MODELS.build(dict(model, **all_branches, type='EncoderDecoder'))
    expected = segmentor.state_dict()
    required = [name for name in expected if to == 'ours' or release.computes(name)]
    check_tensors(state_dict, {spell(name): expected[name] for name in required})
    tensors = {}
    for name, empty in expected.items():
        found = state_dict.get(spell(name))
        tensors[name] = torch.zeros(empty.shape, dtype=empty.dtype) if found is None else found
    return model, tensors


def _infer_model(
    state_dict: Mapping[str, Tensor], spell: Callable[[str], str], release: Variant
) -> dict:
    """Config of the networks that tensors belong to, read off their names and widths.

    Raises:
        ValueError: If there is no such network.
    """
    pattern = re.compile(re.escape(spell('backbone.layer')) + r'([1-4])\.(\d+)\.')
    found = {match.groups() for match in map(pattern.match, state_dict) if match}
    blocks = tuple(sum(stage == str(number) for stage, _ in found) for number in (1, 2, 3, 4))
    depths = {b: depth for depth, (kind, b) in ResNet.arch_settings.items() if kind is Bottleneck}
    if blocks not in depths:
        known = ', '.join(f'{b} (ResNet-{depth})' for b, depth in depths.items())
        raise UserError(f'their four stages have {blocks} blocks instead of {known}')

    def width(name: str) -> int:
        return output_width(state_dict, spell(name))

    stem, base = width('backbone.conv1.weight'), width('backbone.layer1.0.conv1.weight')
    model = dict(backbone=dict(type='DeepLabV2ResNet', depth=depths[blocks]))
    if (stem, base) != (64, 64):
        model['backbone'].update(stem_channels=stem, base_channels=base)
    inputs = dict(decode_head=(3, 32 * base), auxiliary_head=(2, 16 * base))
    for head in release.heads:
        branches = spell(f'{head}.convs.')
        if head == 'auxiliary_head' and not any(n.startswith(branches) for n in state_dict):
            continue
        model[head] = dict(
            type='DeepLabV2Head',
            in_index=inputs[head][0],
            in_channels=inputs[head][1],
            num_classes=width('decode_head.convs.0.weight'),
            dilations=DILATIONS[: release.branches],
            align_corners=True,
            loss_decode=dict(type='MaskedCrossEntropyLoss'),
        )
    return model
