"""Projects of semi-supervised learning: masks for some of the images."""

import os
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..datasets.files.card_keys import Part
from ..datasets.files.data_card import read_card
from .networks import Network
from .parts import CardImages, choose_parts, look_at_parts
from .plan import discriminator_strides, teacher_momentum
from .stages import Stage, bases, discriminator_optimizer, optimizers
from .trainings import Description, Trainings, describe_parts


def new_semi(
    card: str | os.PathLike, out: str | os.PathLike, *, labeled: Part | None = None, **options: Any
) -> Path:
    """Write a project: the method, its baseline and, where all masks exist, the upper bound.

    Args:
        card (str | os.PathLike): Data card.
        out (str | os.PathLike): Folder to write, which must not hold anything.
        labeled (str | Fraction | int, optional): List, share or number of the labeled images, in
            place of the card's.
        **options (Any): Of :class:`Trainings`.

    Returns:
        Path: The folder.

    Raises:
        FileExistsError: If the folder is not empty.
        ValueError: If the card or an argument is not as it must be.
    """
    trainings = Trainings('semi', out, **options)
    images = CardImages(read_card(card))
    project, method = trainings.project, trainings.method
    with project.complete():
        parts = choose_parts(project, images, labeled, trainings.seed)
        if len(parts.train) == len(parts.labeled):
            raise UserError(
                f'all {len(parts.train)} training images are labeled, so there is nothing to '
                'learn without masks; to measure what fewer labels cost, give --labeled 1/8'
            )
        look_at_parts(project, images, parts, parts.labeled)
        variables = dict(card=project.path(images.card.path)) | describe_parts(project, parts)
        sizes = trainings.choose_sizes(images.sizes(parts.train))

        def stages(network: Network, length: int) -> list[Stage]:
            advsemi = method == 'advsemi'
            text = _advsemi(sizes.crop[0], length) if advsemi else _consistency(method, length)
            oracle = Stage('oracle', ORACLE.format(train=parts.files['train']), timed_as='baseline')
            return [Stage('baseline', BASELINE), Stage(method, text)] + [oracle] * parts.all_masks

        unlabeled = len(parts.train) - len(parts.labeled)
        sentences = [
            f'`baseline` learns from the {len(parts.labeled)} labeled images alone, `{method}` '
            f'also from the {unlabeled} others without their masks.',
            *['`oracle` has the masks of all training images: the upper bound.'] * parts.all_masks,
            f'All are judged on {len(parts.val)} other images.',
        ]
        title = f'{trainings.title} with {len(parts.labeled)} of {len(parts.train)} labels'
        return trainings.write(
            images.card.classes, sizes, 'card_semi', variables, stages, len(parts.train),
            Description(title, sentences, method),
        )  # fmt: skip


def _consistency(method: str, length: int) -> str:
    teacher = TEACHER.format(momentum=teacher_momentum(length, 0.996))
    return CONSISTENCY.format(
        comment=COMMENTS[method],
        bases=bases('./common.py', 'methods/unimatch'),
        method=method,
        teacher=teacher * (method == 'unimatch_v2'),
        optimizers=optimizers(),
    )


def _advsemi(crop: int, length: int) -> str:
    return ADVSEMI.format(
        bases=bases('./common.py', 'methods/advsemi'),
        strides=discriminator_strides(crop),
        start=max(1, length // 4),
        length=length,
        optimizers=optimizers(discriminator=discriminator_optimizer(length)),
    )


BASELINE = """\
# The baseline: the same network and schedule, with the labeled images alone.
_base_ = './common.py'
train_dataloader = dict(_delete_=True, labeled=_base_.train_dataloader.labeled)
"""

ORACLE = """\
# The upper bound: the baseline with the masks of all training images.
_base_ = './baseline.py'
labeled_list = '{train}'
"""

COMMENTS = dict(
    unimatch='# UniMatch: predictions of an image, where they are certain, teach those of its '
    'strong views.',
    unimatch_v2='# UniMatch V2: predictions of a teacher, where they are certain, teach those of '
    'two strong\n# views, which share out the channels of the features.',
    fixmatch='# FixMatch: predictions of an image, where they are certain, teach those of its '
    'strong view.',
)

CONSISTENCY = """\
{comment}
{bases}
model = _base_.{method}
train_dataloader = dict(unlabeled=dict(dataset=dict(pipeline=_base_.strong_views_pipeline)))
{teacher}{optimizers}
"""

TEACHER = """\
# The teacher averages over a part of the training. Its metrics stand in the log, as teacher/mIoU.
model.update(teacher_momentum={momentum})
val_cfg = dict(type='TeacherValLoop')
"""

ADVSEMI = """\
# AdvSemiSeg: a discriminator learns to tell predictions from label maps, and where it is deceived,
# predictions of unlabeled images are taken for labels.
{bases}
model = _base_.advsemi
# Halvings in proportion to the crop; self-teaching starts after a quarter of {length} iterations.
model.discriminator.network.update(strides={strides})
model.update(semi_start={start})
# The paper's rate of the discriminator is 1e-4, for 20,000 iterations.
{optimizers}
"""
