"""Projects of weak supervision: the classes of whole images, no masks."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import UserError
from ..datasets.files.data_card import DataCard, read_card
from ..datasets.files.image_labels import TagVocabulary, read_image_labels
from ..datasets.files.splits import write_split
from .networks import SGD, Network
from .parts import CardImages, Parts, choose_parts, look_at_parts
from .plan import Sizes, is_short
from .project import HERE, Project
from .stages import Stage, bases, config_path, dict_text, iterations_text
from .trainings import Description, Trainings, describe_parts

BACKGROUNDS = ('background', 'other')


class Background(NamedTuple):
    """How CAMs are read: powers of the background, and what refines the scores by the image."""

    alpha: float
    low_alpha: float
    high_alpha: float
    refinement: str
    steps: int  # of the random walk after a short training


LARGE_PHOTOS = Background(6, 2, 12, 'none', 64)
"""Best on photos of 500 pixels, see docs/benchmarks.md."""
SMALL_PHOTOS = Background(1.5, 1, 4, 'par', 16)
"""Best on photos of 256 pixels, in which CAMs cover more, see docs/evidence.md."""
SMALL = 400
"""Longest side of such photos."""
AFFINITY_SHARE = 0.6
LARGE = 1_000_000
"""Pixels of an image above which walk and PAR take long."""
MASKS = 'train_dataloader.labeled.dataset.data_prefix.seg_map_path'


def new_weak(card: str | os.PathLike, out: str | os.PathLike, **options: Any) -> Path:
    """Write a project: AffinityNet, its baseline and, where masks exist, the upper bound.

    Args:
        card (str | os.PathLike): Data card, with ``tags``; masks for the validation.
        out (str | os.PathLike): Folder to write, which must not hold anything.
        **options (Any): Of :class:`Trainings`.

    Returns:
        Path: The folder.

    Raises:
        FileExistsError: If the folder is not empty.
        ValueError: If the card or an argument is not as it must be.
    """
    trainings = Trainings('weak', out, **options)
    images = CardImages(_check_card(read_card(card)))
    project, tags = trainings.project, str(images.card.tags)
    with project.complete():
        parts = choose_parts(project, images, None, trainings.seed, masks_needed=False)
        look_at_parts(project, images, parts, images.masked(parts.train) if tags == 'masks' else ())
        parts = _with_tags(project, images, parts)
        measured = images.sizes(parts.train)
        sizes = trainings.choose_sizes(measured)
        if (pixels := int(np.median(measured.prod(1)))) > LARGE:
            project.decide('WARNING', 'large images', f'a random walk and PAR work on all of '
                           f'{pixels / 1e6:.1f} million pixels; smaller copies are faster'
                           )  # fmt: skip
        small = int(np.median(measured.max(1))) < SMALL
        background = SMALL_PHOTOS if small else LARGE_PHOTOS
        project.decide(
            'alpha', background.alpha,
            f'what was best for {"small photos" if small else "photos of 500 pixels"}',
        )  # fmt: skip
        stride = 8 if sizes.crop[0] >= 128 else 4
        crop = sizes.crop[0] // stride * stride
        variables = dict(
            card=project.path(images.card.path),
            tags=tags if tags == 'masks' else project.path(tags),
            masked=parts.all_masks,
            **describe_parts(project, parts, names=('train', 'val')),
            affinity_crop=((crop, crop), 'AffinityNet learns from pixels of the files themselves'),
            affinity_stride=stride,
        )

        def stages(network: Network, length: int) -> list[Stage]:
            return _stages(project, images.card, parts, background, network, sizes, length)

        sentences = [
            f'Of {len(parts.train)} images only the classes in them are known. `cls` learns these '
            'classes; its class activation maps (`cam`) say roughly where they are. `baseline` is '
            'a segmentor that learns from these maps. `affinity` learns which neighbouring pixels '
            'are alike, `masks` refines the maps by it, and `segmentor` learns from the result. '
            '`cam_par` refines the maps by the colours of the image alone, and `segmentor_par` '
            'learns from that: where it is as good, AffinityNet is not needed.',
            *['`oracle` has the masks of these images: the upper bound.'] * parts.all_masks,
            f'All segmentors are judged on {len(parts.val)} other images, without tags.',
            *[
                '`masks.mIoU_cam` and `masks.mIoU_walk` are of the maps before and after the walk '
                'along affinities, on the training images with their tags.'
            ]
            * parts.all_masks,
        ]
        title = f'{trainings.title}: from tags of {len(parts.train)} images'
        return trainings.write(
            images.card.classes, sizes, 'card_weak', variables, stages, len(parts.train),
            Description(title, sentences, 'segmentor'),
        )  # fmt: skip


def _check_card(card: DataCard) -> DataCard:
    if not card.tags:
        raise UserError(
            f"data card '{card.path}' has no tags, from which weak supervision learns; add "
            'tags: FILE, or tags: masks if the training images have masks'
        )
    if card.classes[0].lower() not in BACKGROUNDS:
        raise UserError(
            f"data card '{card.path}': the first class is {card.classes[0]!r}, but with tags it is "
            "what no tag names; let classes begin with 'background'"
        )
    return card


def _with_tags(project: Project, images: CardImages, parts: Parts) -> Parts:
    """The parts without training images that have no tag, and a note about the tags."""
    card, ids = images.card, parts.train
    if card.tags == 'masks':
        ids = images.masked(ids)
        shown = images.presence(ids, project.folder / 'scratch.txt')[:, 1:]
    else:
        vocabulary = TagVocabulary(card.classes)
        labels = read_image_labels(str(card.tags), ids, vocabulary, allow_empty=True)
        shown = np.array([[k in found for k in range(1, len(card.classes))] for found in labels])
    counts = dict(zip(card.classes[1:], shown.sum(0).tolist(), strict=True))
    if missing := [name for name, count in counts.items() if not count]:
        raise UserError(
            f'tags: no training image has the tag {missing[0]!r}, so a classifier cannot learn it; '
            'add some, or remove the class from the card'
        )
    rarest = min(counts, key=lambda name: counts[name])
    project.decide('tags', f'{len(counts)} classes', f'rarest: {rarest}, {counts[rarest]} images')
    kept = [name for name, found in zip(ids, shown.any(1), strict=True) if found]
    if len(kept) == len(parts.train):
        return parts
    write_split(project.folder / 'train.txt', kept)
    left_out = f'; {len(parts.train) - len(kept)} without a tag left out'
    return replace(
        parts,
        train=kept,
        all_masks=len(images.masked(kept)) == len(kept),
        files=dict(parts.files, train=project.path(project.folder / 'train.txt')),
        notes=dict(parts.notes, train=parts.notes['train'] + left_out),
    )


def _stages(
    project: Project,
    card: DataCard,
    parts: Parts,
    background: Background,
    network: Network,
    sizes: Sizes,
    length: int,
) -> list[Stage]:
    alpha, low_alpha, high_alpha, refinement, _ = background
    levels = network.levels()
    # Until there are scores and pseudo masks, the time of an iteration is measured with others.
    trial = {
        'train_dataloader.labeled.dataset.ann_file': parts.files['val'].replace(
            HERE, str(project.folder)
        ),
        'train_dataloader.labeled.dataset.data_prefix': None,
        'train_dataloader.labeled.dataset.seg_map_suffix': card.mask_suffix,
    }
    cams = dict(config=config_path('cam'), cams='{cam.cams}')
    masks = dict(
        config=config_path('affinity'), checkpoint='{affinity.checkpoint}', cams='{cam.cams}',
        alpha=alpha, refinement='none',
    )  # fmt: skip
    judged = ('mIoU_cam', 'mIoU_walk') if parts.all_masks else ()
    return [
        Stage('cls', _classifier(network, levels, len(card.classes) - 1), results=()),
        Stage('cam', _cams(network), 'CAMStage', dict(checkpoint='{cls.checkpoint}', alpha=alpha),
              results=(), passes=12),
        Stage('baseline', BASELINE.format(alpha=alpha), settings=_learn_from('{cam.cams}'),
              timed_as='segmentor'),
        Stage('scores', type='AffinityScoreStage', results=(), passes=6,
              settings=dict(**cams, low_alpha=low_alpha, high_alpha=high_alpha,
                            refinement=refinement)),
        Stage('affinity', _affinity(network, levels, sizes, length, background.steps),
              settings=_learn_from('{scores.scores}'), results=(), share=AFFINITY_SHARE,
              timed_as='segmentor'),
        Stage('masks', type='PseudoMaskStage', settings=masks, results=judged, passes=6),
        Stage('segmentor', SEGMENTOR, settings=_learn_from('{masks.pseudo_masks}'), trial=trial),
        # A walk of no steps.
        Stage('cam_par', type='PseudoMaskStage', results=(), passes=1,
              settings=dict(masks, refinement='par', cfg_options={'model.steps': 0})),
        Stage('segmentor_par', timed_as='segmentor',
              settings=dict(config=config_path('segmentor'),
                            **_learn_from('{cam_par.pseudo_masks}'))),
        *[Stage('oracle', ORACLE, timed_as='segmentor')] * parts.all_masks,
    ]  # fmt: skip


def _learn_from(folder: str) -> dict[str, Any]:
    return dict(cfg_options={MASKS: folder})


def _classifier(network: Network, levels: list[int], classes: int) -> str:
    backbone = network.model['backbone']
    changes = ['_base_.model.backbone']
    if 'output_stride' in backbone:
        changes.append('output_stride=32')
    if network.model.get('pretrained'):
        changes.append('pretrained=_base_.model.pretrained')
    return CLASSIFIER.format(
        bases=bases('./common.py', 'methods/affinitynet'),
        backbone=', '.join(changes),
        channels=levels[-1],
        classes=classes,
    )


def _cams(network: Network) -> str:
    changes: dict[str, Any] = dict(type='CAMSegmentor', scales=(1.0, 0.5, 1.5))
    if 'output_stride' in network.model['backbone']:
        # The same weights give the same features at every stride, only at more positions.
        changes['backbone'] = dict(output_stride=16)
    return CAMS.format(model=dict_text(changes))


def _affinity(network: Network, levels: list[int], sizes: Sizes, length: int, steps: int) -> str:
    backbone = network.model['backbone']
    changes = ['_base_.model.backbone']
    if 'output_stride' in backbone:
        changes.append('output_stride=8')
    if indices := backbone.get('out_indices'):
        # Lower levels tell textures apart rather than objects.
        levels, kept = levels[-3:], tuple(indices)[-3:]
        changes.append(f'out_indices={kept}')
    if network.model.get('pretrained'):
        changes.append('pretrained=_base_.model.pretrained')
    widths = (32, 64, 128) if is_short(length) else (64, 128, 256)
    channels = tuple(
        min(count, widths[max(0, index + 3 - len(levels))]) for index, count in enumerate(levels)
    )
    fast = 'optim_wrapper = dict(optimizer=dict(lr=4e-3), clip_grad=dict(max_norm=20))\n'
    return AFFINITY.format(
        bases=bases('./common.py', 'methods/affinitynet'),
        backbone=', '.join(changes),
        in_channels=tuple(levels),
        channels=channels,
        steps=steps if is_short(length) else 256,
        optimizer=fast if network.schedule.startswith(SGD) else '',
        iterations=iterations_text(length, AFFINITY_SHARE),
    )


CLASSIFIER = """\
# The classifier: which classes are in an image. It is judged by the masks of the validation.
{bases}
model = dict(
    _delete_=True,
    type=_base_.classifier.type,
    data_preprocessor=_base_.model.data_preprocessor,
    backbone=dict({backbone}),
    head=dict(type='CAMClsHead', in_channels={channels}, num_classes={classes}),
)
train_dataloader = dict(_delete_=True, tagged=_base_.tagged)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(classifier=dict(lr_mult=10))))
val_dataloader = _base_.tag_val_dataloader
val_evaluator = _base_.tag_val_evaluator
test_dataloader = val_dataloader
test_evaluator = val_evaluator
"""

CAMS = """\
# Class activation maps of the trained classifier: where it sees the classes of an image's tags.
_base_ = './cls.py'
model = {model}
test_dataloader = dict(_base_.cam_dataloader, _delete_=True)
test_evaluator = [dict(type='CAMIoUMetric')]
"""

BASELINE = """\
# The baseline: a segmentor that learns from the CAMs as they are. The workflow says where they are.
_base_ = './segmentor.py'
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCAMMask', alpha={alpha}),
    *_base_.augmentation,
    dict(type='PackSegInputs'),
]
train_dataloader = dict(labeled=dict(dataset=dict(seg_map_suffix='.npz', pipeline=pipeline)))
"""

AFFINITY = """\
# AffinityNet: which neighbouring pixels are of one class. The workflow says where its scores are.
{bases}
model = dict(
    _base_.affinity,
    _delete_=True,
    data_preprocessor=_base_.model.data_preprocessor,
    backbone=dict({backbone}),
    decode_head=dict(
        type='AffinityHead', in_channels={in_channels}, channels={channels}
    ),
    stride=_base_.affinity_stride,
)
# After few iterations affinities are less sharp, and a walk of the paper's 256 steps crosses edges.
model.update(steps={steps})
train_dataloader = dict(_delete_=True, labeled=_base_.scored)
{optimizer}# Affinities alone have no metric to validate by.
val_dataloader = None
val_evaluator = None
val_cfg = None
test_dataloader = _base_.cam_dataloader
{iterations}"""

SEGMENTOR = """\
# The segmentor, which learns from the pseudo masks. The workflow says where they are.
_base_ = './common.py'
"""

ORACLE = """\
# The upper bound: the segmentor with the masks of the training images.
_base_ = './common.py'
supervised = dict(_base_.train_dataloader.labeled)
supervised['dataset'] = dict(_base_.train_images, pipeline=_base_.train_pipeline)
train_dataloader = dict(_delete_=True, labeled=supervised)
"""
