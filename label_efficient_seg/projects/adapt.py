"""Projects of domain adaptation: masks of one domain, photos of another."""

import os
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..datasets.files.data_card import DataCard, read_card
from ..datasets.files.splits import read_split, write_split
from .networks import Network, find_network
from .parts import CardImages, choose_parts, look_at_parts
from .plan import Sizes, discriminator_strides, is_short, teacher_momentum
from .project import Project
from .stages import Stage, bases, config_path, discriminator_optimizer, optimizers
from .trainings import Description, Trainings, describe_parts


def new_adapt(
    source: str | os.PathLike, target: str | os.PathLike, out: str | os.PathLike, **options: Any
) -> Path:
    """Write a project: the method, two baselines and, where all masks exist, the upper bound.

    Args:
        source (str | os.PathLike): Data card of the images with masks.
        target (str | os.PathLike): Data card of the images that the network is for. It has the same
            classes, onto which the label map of the source maps, and masks for the validation.
        out (str | os.PathLike): Folder to write, which must not hold anything.
        **options (Any): Of :class:`Trainings`.

    Returns:
        Path: The folder.

    Raises:
        FileExistsError: If the folder is not empty.
        ValueError: If a card or an argument is not as it must be.
    """
    trainings = Trainings('adapt', out, **options)
    cards = read_card(source), read_card(target)
    _check_classes(*cards)
    images = CardImages(cards[1])
    project, method = trainings.project, trainings.method
    with project.complete():
        source = CardImages(cards[0])
        labeled = _source_images(project, source)
        parts = choose_parts(project, images, None, trainings.seed, masks_needed=False)
        look_at_parts(project, images, parts, labeled, source)
        found = describe_parts(project, parts, 'target ', ('train', 'val'))
        variables = dict(
            source_card=project.path(cards[0].path),
            target_card=project.path(cards[1].path),
            source_list=(
                project.path(project.folder / 'source.txt'),
                f'{len(labeled)} images of the source with masks',
            ),
            target_list=found['train_list'],
            val_list=found['val_list'],
        )
        sizes = trainings.choose_sizes(images.sizes(parts.train))
        project.decide('method', method, REASONS[method])
        # Statistics that are frozen are those of the initial weights, whatever the images.
        backbone = find_network(trainings.network, trainings.budget.iterations).model['backbone']
        adabn = not backbone.get('norm_eval')

        def stages(network: Network, length: int) -> list[Stage]:
            oracle = Stage('oracle', ORACLE, timed_as='source_only')
            return [
                Stage('source_only', SOURCE_ONLY),
                *[Stage('adabn', _adabn(length))] * adabn,
                *_method_stages(method, network, sizes, length),
                *[oracle] * parts.all_masks,
            ]

        sentences = [
            f'`source_only` learns from {len(labeled)} labeled images of the source alone, '
            f'`{method}` also from {len(parts.train)} images of the target without masks.',
            *[
                'In `adabn` these have a part in the statistics of batch norm and in nothing else, '
                'which is often most of the gain.'
            ]
            * adabn,
            *['`oracle` has the masks of the target: the upper bound.'] * parts.all_masks,
            f'All are judged on {len(parts.val)} other images of the target.',
        ]
        title = f'{trainings.title}: {cards[0].path.stem} to {cards[1].path.stem}'
        return trainings.write(
            cards[1].classes, sizes, 'card_adapt', variables, stages, len(parts.train),
            Description(title, sentences, method),
        )  # fmt: skip


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


def _source_images(project: Project, images: CardImages) -> list[str]:
    """Images of the source with masks, whose list is written."""
    card = images.card
    given = card.labeled if isinstance(card.labeled, str) else card.train
    ids = images.masked(read_split(given) if given else images.ids)
    if not ids:
        raise UserError(f"data card '{card.path}': no image has a mask in '{card.masks}'")
    write_split(project.folder / 'source.txt', ids)
    project.decide('source', f'{len(ids)} images', 'all with masks' + ' of its list' * bool(given))
    return ids


def _method_stages(method: str, network: Network, sizes: Sizes, length: int) -> list[Stage]:
    if method in ('dacs', 'mic'):
        return [Stage(method, _mixing(method, sizes.crop, length))]
    if method == 'minent':
        return [Stage('minent', _minent(network))]
    advent = Stage('advent', _advent(network, sizes.crop[0], length))
    if method == 'advent':
        return [advent]
    ranking = dict(config=config_path('advent'), checkpoint='{advent.checkpoint}', ratio=0.67)
    options = {
        'train_dataloader.easy.dataset.ann_file': '{rank.easy}',
        'train_dataloader.easy.dataset.data_prefix.seg_map_path': '{rank.pseudo_masks}',
        'train_dataloader.hard.dataset.ann_file': '{rank.hard}',
    }
    return [
        advent,
        Stage('rank', type='EntropyRankStage', settings=ranking, results=(), passes=1),
        Stage('intrada', INTRADA, settings=dict(cfg_options=options), timed_as='advent'),
    ]


