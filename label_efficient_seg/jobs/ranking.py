"""Divides target images into easy and hard ones by the entropy of a model's predictions."""

import copy
import json
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import mmcv
import mmengine
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.dist import get_rank, is_main_process
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from torch import nn

from ..core.atomic import write_atomically
from ..core.errors import NotFiniteError, UserError
from ..datasets.files.image_ids import image_ids
from ..datasets.files.pseudo_masks import write_label
from ..datasets.partially_labeled import find_missing
from ..ops import entropy_map, self_information
from ..visualization import RankedImage, make_ranking_panel, plot_split_histogram, save_image
from .fingerprint import checkpoint_digest, claim_folder, digest
from .image_loop import load_model, process_images
from .image_ranking import Ranking, count_easy, normalize_score, rank_images
from .image_scoring import (
    ImageScore,
    build_unlabeled,
    open_scores,
    predict_labels,
    predict_logits,
    read_scores,
    reproducible,
    write_score,
)

#: Cityscapes classes of few pixels: train ids 3, 4, 5, 6, 7, 9, 12, 14, 15, 16 and 17.
CITYSCAPES_RARE_CLASSES = (
    'wall', 'fence', 'pole', 'traffic light', 'traffic sign', 'terrain', 'rider', 'truck', 'bus',
    'train', 'motorcycle',
)  # fmt: skip


