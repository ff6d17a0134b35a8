"""Validation images in a report of a workflow, predicted by several runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..visualization import make_grid, save_image
from .html_report import Report
from .node import Node
from .predictions import (
    Predictions,
    draw_image,
    ground_truth,
    image_iou,
    image_name,
    predict,
    spread,
)

CANDIDATES = 100
"""Most validation images that are predicted to find the best and the worst among them."""
EXTREMES = 3
"""Most images of each run that gain most, and that lose most."""


def find_predictions(
    finished: Mapping[str, Sequence[Node]], number: int = CANDIDATES
) -> list[dict[str, Predictions]]:
    """Predict with each result that leaves a config and a checkpoint, with its first seed.

    Args:
        finished (Mapping[str, Sequence[Node]]): Finished stages by the name of the result.
        number (int): Most images of each.

    Returns:
        list[dict[str, Predictions]]: By name of the result; those of other images in another dict.
    """
    groups: dict[str, dict[str, Predictions]] = {}
    for name, nodes in finished.items():
        for node in nodes[:1]:
            outputs = node.folder.record['outputs']
            if {'config', 'checkpoint'} <= outputs.keys():
                folder = node.folder.path
                config, checkpoint = folder / outputs['config'], folder / outputs['checkpoint']
                if found := predict(config, checkpoint, number):
                    groups.setdefault(found.images, {})[name] = found
    return list(groups.values())


def add_extremes(report: Report, group: Mapping[str, Predictions], seed: int) -> None:
    """Add the images in which each run gains and loses most against the first one.

    Args:
        report (Report): Changed in place.
        group (Mapping[str, Predictions]): Runs on the same images; the first is the baseline.
        seed (int): For the caption.
    """
    baseline, *others = group
    dataset = group[baseline].dataset
    ious = _ious(group) if others else {baseline: {}}
    if not ious[baseline]:
        return
    report.heading('Where each run gains and loses most')
    report.text(
        f'Seed {seed}, {len(ious[baseline])} of {len(dataset)} validation images, evenly spaced. '
        'IoU is the mean over the classes in the ground truth of the image. The images are '
        'extremes: they show what can happen, not what is usual.'
    )
    for name in others:
        gains = {index: ious[name][index] - iou for index, iou in ious[baseline].items()}
        better, worse = (sum(sign * gain > 0 for gain in gains.values()) for sign in (1, -1))
        report.text(
            f'### {name} against {baseline}\n\n'
            f'Better in {better} images, worse in {worse}, equal in {len(gains) - better - worse}.'
        )
        for indices, what in (
            (_most(gains, 1), f'{name} gains most'), (_most(gains, -1), f'{name} loses most'),
        ):  # fmt: skip
            rows = []
            for index in indices:
                pair = {n: group[n].mask(index) for n in (baseline, name)}
                titled = {f'{n}: IoU {ious[n][index]:.1f}': mask for n, mask in pair.items()}
                caption = f'{image_name(dataset, index)}: {gains[index]:+.1f}'
                rows.append(draw_image(dataset, index, titled, caption))
            if rows:
                report.text(f'**Where {what}**')
                report.plot(make_grid(rows, gap=6), '', alt=f'Images where {what}.')


def add_same_images(
    report: Report,
    groups: Sequence[Mapping[str, Predictions]],
    folder: Path,
    number: int,
    seed: int,
) -> None:
    """Add some images with the predictions of all runs, and write ``comparison.png``.

    Args:
        report (Report): Changed in place.
        groups (Sequence[Mapping[str, Predictions]]): Runs by name; one dict for the same images.
        folder (Path): For the pictures.
        number (int): Of images.
        seed (int): For the caption.
    """
    for count, group in enumerate(groups, 1):
        first = next(iter(group.values()))
        indices = list(first.masks)
        rows = [
            draw_image(first.dataset, i, {name: found.mask(i) for name, found in group.items()})
            for i in (indices[j] for j in spread(indices, number))
        ]
        picture = make_grid(rows)
        file = 'comparison.png' if count == 1 else f'comparison_{count}.png'
        save_image(picture, folder / file)
        if count == 1:
            report.heading('The same images, every run')
        report.plot(picture, f'Seed {seed}.', alt=f'Predictions: {", ".join(group)}.')


def _ious(group: Mapping[str, Predictions]) -> dict[str, dict[int, float]]:
    """IoU by name of the run and index, of the images whose ground truth has any pixel."""
    ious: dict[str, dict[int, float]] = {name: {} for name in group}
    first = next(iter(group.values()))
    for index in first.masks:
        if (truth := ground_truth(first.dataset, index)) is None:
            continue
        for name, found in group.items():
            iou = image_iou(found.mask(index), truth, len(first.dataset.metainfo['classes']))
            if iou is not None:
                ious[name][index] = iou
    return ious


def _most(gains: Mapping[int, float], sign: int) -> list[int]:
    """Indices of the greatest gains, or losses."""
    ranked = sorted(gains, key=lambda index: -sign * gains[index])
    return [index for index in ranked[:EXTREMES] if sign * gains[index] > 0]
