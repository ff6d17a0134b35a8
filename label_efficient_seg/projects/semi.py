"""Projects of semi-supervised learning: masks for some of the images."""

import os
from collections.abc import Callable
from pathlib import Path

from ..core.errors import UserError
from ..core.suggest import did_you_mean
from ..datasets.files.data_card import Part, read_card
from .parts import CardImages, choose_parts
from .plan import Budget, Sizes, choose_sizes, discriminator_strides
from .project import Project, bases
from .trainings import Trainings, describe_parts


def new_semi(
    card: str | os.PathLike,
    out: str | os.PathLike,
    *,
    labeled: Part | None = None,
    method: str | None = None,
    network: str | None = None,
    weights: str | None = None,
    budget: str = '1h',
    iterations: int | None = None,
    seed: int = 0,
) -> Path:
    """Write a project: the method, its baseline and, where all masks exist, the upper bound.

    Args:
        card (str | os.PathLike): Data card.
        out (str | os.PathLike): Folder to write, which must not hold anything.
        labeled (str | Fraction | int, optional): List, share or number of the labeled images, in
            place of the card's.
        method (str, optional): ``unimatch``, the default, or ``advsemi``.
        network (str, optional): As of :class:`Trainings`.
        weights (str, optional): As of :class:`Trainings`.
        budget (str): As of :class:`Budget`.
        iterations (int, optional): Of each training, in place of a budget.
        seed (int): Seed of what is drawn.

    Returns:
        Path: The folder.

    Raises:
        FileExistsError: If the folder is not empty.
        ValueError: If the card or an argument is not as it must be.
    """
    method = method or 'unimatch'
    if method not in METHODS:
        raise UserError(f'method {method!r} is unknown; {did_you_mean(method, METHODS)}')
    time, project = Budget.read(budget, iterations), Project(out)
    images = CardImages(read_card(card))
    with project.complete():
        parts = choose_parts(project, images, labeled, seed)
        if len(parts.train) == len(parts.labeled):
            raise UserError(
                f'all {len(parts.train)} training images are labeled, so there is nothing to '
                'learn without masks; to measure what fewer labels cost, give --labeled 1/8'
            )
        variables = dict(card=project.path(images.card.path)) | describe_parts(project, parts)
        sizes = choose_sizes(project, images.sizes(parts.train), time.paper)
        trainings = Trainings(project, images.card.classes, sizes, network, weights)
        stages = ['baseline', method] + ['oracle'] * parts.all_masks
        project.write('baseline.py', BASELINE)
        if parts.all_masks:
            project.write('oracle.py', ORACLE.format(train=parts.files['train']))

        def write(length: int) -> None:
            trainings.write_common('card_semi', variables, length)
            project.write(f'{method}.py', METHODS[method](sizes, length))

        write(time.iterations)
        write(trainings.fit(time, method, len(stages) - 1))
        unlabeled = len(parts.train) - len(parts.labeled)
        introduction = [
            f'`baseline` learns from the {len(parts.labeled)} labeled images alone, `{method}` '
            f'also from the {unlabeled} others without their masks.',
            *['`oracle` has the masks of all training images: the upper bound.'] * parts.all_masks,
            f'All are judged on {len(parts.val)} other images.',
        ]
        title = f'{TITLES[method]} with {len(parts.labeled)} of {len(parts.train)} labels'
        trainings.write_workflow(title, introduction, stages, 'semi')
    project.print_decisions()
    return project.folder


def _unimatch(sizes: Sizes, length: int) -> str:
    return UNIMATCH.format(bases=bases('./common.py', 'methods/unimatch'))


def _advsemi(sizes: Sizes, length: int) -> str:
    return ADVSEMI.format(
        bases=bases('./common.py', 'methods/advsemi'),
        strides=discriminator_strides(sizes.crop[0]),
        start=max(1, length // 4),
        length=length,
        rate='1e-4' if length >= 10000 else '1e-3',
    )


METHODS: dict[str, Callable[[Sizes, int], str]] = dict(unimatch=_unimatch, advsemi=_advsemi)
"""Text of the config of each method."""

TITLES = dict(unimatch='UniMatch', advsemi='AdvSemiSeg')

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

UNIMATCH = """\
# UniMatch: predictions of an image, where they are certain, teach those of its strong views.
{bases}
model = _base_.unimatch
train_dataloader = dict(unlabeled=dict(dataset=dict(pipeline=_base_.strong_views_pipeline)))
optim_wrapper = dict(
    _delete_=True, constructor='MultiOptimWrapperConstructor', segmentor=_base_.optim_wrapper
)
"""

ADVSEMI = """\
# AdvSemiSeg: a discriminator learns to tell predictions from label maps, and where it is deceived,
# predictions of unlabeled images are taken for labels.
{bases}
model = _base_.advsemi
# Halvings in proportion to the crop; self-teaching starts after a quarter of {length} iterations.
model.discriminator.network.update(strides={strides})
model.update(semi_start={start})
optim_wrapper = dict(
    _delete_=True,
    constructor='MultiOptimWrapperConstructor',
    segmentor=_base_.optim_wrapper,
    # The paper's rate is 1e-4, for 20,000 iterations.
    discriminator=dict(
        type='OptimWrapper', optimizer=dict(type='Adam', lr={rate}, betas=(0.9, 0.99))
    ),
)
"""