class EntropyRanking:
    """Ranks the images of a stream by the entropy of a model's predictions, without labels.

    The score of an image is the mean, over all pixels and classes, of the weighted
    self-information of the model's main output at the network's input size. The images with the
    lowest scores are *easy*, the others *hard*. Files in the folder::

        easy.txt, hard.txt      ids, the lowest score first; an ``ann_file`` of a dataset
        ranking.csv             image, score, rank from 1, split
        ranking.json            settings and metrics; absent until all else is complete
        pseudo_masks/<id>.png  predictions at the size of the image files: the masks of a dataset
                                with this ``data_prefix.seg_map_path`` and the ``seg_map_suffix``
                                '.png'. Those of hard images are there for inspection only
        histogram.png           the scores, and where they are divided
        panels/*.png            the easiest images, the hardest, and those around the border
        scores/, fingerprint.json, log/

    A run on a folder where scores are left by an interrupted one scores the other images only, and
    so does one with another ratio or normalisation.

    Args:
        cfg (Config): From :func:`load_config`. Images are those of
            ``train_dataloader.<stream>``, prepared by the pipeline of ``test_dataloader``.
        checkpoint (str): Of the config's model.
        out_dir (str | Path): Folder to write to.
        ratio (float | str | Fraction): Easy share of the images, in (0, 1); see
            :func:`count_easy`.
        normalize_rare (bool): Whether to multiply the score of an image by (K - k) / K + 1/2 if k
            of the K rare classes are predicted in it. The paper's text does not. The released
            code does even with its ``--normalize False``, which it reads as true.
        rare_classes (Sequence[str]): Names of the rare classes.
        stream (str): Name of the stream.

    Source: Pan et al., Unsupervised Intra-domain Adaptation, CVPR 2020.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: str,
        out_dir: str | Path,
        *,
        ratio: float | str | Fraction = 0.67,
        normalize_rare: bool = False,
        rare_classes: Sequence[str] = CITYSCAPES_RARE_CLASSES,
        stream: str = 'target',
    ) -> None:
        self.cfg = copy.deepcopy(cfg)
        self.checkpoint = str(Path(checkpoint).expanduser())
        self.out_dir = Path(out_dir)
        self.ratio = Fraction(str(ratio))
        self.rare_classes = tuple(rare_classes) if normalize_rare else ()
        self.stream = stream

    def run(self) -> None:
        """Score the images that have no score yet, on all processes of the launch, and rank.

        Raises:
            FileNotFoundError: If the checkpoint does not exist.
            ValueError: If config, checkpoint, settings and folder do not fit each other.
            FloatingPointError: If predictions are not finite.
        """
        init_default_scope(self.cfg.get('default_scope', 'mmseg'))
        dataset, dataset_cfg = build_unlabeled(self.cfg, self.stream)
        ids = image_ids(dataset)
        count_easy(len(ids), self.ratio)
        self._check_rare_classes(dataset.metainfo['classes'])
        fingerprint = dict(
            checkpoint=checkpoint_digest(self.checkpoint),
            config=digest([self.cfg.model, dataset_cfg]),
        )
        model = self._load_model(len(dataset.metainfo['classes']))
        claim_folder(self.out_dir, fingerprint, 'scores')
        with reproducible():
            self._score(model, dataset, ids)
            if is_main_process():
                self._rank(model, dataset, ids, fingerprint)

    def _check_rare_classes(self, classes: Sequence[str]) -> None:
        if unknown := [name for name in self.rare_classes if name not in classes]:
            raise UserError(
                f'the dataset has no class {", ".join(map(repr, unknown))} to normalise scores '
                f'by; name the rare ones of its own with --rare-classes: {", ".join(classes)}'
            )

    def _load_model(self, num_classes: int) -> nn.Module:
        model = load_model(self.cfg, self.checkpoint, self.out_dir / 'log')
        if model.num_classes != num_classes:
            raise UserError(
                f'the model predicts {model.num_classes} classes, but the dataset of '
                f'train_dataloader.{self.stream} has {num_classes}'
            )
        return model

    def _score(self, model: nn.Module, dataset: BaseSegDataset, ids: Sequence[str]) -> None:
        """Score this process's share of the images."""
        lost = find_missing(str(self.out_dir / 'pseudo_masks'), [f'{name}.png' for name in ids])
        known = read_scores(self.out_dir / 'scores').keys() - {x.removesuffix('.png') for x in lost}
        workers = self.cfg.test_dataloader.get('num_workers', 0)
        with open_scores(self.out_dir / 'scores', get_rank()) as file:

            def work(name: str, batch: dict) -> None:
                write_score(file, self._score_image(model, dataset.metainfo, name, batch))

            process_images(dataset, ids, work, 'scoring', done=known, num_workers=workers)

    def _score_image(
        self, model: nn.Module, metainfo: Mapping, name: str, batch: dict
    ) -> ImageScore:
        """Score an image and write its pseudo mask."""
        size = batch['data_samples'][0].ori_shape
        logits = predict_logits(model, batch)
        score = self_information(logits).mean(dtype=torch.float64).item()
        if not math.isfinite(score):
            raise NotFiniteError(
                f"the prediction for image '{name}' is not finite; {self.checkpoint!r} holds "
                'broken weights'
            )
        prediction = predict_labels(logits)
        write_label(self.out_dir / 'pseudo_masks' / f'{name}.png', prediction, size, metainfo)
        return ImageScore(name, score, np.unique(prediction).tolist())

    def _rank(
        self, model: nn.Module, dataset: BaseSegDataset, ids: Sequence[str], fingerprint: dict
    ) -> None:
        """Write lists, plots and the summary."""
        results = read_scores(self.out_dir / 'scores')
        scores = {name: results[name].score for name in ids}
        if self.rare_classes:
            rare = [dataset.metainfo['classes'].index(name) for name in self.rare_classes]
            for name in ids:
                scores[name] = normalize_score(scores[name], results[name].classes, rare)
        ranking = rank_images(scores, self.ratio)
        (self.out_dir / 'ranking.json').unlink(missing_ok=True)
        ranking.write(self.out_dir)
        self._write_plots(model, dataset, ids, ranking)
        summary = ranking.metrics() | dict(
            stream=self.stream,
            ratio=float(self.ratio),
            normalize_rare=bool(self.rare_classes),
            rare_classes=self.rare_classes,
            checkpoint=self.checkpoint,
            checkpoint_sha256=fingerprint['checkpoint'],
            config_sha256=fingerprint['config'],
        )
        write_atomically(self.out_dir / 'ranking.json', json.dumps(summary, indent=2) + '\n')
        print_log(
            f"{summary['easy']} easy and {summary['hard']} hard images in '{self.out_dir}'",
            'current',
        )

    def _write_plots(
        self, model: nn.Module, dataset: BaseSegDataset, ids: Sequence[str], ranking: Ranking
    ) -> None:
        plot_split_histogram(
            ranking.scores,
            ranking.num_easy,
            ('easy', 'hard'),
            'score: self-information, mean over pixels and classes'
            + ', normalised by rare classes' * bool(self.rare_classes),
            self.out_dir / 'histogram.png',
        )
        number, border = len(ids), ranking.num_easy
        index_of = {name: index for index, name in enumerate(ids)}
        groups = dict(
            easiest=range(min(4, number)),
            border=range(max(0, border - 2), min(border + 2, number)),
            hardest=range(number - 1, max(number - 5, -1), -1),
        )
        for group, positions in groups.items():
            rows = []
            for position in positions:
                name, score = ranking.names[position], ranking.scores[position]
                caption = (
                    f'{name}: score {score:.5f}, rank {position + 1} of {number}, '
                    f'{ranking.split(position)}'
                )
                rows.append(RankedImage(caption, *_pictures(model, dataset, index_of[name])))
            meta = dataset.metainfo
            panel = make_ranking_panel(rows, meta['classes'], meta['palette'])
            save_image(panel, self.out_dir / 'panels' / f'{group}.png')


def _pictures(
    model: nn.Module, dataset: BaseSegDataset, index: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Photo, prediction and entropy of an image."""
    batch = pseudo_collate([dataset[index]])
    photo = mmengine.fileio.get(batch['data_samples'][0].img_path)
    logits = predict_logits(model, batch)
    return (
        mmcv.imfrombytes(photo, channel_order='rgb'),
        predict_labels(logits),
        entropy_map(logits)[0].cpu().numpy(),
    )
