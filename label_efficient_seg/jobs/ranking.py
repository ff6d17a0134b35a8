"""Divides target images into easy and hard ones by the entropy of a model's predictions."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import get_rank
from mmseg.datasets import BaseSegDataset
from torch import nn

from ..core.errors import NotFiniteError, UserError
from ..datasets.files.images import read_image
from ..datasets.files.pseudo_masks import write_label
from ..job_settings import EntropyRankSettings
from ..ops import entropy_map, self_information
from ..visualization import RankedImage, make_ranking_panel, plot_split_histogram, save_image
from .base import ImageFileJob
from .image_ranking import count_easy, normalize_score, rank_images
from .image_scoring import (
    ImageScore,
    build_unlabeled,
    predict_labels,
    predict_logits,
    read_scores,
    write_score,
)

#: Cityscapes classes of few pixels: train ids 3, 4, 5, 6, 7, 9, 12, 14, 15, 16 and 17.
CITYSCAPES_RARE_CLASSES = (
    'wall', 'fence', 'pole', 'traffic light', 'traffic sign', 'terrain', 'rider', 'truck', 'bus',
    'train', 'motorcycle',
)  # fmt: skip


class EntropyRankJob(ImageFileJob):
    """Divides unlabeled images into easy and hard ones by entropy, step 2 of IntraDA.

    See :class:`EntropyRankSettings`.

    Files in the folder, besides those of every :class:`ImageFileJob`::

        easy.txt, hard.txt      ids, the lowest score first; an ``ann_file`` of a dataset
        ranking.csv             image, score, rank from 1, split
        pseudo_masks/<id>.png   predictions at the size of the image files: the masks of a dataset
                                with this ``data_prefix.seg_map_path`` and the ``seg_map_suffix``
                                '.png'. Those of hard images are there for inspection only
        histogram.png           the scores, and where they are divided
        scores/                 those of each process

    Source: Pan et al., Unsupervised Intra-domain Adaptation, CVPR 2020.
    """

    Settings = EntropyRankSettings
    name, what, verb = 'ranking', 'scores', 'rank'
    outputs = dict(easy='easy.txt', hard='hard.txt', pseudo_masks='pseudo_masks')
    files = dict(pseudo_masks='.png')
    free_settings = ('ratio', 'stream', 'normalize_rare', 'rare_classes')
    title = 'Easy and hard images'
    plots = {'histogram.png': 'Scores of the images, and where they are divided.'}
    gallery = {
        'panels/easiest.png': 'The easiest images.',
        'panels/border.png': 'The last easy and the first hard images.',
        'panels/hardest.png': 'The hardest images.',
    }

    @staticmethod
    def key_metrics(summary: Mapping[str, Any]) -> dict[str, float]:
        return {name: summary[name] for name in ('easy', 'hard', 'mean_score')}

    @staticmethod
    def note(summary: Mapping[str, Any]) -> str:
        return 'normalised by rare classes' * summary['normalize_rare']

    def build_dataset(self) -> tuple[BaseSegDataset, Mapping]:
        return build_unlabeled(self.cfg, self.settings.stream)

    def check(self) -> None:
        count_easy(len(self.ids), self.settings.ratio)
        named = self.settings.rare_classes or CITYSCAPES_RARE_CLASSES
        self.rare_classes = tuple(named) if self.settings.normalize_rare else ()
        classes = self.dataset.metainfo['classes']
        if unknown := [name for name in self.rare_classes if name not in classes]:
            raise UserError(
                f'the dataset has no class {", ".join(map(repr, unknown))} to normalise scores '
                f'by; name the rare ones of its own with --rare-classes: {", ".join(classes)}'
            )

    def load_model(self) -> nn.Module:
        model, num_classes = super().load_model(), len(self.dataset.metainfo['classes'])
        if model.num_classes != num_classes:
            raise UserError(
                f'the model predicts {model.num_classes} classes, but the dataset of '
                f'train_dataloader.{self.settings.stream} has {num_classes}'
            )
        return model

    def done(self) -> set[str]:
        return super().done() & read_scores(self.out_dir / 'scores').keys()

    def process(self, name: str, batch: dict) -> None:
        size = batch['data_samples'][0].ori_shape
        logits = predict_logits(self.model, batch)
        score = self_information(logits).mean(dtype=torch.float64).item()
        if not math.isfinite(score):
            raise NotFiniteError(
                f"the prediction for image '{name}' is not finite; {self.checkpoint!r} holds "
                'broken weights'
            )
        prediction = predict_labels(logits)
        write_label(self.path(name), prediction, size, self.dataset.metainfo)
        file = self.out_dir / 'scores' / f'{get_rank()}.jsonl'
        write_score(file, ImageScore(name, score, np.unique(prediction).tolist()))

    def evaluate(self) -> dict[str, Any]:
        results = read_scores(self.out_dir / 'scores')
        scores = {name: results[name].score for name in self.ids}
        if self.rare_classes:
            classes = self.dataset.metainfo['classes']
            rare = [classes.index(name) for name in self.rare_classes]
            for name in self.ids:
                scores[name] = normalize_score(scores[name], results[name].classes, rare)
        self.ranking = rank_images(scores, self.settings.ratio)
        effective = dict(ratio=float(self.settings.ratio), rare_classes=self.rare_classes)
        return self.ranking.metrics() | effective

    def finish(self, metrics: dict[str, Any]) -> None:
        ranking, number = self.ranking, len(self.ids)
        ranking.write(self.out_dir)
        plot_split_histogram(
            ranking.scores,
            ranking.num_easy,
            ('easy', 'hard'),
            'score: self-information, mean over pixels and classes'
            + ', normalised by rare classes' * bool(self.rare_classes),
            self.out_dir / 'histogram.png',
        )
        border = ranking.num_easy
        groups = dict(
            easiest=range(min(4, number)),
            border=range(max(0, border - 2), min(border + 2, number)),
            hardest=range(number - 1, max(number - 5, -1), -1),
        )
        meta = self.dataset.metainfo
        for group, positions in groups.items():
            rows = [self._row(position) for position in positions]
            panel = make_ranking_panel(rows, meta['classes'], meta['palette'])
            save_image(panel, self.out_dir / 'panels' / f'{group}.png')

    def _row(self, position: int) -> RankedImage:
        """Photo, prediction and entropy of the image at a position of the ranking."""
        name, score = self.ranking.names[position], self.ranking.scores[position]
        batch = pseudo_collate([self.dataset[self.ids.index(name)]])
        photo = read_image(batch['data_samples'][0].img_path, channel_order='rgb')
        logits = predict_logits(self.model, batch)
        return RankedImage(
            f'{name}: score {score:.5f}, rank {position + 1} of {len(self.ids)}, '
            f'{self.ranking.split(position)}',
            photo,
            predict_labels(logits),
            entropy_map(logits)[0].cpu().numpy(),
        )
