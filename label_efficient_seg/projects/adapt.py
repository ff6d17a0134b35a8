"""Projects of domain adaptation: masks of one domain, photos of another."""

import os
from itertools import zip_longest
from pathlib import Path

from ..core.errors import UserError
from ..core.suggest import did_you_mean
from ..datasets.files.data_card import DataCard, read_card
from ..datasets.files.splits import read_split, write_split
from .networks import Network
from .parts import CardImages, choose_parts
from .plan import Budget, choose_sizes, discriminator_strides
from .project import Project, bases
from .trainings import Trainings, describe_parts

METHODS = ('advent', 'minent')
TITLES = dict(advent='ADVENT', minent='MinEnt')


def new_adapt(
    source: str | os.PathLike,
    target: str | os.PathLike,
    out: str | os.PathLike,
    *,
    method: str | None = None,
    network: str | None = None,
    weights: str | None = None,
    budget: str = '1h',
    iterations: int | None = None,
    seed: int = 0,
) -> Path:
    """Write a project: the method, source only and, where all masks exist, the upper bound.

    Args:
        source (str | os.PathLike): Data card of the images with masks.
        target (str | os.PathLike): Data card of the images that the network is for. It has the same
            classes, onto which the label map of the source maps, and masks for the validation.
        out (str | os.PathLike): Folder to write, which must not hold anything.
        method (str, optional): ``advent``, the default, or ``minent``.
        network (str, optional): As of :class:`Trainings`.
        weights (str, optional): As of :class:`Trainings`.
        budget (str): As of :class:`Budget`.
        iterations (int, optional): Of each training, in place of a budget.
        seed (int): Seed of what is drawn.

    Returns:
        Path: The folder.

    Raises:
        FileExistsError: If the folder is not empty.
        ValueError: If a card or an argument is not as it must be.
    """
    method = method or 'advent'
    if method not in METHODS:
        raise UserError(f'method {method!r} is unknown; {did_you_mean(method, METHODS)}')
    time, project = Budget.read(budget, iterations), Project(out)
    cards = read_card(source), read_card(target)
    _check_classes(*cards)
    images = CardImages(cards[1])
    with project.complete():
        source_list, number = _source_list(project, CardImages(cards[0]))
        parts = choose_parts(project, images, None, seed, masks_needed=False)
        found = describe_parts(project, parts, 'target ', ('train', 'val'))
        variables = dict(
            source_card=project.path(cards[0].path),
            target_card=project.path(cards[1].path),
            source_list=(source_list, f'{number} images of the source with masks'),
            target_list=found['train_list'],
            val_list=found['val_list'],
        )
        sizes = choose_sizes(project, images.sizes(parts.train), time.paper)
        trainings = Trainings(project, cards[1].classes, sizes, network, weights)
        stages = ['baseline', method] + ['oracle'] * parts.all_masks
        project.write('baseline.py', BASELINE)
        if parts.all_masks:
            project.write('oracle.py', ORACLE)

        def write(length: int) -> None:
            made = trainings.write_common('card_adapt', variables, length)
            text = _advent if method == 'advent' else _minent
            project.write(f'{method}.py', text(made, sizes.crop[0], length))

        write(time.iterations)
        write(trainings.fit(time, method, len(stages) - 1))
        introduction = [
            f'`baseline` learns from {number} labeled images of the source alone, `{method}` also '
            f'from {len(parts.train)} images of the target without masks.',
            *['`oracle` has the masks of the target: the upper bound.'] * parts.all_masks,
            f'All are judged on {len(parts.val)} other images of the target.',
        ]
        title = f'{TITLES[method]}: {cards[0].path.stem} to {cards[1].path.stem}'
        trainings.write_workflow(title, introduction, stages, 'adapt')
    project.print_decisions()
    return project.folder


def _check_classes(source: DataCard, target: DataCard) -> None:
    for index, (one, two) in enumerate(zip_longest(source.classes, target.classes)):
        if one != two:
            raise UserError(
                f"class {index} is {one!r} in '{source.path}' and {two!r} in '{target.path}'; give "
                'both the same classes in the same order, and map the values of the masks onto '
                'them by label_map'
            )
    if not source.masks:
        raise UserError(f"data card '{source.path}' has no masks; the source needs them")


def _source_list(project: Project, images: CardImages) -> tuple[str, int]:
    """List of the images of the source, as configs name it, and how many there are."""
    card = images.card
    given = card.labeled if isinstance(card.labeled, str) else card.train
    ids = images.masked(read_split(given) if given else images.ids)
    if not ids:
        raise UserError(f"data card '{card.path}': no image has a mask in '{card.masks}'")
    path = project.folder / 'source.txt'
    write_split(path, ids)
    project.decide('source', f'{len(ids)} images', 'all with masks' + ' of its list' * bool(given))
    return project.path(path), len(ids)


def _levels(network: Network) -> list[str]:
    return ['main'] + ['aux'] * ('auxiliary_head' in network.heads())


def _advent(network: Network, crop: int, length: int) -> str:
    short = length < 10000
    weights = dict(main=0.01, aux=0.002) if short else dict(main=0.001, aux=0.0002)
    lines = [f"model.discriminator.{level}.network.update(strides={discriminator_strides(crop)})"
             for level in _levels(network)]  # fmt: skip
    if 'aux' not in _levels(network):
        lines.append("model.discriminator.pop('aux')  # the network has one head")
    return ADVENT.format(
        bases=bases('./common.py', 'methods/advent'),
        lines='\n'.join(lines),
        rate='1e-3' if short else '1e-4',
        **weights,
    )


def _minent(network: Network, crop: int, length: int) -> str:
    aux = '' if 'aux' in _levels(network) else 'model.lambda_entropy_aux = 0\n'
    return MINENT.format(bases=bases('./common.py', 'methods/minent'), aux=aux)


BASELINE = """\
# Source only: the same network and schedule, without images of the target.
_base_ = './common.py'
train_dataloader = dict(_delete_=True, source=_base_.train_dataloader.source)
"""

ORACLE = """\
# The upper bound: the same network and schedule with the masks of the target.
_base_ = './common.py'
target = dict(_base_.train_dataloader.target)
target['dataset'] = dict(target['dataset'], labeled=True, pipeline=_base_.source_pipeline)
train_dataloader = dict(_delete_=True, source=target)
"""

ADVENT = """\
# ADVENT: discriminators tell the two domains apart by how certain the network is at each pixel, and
# the network learns to be as certain on the target as on the source.
{bases}
model = _base_.advent
# Halvings in proportion to the crop.
{lines}
# The paper's are 0.001 and 0.0002, and a rate of 1e-4, for 120,000 iterations.
model.update(lambda_adv_main={main}, lambda_adv_aux={aux})
optim_wrapper = dict(
    _delete_=True,
    constructor='MultiOptimWrapperConstructor',
    segmentor=_base_.optim_wrapper,
    discriminator=dict(
        type='OptimWrapper', optimizer=dict(type='Adam', lr={rate}, betas=(0.9, 0.99))
    ),
)
"""

MINENT = """\
# MinEnt: the network also minimises the entropy of its predictions on the target.
{bases}
model = _base_.minent
{aux}optim_wrapper = dict(
    _delete_=True, constructor='MultiOptimWrapperConstructor', segmentor=_base_.optim_wrapper
)
"""
