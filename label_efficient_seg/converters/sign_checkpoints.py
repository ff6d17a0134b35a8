"""SIGN's released networks under this project's names."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from mmseg.models.backbones.resnet import Bottleneck, ResNet
from mmseg.registry import DATASETS, MODELS
from torch import Tensor

from ..core.errors import UserError
from ..datasets.files.class_splits import CLASS_SPLITS
from .conversion import Conversion, check_tensors, convert_checkpoint, output_width, without_wrapper

# (dataset, class split, word vectors) of each release.
RELEASES = {
    'voc': ('PascalVOCDataset', 'voc_15_5', ('voc_fasttext', 'voc_word2vec')),
    'context': ('PascalContextDataset', 'context_29_4', 'context_word2vec'),
    'coco-stuff': (
        'COCOStuffDataset',
        'coco_stuff_167_15',
        ('coco_stuff_fasttext', 'coco_stuff_word2vec'),
    ),
}
# COCO-Stuff: numbers that no label file has, and seen classes that the release counts last.
ABSENT = (11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90)
COUNTED_LAST = (3, 21, 38, 45, 51, 61, 75, 81, 93, 129, 136, 139)

CONVS = dict(reduce=1, conv3x3=2, increase=3)
RULES = (
    (r'back\.scale\.layer1\.conv1\.conv\.', 'backbone.conv1.'),
    (r'back\.scale\.layer1\.conv1\.bn\.', 'backbone.bn1.'),
    (r'back\.scale\.aspp\.stages\.c(\d)\.', r'decode_head.convs.\1.'),
    (r'back\.scale\.contextuallocalmu\.conv\.', 'spatial_information.mean.'),
    (r'back\.scale\.contextuallocalsigma\.conv\.', 'spatial_information.log_variance.'),
    (r'back\.scale\.(contextual|positional)pool\.conv\.', r'spatial_information.\1.merge.'),
    (r'back\.scale\.fc_1\.conv\.', 'spatial_information.contextual.scales.'),
    (r'back\.scale\.fc_2\.conv\.', 'spatial_information.positional.scales.'),
    (r'dis\.fc\.conv\.', 'discriminator.shared.0.'),
    (r'dis\.pred\.', 'discriminator.judge.'),
    (r'dis\.cls\.', 'discriminator.classifier.'),
    (r'Em_all\.weight', 'embeddings'),
)


def our_name(name: str) -> str:
    """This project's name of one of the release's tensors; unknown ones keep theirs."""
    for pattern, ours in RULES:
        if re.match(pattern, name):
            return re.sub(pattern, ours, name, count=1)
    if match := re.match(r'back\.scale\.layer([2-5])\.block(\d+)\.(\w+)\.(conv|bn)\.(.*)', name):
        stage, block, conv, kind, rest = match.groups()
        prefix = f'backbone.layer{int(stage) - 1}.{int(block) - 1}'
        if conv == 'proj':
            return f'{prefix}.downsample.{int(kind == "bn")}.{rest}'
        return f'{prefix}.{kind}{CONVS.get(conv, conv)}.{rest}'
    if match := re.match(r'back\.scale\.(contextual|positional)([123])\.conv\.(.*)', name):
        block, index, rest = match.groups()
        return f'spatial_information.{block}.convs.{int(index) - 1}.{rest}'
    if match := re.match(r'gen\.mlp\.(\d)\.(?:conv\.)?(.*)', name):
        return f'generator.layers.{3 * int(match[1])}.{match[2]}'
    return name


def released_classes(dataset: str) -> list[str | None]:
    """Names of the outputs of a released classifier, in its order.

    Args:
        dataset (str): A key of :data:`RELEASES`.

    Returns:
        list[str | None]: Seen classes, then unseen ones; None for classes that this project's
        dataset does not have, and for the last output, which no label of the release names.
    """
    name, split, _ = RELEASES[dataset]
    classes = list(DATASETS.get(name).METAINFO['classes'])
    kinds = CLASS_SPLITS[split]
    unseen = list(kinds['unseen'])
    if dataset == 'coco-stuff':
        left = iter(classes)
        numbered = [None if number in ABSENT else next(left) for number in range(182)]
        first = [n for n in range(182) if n not in COUNTED_LAST and numbered[n] not in unseen]
        seen = [numbered[number] for number in (*first, *COUNTED_LAST)]
    else:
        ignored = kinds.get('ignored', ())
        seen = list(kinds.get('seen', ())) or [
            c for c in classes if c not in unseen and c not in ignored
        ]
    return [*seen, *unseen, None]


def convert_sign(
    state_dict: Mapping[str, Tensor],
    dataset: str,
    embeddings: str | Path | Sequence[str | Path] | None = None,
) -> Conversion:
    """Rename the weights of a released SIGN for this project's networks.

    The classes come in the order of this project's dataset. The release has one output more than
    classes, which no label of it names. Classes that the split ignores, such as VOC's background,
    get that output, so that all outputs of the release are there.

    Args:
        state_dict (Mapping[str, Tensor]): Weights of its whole model: ``back.``, ``gen.``,
            ``dis.``, ``Em_vis.`` and ``Em_all.``. All names may begin with ``module.``.
        dataset (str): Which release: a key of :data:`RELEASES`.
        embeddings (str | Path | Sequence, optional): Word vectors for the config of the model, as
            SIGN takes them, with as many numbers as the release's. The ones of this package are
            those of the release for VOC and COCO-Stuff; for Context it has no fastText.

    Returns:
        Conversion: The same tensors under new names, and the config of the model.

    Raises:
        ValueError: If names or shapes are not those of the network; it lists them.

    Source: the released ``networks.py`` of Cheng et al., SIGN, ICCV 2021.
    """
    if dataset not in RELEASES:
        raise UserError(f'dataset={dataset!r} must be one of {", ".join(RELEASES)}')
    tensors = {our_name(n): t for n, t in without_wrapper(state_dict).items()}
    _refuse_other_networks(list(tensors))
    tensors.pop('Em_vis.weight', None)  # rows of Em_all
    model = _infer_model(tensors, dataset, embeddings)
    network = MODELS.build(dict(model, test_cfg=dict(mode='whole')))
    expected = network.state_dict()
    order = released_classes(dataset)
    released = {
        'embeddings': (len(order) - 1, expected['embeddings'].shape[1]),
        **{
            name: (len(order), *expected[name].shape[1:])
            for name in ('discriminator.classifier.weight', 'discriminator.classifier.bias')
        },
    }
    shapes = {
        name: torch.empty(released.get(name, tensor.shape), device='meta')
        for name, tensor in expected.items()
    }
    check_tensors(tensors, shapes)
    names = DATASETS.get(RELEASES[dataset][0]).METAINFO['classes']
    rows = [order.index(name) if name in order else len(order) - 1 for name in names]
    for name in released:
        if name == 'embeddings':
            known = [index for index, row in enumerate(rows) if row < len(order) - 1]
            vectors = expected[name].clone()
            vectors[known] = tensors[name][[rows[index] for index in known]].to(vectors)
            tensors[name] = vectors
        else:
            tensors[name] = tensors[name][rows]
    weights = {
        name: tensors.get(name, torch.zeros(value.shape, dtype=value.dtype))
        for name, value in expected.items()
    }
    unused = sum(name is None for name in order) - 1
    notes = [f'left out, no class of {RELEASES[dataset][0]}: {unused} outputs'] if unused else []
    return Conversion(weights, model, notes)


def convert_sign_file(
    source: str | Path,
    target: str | Path,
    dataset: str,
    embeddings: str | Path | Sequence[str | Path] | None = None,
) -> Conversion:
    """Convert a checkpoint file with :func:`convert_sign`.

    Args:
        source (str | Path): ``.pth`` file with the state dict, at its top or under ``state_dict``.
        target (str | Path): ``.pth`` file to write. It is complete or absent, also when this fails.
        dataset (str): As in :func:`convert_sign`.
        embeddings (str | Path | Sequence, optional): Likewise.

    Returns:
        Conversion: What was written.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If ``source`` cannot be read safely or holds another network, or if ``target``
            does not end in ``.pth``.
    """
    convert = partial(convert_sign, dataset=dataset, embeddings=embeddings)
    return convert_checkpoint(source, target, convert, dict(dataset=dataset))


def _refuse_other_networks(names: Sequence[str]) -> None:
    if any('positional_feedforward' in name for name in names):
        kind = 'has self-attention, network_type 3 to 8 of the release'
    elif any('positionallocalmu' in name for name in names):
        kind = 'draws a second latent code, network_type 2 or 2.1 of the release'
    elif not any('positional.convs' in name for name in names):
        kind = 'has no positional block, as that of CaGNet'
    else:
        return
    raise UserError(
        f'the spatial information module of these weights {kind}; only the one of the paper, '
        'network_type 1, can be converted'
    )


def _infer_model(tensors: Mapping[str, Tensor], dataset: str, embeddings: object) -> dict:
    """Config of the networks that tensors belong to, read off their names and widths."""
    found = {
        m.groups() for m in (re.match(r'backbone\.layer(\d)\.(\d+)\.', n) for n in tensors) if m
    }
    blocks = tuple(sum(stage == str(number) for stage, _ in found) for number in (1, 2, 3, 4))
    depths = {b: depth for depth, (kind, b) in ResNet.arch_settings.items() if kind is Bottleneck}
    if blocks not in depths:
        raise UserError(f'their four stages have {blocks} blocks, as no ResNet with bottlenecks')
    width = partial(output_width, tensors)
    stem, base = width('backbone.conv1.weight'), width('backbone.layer1.0.conv1.weight')
    backbone = dict(type='DeepLabV2ResNet', depth=depths[blocks], norm_eval=True)
    if (stem, base) != (64, 64):
        backbone.update(stem_channels=stem, base_channels=base)
    hidden = [width(f'generator.layers.{3 * index}.weight') for index in range(5)]
    name, split, own_embeddings = RELEASES[dataset]
    embeddings = embeddings or own_embeddings
    return dict(
        type='SIGN',
        data_preprocessor=dict(
            type='SegDataPreProcessor',
            mean=[104.008, 116.669, 122.675],
            std=[1.0] * 3,
            bgr_to_rgb=False,
            pad_val=0,
            seg_pad_val=255,
            size_divisor=1,
        ),
        backbone=backbone,
        decode_head=dict(
            type='DeepLabV2Head',
            in_channels=32 * base,
            in_index=3,
            num_classes=len(DATASETS.get(name).METAINFO['classes']),
            loss_decode=dict(type='MaskedCrossEntropyLoss'),
        ),
        spatial_information=dict(
            type='SpatialInformationModule',
            context_channels=width('spatial_information.positional.convs.0.weight'),
        ),
        generator=dict(type='FeatureGenerator', hidden_channels=hidden),
        discriminator=dict(
            type='FeatureDiscriminator', channels=width('discriminator.shared.0.weight')
        ),
        classes=name,
        split=split,
        embeddings=list(embeddings) if isinstance(embeddings, tuple) else embeddings,
        feature_channels=width('decode_head.convs.0.weight'),
    )
