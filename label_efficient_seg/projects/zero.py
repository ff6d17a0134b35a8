"""Projects of zero-shot learning: masks of some classes, word vectors of all."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import fill
from typing import Any

import torch

from ..core.errors import UserError
from ..core.suggest import did_you_mean
from ..datasets.files.class_embeddings import list_class_embeddings, load_class_embeddings
from ..datasets.files.data_card import DataCard, read_card
from .networks import SGD, Network
from .parts import CardImages, Parts, choose_parts, look_at_parts
from .plan import Sizes, is_short
from .project import Project
from .stages import Stage, bases, dict_text, iterations_text, optimizers
from .trainings import Description, Trainings, describe_parts

SELF_TRAINING_SHARE = 0.4
ADAMW = "type='OptimWrapper', optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.01)"
"""What learns in a few hundred iterations on real images, see docs/benchmarks.md."""


def new_zero(
    card: str | os.PathLike,
    out: str | os.PathLike,
    *,
    unseen: Sequence[str] | None = None,
    **options: Any,
) -> Path:
    """Write a project: SIGN, SPNet and GMMN beside it and, where labels exist, the upper bound.

    Args:
        card (str | os.PathLike): Data card, with ``vectors``.
        out (str | os.PathLike): Folder to write, which must not hold anything.
        unseen (Sequence[str], optional): Classes without labels in training, in place of the
            card's.
        **options (Any): Of :class:`Trainings`.

    Returns:
        Path: The folder.

    Raises:
        FileExistsError: If the folder is not empty.
        ValueError: If the card or an argument is not as it must be.
    """
    trainings = Trainings('zero', out, **options)
    known = _check_card(read_card(card), unseen)
    images, project = CardImages(known), trainings.project
    with project.complete():
        parts = choose_parts(project, images, None, trainings.seed)
        all_labels = _check_labels(project, images, parts)
        look_at_parts(project, images, parts, parts.labeled, unseen=known.unseen)
        sizes = trainings.choose_sizes(images.sizes(parts.labeled))
        found = describe_parts(project, parts, names=('labeled', 'val'))
        variables = dict(
            card=project.path(known.path),
            **found,
            class_split=dict(unseen=list(known.unseen)),
        )

        def stages(network: Network, length: int) -> list[Stage]:
            return _stages(project, known, network, sizes, length, all_labels)

        sentences = [
            f'No training image has labels of {", ".join(known.unseen)}; word vectors say what '
            'they are like. `training` learns from the other classes, `transfer` shows the '
            'classifier generated features of all classes, and `self_training` learns from '
            'predictions for pixels without a label.',
            '`spnet` and `gmmn` are simpler methods: a projection onto word vectors, and transfer '
            'with the generator of ZS3Net.',
            *['`oracle` has the labels of all classes: the upper bound.'] * all_labels,
            'hIoU is the harmonic mean of the mIoU of seen and of unseen classes, on '
            f'{len(parts.val)} other images.',
        ]
        title = f'{trainings.title}: {len(known.unseen)} of {len(known.classes)} classes unseen'
        return trainings.write(
            known.classes, sizes, 'card_zero', variables, stages, len(parts.labeled),
            Description(title, sentences, 'self_training'),
        )  # fmt: skip


def _check_card(card: DataCard, unseen: Sequence[str] | None) -> DataCard:
    unseen = card.unseen if unseen is None else tuple(unseen)
    for name in unseen:
        if name not in card.classes:
            hint = did_you_mean(name, card.classes)
            raise UserError(f'unseen has {name!r}, which is none of the classes; {hint}')
    if not 0 < len(set(unseen)) < len(card.classes):
        raise UserError(
            f"data card '{card.path}': {len(set(unseen))} of {len(card.classes)} classes are "
            'unseen, but some must be seen and some not; add unseen: [NAME], or give --unseen'
        )
    if not card.vectors:
        raise UserError(
            f"data card '{card.path}' has no vectors, which say what unseen classes are like; add "
            f'vectors: FILE of les embeddings, or one of {", ".join(list_class_embeddings())}'
        )
    load_class_embeddings(card.vectors, card.classes)  # raises if a class has none
    return replace(card, unseen=unseen)


def _check_labels(project: Project, images: CardImages, parts: Parts) -> bool:
    """Whether the training images have labels of all unseen classes; those of val must."""
    card, scratch = images.card, project.folder / 'scratch.txt'
    columns = [card.classes.index(name) for name in card.unseen]
    shown = images.presence(parts.val, scratch)[:, columns].any(0)
    if not shown.all():
        name = card.unseen[shown.argmin()]
        raise UserError(
            f'unseen class {name!r} is in no mask of the validation, so nothing could be measured '
            'of it; add images to val, or take it out of unseen'
        )
    hidden = images.presence(parts.labeled, scratch)[:, columns].any(0)
    project.decide(
        'unseen', ', '.join(card.unseen),
        'their labels in training images are hidden' if hidden.any() else 'as the card says',
    )  # fmt: skip
    return bool(hidden.all())


def _stages(
    project: Project, card: DataCard, network: Network, sizes: Sizes, length: int, all_labels: bool
) -> list[Stage]:
    metrics = ('hIoU', 'mIoU_seen', 'mIoU_unseen')
    vectors = [v if v in list_class_embeddings() else project.path(v) for v in card.vectors]
    names = fill(repr(list(card.classes)), 90, initial_indent=' ' * 8, subsequent_indent=' ' * 9)
    known = f'classes=(\n{names}\n    ),\n    split=_base_.class_split,\n    embeddings={vectors},'

    def step(name: str, text: str, start: str = '', **kwargs: Any) -> Stage:
        load = dict(cfg_options=dict(load_from=f'{{{start}.checkpoint}}')) if start else {}
        return Stage(name, text, settings=load, **dict(dict(results=metrics), **kwargs))

    transfer = TRANSFER.format(
        interval=max(1, min(100, length // 25)), rate='3e-3' if is_short(length) else '2.5e-4'
    )
    self_training = SELF_TRAINING.format(iterations=iterations_text(length, SELF_TRAINING_SHARE))
    one = NO_AUXILIARY * ('auxiliary_head' in network.heads())
    quick = is_short(length) and network.schedule.startswith(SGD)
    optimizer = f'optim_wrapper = dict(_delete_=True, {ADAMW})\n' * quick
    return [
        step('spnet', _spnet(network, known, one) + optimizer),
        step('training', _training(sizes, length, known, one, quick)),
        step('gmmn_training', GMMN.format(base='training', what='first'), results=(),
             timed_as='training'),
        step('gmmn', GMMN.format(base='transfer', what='second'), 'gmmn_training',
             timed_as='transfer'),
        step('transfer', transfer, 'training'),
        step('self_training', self_training, 'transfer', share=SELF_TRAINING_SHARE,
             timed_as='training'),
        *[step('oracle', ORACLE + optimizer, timed_as='spnet')] * all_labels,
    ]  # fmt: skip


def _training(sizes: Sizes, length: int, known: str, one_head: str, quick: bool) -> str:
    small = not torch.cuda.is_available()
    widths = '' if not small else SMALL.format(pixels=min(128, (sizes.crop[0] // 8) ** 2))
    rates = dict(generator=3e-3, discriminator=1e-3) if is_short(length) else dict(
        generator=2e-4, discriminator=2.5e-4)  # fmt: skip
    return TRAINING.format(
        bases=bases('./common.py', 'methods/sign'),
        known=known,
        one_head=one_head,
        widths=widths,
        optimizers=optimizers(
            f'dict({ADAMW})' if quick else '_base_.optim_wrapper',
            **{name: dict(type='Adam', lr=lr) for name, lr in rates.items()},
        ),
    )


def _spnet(network: Network, known: str, one_head: str) -> str:
    head = dict(network.heads()['decode_head'])
    changes = ''
    if head['type'] != 'DeepLabV2Head':
        levels = network.levels()
        new = dict(
            in_channels=levels[-1],
            in_index=len(levels) - 1,
            num_classes='CLASSES',
            dilations=(1, 2, 3, 4),
            align_corners=True,
            loss_decode=dict(type='MaskedCrossEntropyLoss'),
        )
        text = dict_text(new).replace("'CLASSES'", '_base_.model.decode_head.num_classes')
        changes = f'model.decode_head = dict(_base_.spnet.decode_head, _delete_=True, **{text})\n'
    return SPNET.format(
        bases=bases('./common.py', 'methods/spnet'),
        changes=changes,
        known=known,
        one_head=one_head,
    )


NO_AUXILIARY = "model['auxiliary_head'] = None\n"

TRAINING = """\
# SIGN, its first step: the network, a generator of features and a classifier of features learn from
# the seen classes.
{bases}
model = _base_.sign
{one_head}model.update(
    {known}
)
{widths}{optimizers}
# What the network gives the others keeps changing, so they must not stop before it does.
param_scheduler = dict(
    _delete_=True, segmentor=_base_.param_scheduler, generator=[], discriminator=[]
)
"""

SMALL = """\
# About a third of the paper's channels, for a CPU.
model.update(feature_channels=192, loss_mmd=dict(type='MMDLoss', max_samples={pixels}))
model.spatial_information.update(context_channels=64)
model.generator.update(hidden_channels=(384, 288), dropout=(0.1, 0.1))
model.discriminator.update(channels=384)
"""

TRANSFER = """\
# SIGN, its second step: the classifier also meets generated features of the unseen classes.
_base_ = './training.py'
model = dict(_base_.transfer, lambda_transfer=1.0, lambda_generator_transfer=1.0)
model.update(interval={interval})
optim_wrapper = dict(discriminator=dict(optimizer=dict(lr={rate})))
poly = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
param_scheduler = dict(generator=poly, discriminator=poly)
"""

SELF_TRAINING = """\
# SIGN, its third step: pixels without a label learn from predictions of the model that it begins
# with, the more the surer that one is.
_base_ = './training.py'
model = _base_.self_training
{iterations}"""

GMMN = """\
# GMMN, the generator of ZS3Net, in the {what} step: from noise, and without an adversary.
_base_ = './{base}.py'
model = _base_.gmmn
"""

SPNET = """\
# SPNet: class scores are products of features with word vectors.
{bases}
model = _base_.spnet
{changes}{one_head}model.decode_head.update(
    {known}
)
"""

ORACLE = """\
# The upper bound: the same network and schedule with the labels of all classes.
_base_ = './common.py'
train_dataloader = dict(labeled=dict(dataset=dict(pipeline=_base_.train_pipeline)))
"""