def _mixing(method: str, crop: tuple[int, int], length: int) -> str:
    masking = f', mask_ratio=0.7, mask_block={max(1, crop[0] // 16)}' if method == 'mic' else ''
    return MIXING.format(
        comment=COMMENTS[method],
        bases=bases('./common.py', 'methods/mic'),
        crop=crop,
        momentum=teacher_momentum(length, 0.999),
        threshold=0.9 if is_short(length) else 0.968,
        masking=masking,
        optimizers=optimizers(),
    )


def _levels(network: Network) -> list[str]:
    return ['main'] + ['aux'] * ('auxiliary_head' in network.heads())


def _advent(network: Network, crop: int, length: int) -> str:
    weights = dict(main=0.01, aux=0.002) if is_short(length) else dict(main=0.001, aux=0.0002)
    lines = [f"model.discriminator.{level}.network.update(strides={discriminator_strides(crop)})"
             for level in _levels(network)]  # fmt: skip
    if 'aux' not in _levels(network):
        lines.append("model.discriminator.pop('aux')  # the network has one head")
    return ADVENT.format(
        bases=bases('./common.py', 'methods/advent'),
        lines='\n'.join(lines),
        optimizers=optimizers(discriminator=discriminator_optimizer(length)),
        **weights,
    )


def _adabn(length: int) -> str:
    return ADABN.format(
        bases=bases('./common.py', 'methods/advent'),
        optimizers=optimizers(discriminator=discriminator_optimizer(length)),
    )


def _minent(network: Network) -> str:
    aux = '' if 'aux' in _levels(network) else 'model.lambda_entropy_aux = 0\n'
    return MINENT.format(
        bases=bases('./common.py', 'methods/minent'), aux=aux, optimizers=optimizers()
    )


REASONS = dict(
    dacs='of those measured on real images, the one that gains most (docs/evidence.md)',
    mic='DACS, and one more pass of an iteration, with masked images of the target',
    advent='as asked for',
    minent='as asked for',
    intrada='ADVENT, then from easy to hard images of the target: two trainings',
)
"""Why each method is taken, or what it is."""

SOURCE_ONLY = """\
# The baseline: the same network and schedule, without images of the target.
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

ADABN = """\
# Adaptive batch norm: images of the target pass through the network and so have a part in the
# statistics of batch norm. This is ADVENT with a weight of 0: they are in no loss.
{bases}
model = _base_.advent
model.discriminator.pop('aux')
model.discriminator.main.network.update(channels=4)
model.update(lambda_adv_main=0.0)
{optimizers}
"""

COMMENTS = dict(
    dacs='# DACS: a teacher labels images of the target, and objects of the source are pasted in.',
    mic="# MIC: as DACS, and the network also predicts the teacher's labels of images of the "
    'target\n# of which most blocks are masked.',
)

MIXING = """\
{comment}
{bases}
model = _base_.dacs
# Images of both domains are padded to crops, so that they can be mixed.
model.data_preprocessor.update(size={crop}, size_divisor=None)
model.update(
    clean_statistics=True,  # those of batch norm are of both domains, not of mixed images
    confidence_threshold={threshold},
    teacher_momentum={momentum}{masking},
)
target_pipeline = [*_base_.target_pipeline[:-1], _base_.pack_target]
train_dataloader = dict(target=dict(dataset=dict(pipeline=target_pipeline)))
{optimizers}
"""

ADVENT = """\
# ADVENT: discriminators tell the two domains apart by how certain the network is at each pixel, and
# the network learns to be as certain on the target as on the source.
{bases}
model = _base_.advent
# Halvings in proportion to the crop.
{lines}
# The papers' weights are 0.001 and 0.0002, and their rate of the discriminators is 1e-4, for
# 120,000 iterations.
model.update(lambda_adv_main={main}, lambda_adv_aux={aux})
{optimizers}
"""

INTRADA = """\
# IntraDA: ADVENT once more, from the images of the target that are easy for the trained one, with
# its predictions as labels, to the hard ones. The workflow names the lists and the predictions.
_base_ = './advent.py'
model = dict(type='IntraDA')
target = _base_.train_dataloader.target
easy = dict(
    target.dataset,
    labeled=True,
    data_prefix=dict(seg_map_path='pseudo_masks'),
    seg_map_suffix='.png',
    pipeline=_base_.source_pipeline,
)
train_dataloader = dict(_delete_=True, easy=dict(target, dataset=easy), hard=target)
"""

MINENT = """\
# MinEnt: the network also minimises the entropy of its predictions on the target.
{bases}
model = _base_.minent
{aux}{optimizers}
"""
