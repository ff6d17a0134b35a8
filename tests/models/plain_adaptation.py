"""ADVENT and MinEnt in plain PyTorch, one line after the other, for models in float64."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import Tensor

ADV = dict(main=0.5, aux=0.2)
ENTROPY = dict(main=0.5, aux=0.2)


class PlainAdaptation:
    """What a step has to do, written without the package.

    Args:
        model: Whose weights it starts from.
        levels: The outputs that are adapted.
    """

    def __init__(self, model: torch.nn.Module, levels: tuple[str, ...]) -> None:
        model = copy.deepcopy(model).train()
        self.levels = levels
        self.backbone = model.backbone
        self.heads = dict(main=model.decode_head.convs, aux=model.auxiliary_head.convs)
        self.s = torch.nn.ModuleList([self.backbone, *self.heads.values()])
        self.sgd = torch.optim.SGD(self.s.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
        if hasattr(model, 'discriminator'):
            self.d = {level: model.discriminator[level].network.layers for level in levels}
            # One optimizer for each discriminator, as released.
            self.adam = {
                level: torch.optim.Adam(d.parameters(), 1e-4, betas=(0.9, 0.99))
                for level, d in self.d.items()
            }

    def segment(self, images: Tensor) -> dict[str, Tensor]:
        features, scores = self.backbone(images), {}
        for level, index, aligned in (('main', 3, True), ('aux', 2, False)):
            small = sum(conv(features[index]) for conv in self.heads[level])
            scores[level] = F.interpolate(
                small, images.shape[2:], mode='bilinear', align_corners=aligned
            )
        return scores

    @staticmethod
    def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
        keep = labels != 255
        log_p = scores.log_softmax(1).permute(0, 2, 3, 1)[keep]
        return -log_p[torch.arange(len(log_p)), labels[keep]].mean()

    @staticmethod
    def information(scores: Tensor, keep: Tensor) -> Tensor:
        p = scores.softmax(1)
        weighted = -p * torch.log2(p + 1e-30) / math.log2(p.shape[1])
        return weighted * keep[:, None]

    @staticmethod
    def bce(logits: Tensor, label: int, keep: Tensor) -> Tensor:
        """Mean over the logits whose upper left pixel is kept."""
        values = []
        images, _, height, width = logits.shape
        for n in range(images):
            for y in range(height):
                for x in range(width):
                    if keep[n, y * keep.shape[1] // height, x * keep.shape[2] // width]:
                        p = torch.sigmoid(logits[n, 0, y, x])
                        values.append(-torch.log(p if label else 1 - p))
        return sum(values) / len(values)

    def supervised(self, x: Tensor, y: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        scores = self.segment(x)
        losses = {
            'decode.loss_ce': self.cross_entropy(scores['main'], y),
            'aux.loss_ce': 0.1 * self.cross_entropy(scores['aux'], y),
        }
        return losses, scores

    def update_segmentor(self, losses: dict[str, Tensor]) -> None:
        losses['loss'] = sum(losses.values())
        self.sgd.zero_grad()
        losses['loss'].backward()
        self.sgd.step()

    def minent_step(self, x: Tensor, y: Tensor, u: Tensor, keep_u: Tensor) -> dict[str, Tensor]:
        """One iteration of MinEnt; returns its losses."""
        losses, _ = self.supervised(x, y)
        scores = self.segment(u)
        for level in self.levels:
            entropy = self.information(scores[level], keep_u).sum(1)
            losses[f'target.loss_entropy_{level}'] = ENTROPY[level] * entropy[keep_u].mean()
        self.update_segmentor(losses)
        return losses

    def advent_step(
        self, x: Tensor, y: Tensor, keep_x: Tensor, u: Tensor, keep_u: Tensor
    ) -> dict[str, Tensor]:
        """One iteration of ADVENT; returns its losses. Labels: source 0, target 1."""
        losses, scores_x = self.supervised(x, y)
        scores_u = self.segment(u)
        maps_x = {k: self.information(scores_x[k], keep_x) for k in self.levels}
        maps_u = {k: self.information(scores_u[k], keep_u) for k in self.levels}
        for level in self.levels:
            judgement = self.d[level](maps_u[level])
            losses[f'target.loss_adv_{level}'] = ADV[level] * self.bce(judgement, 0, keep_u)
        self.update_segmentor(losses)
        for level in self.levels:
            d, adam = self.d[level], self.adam[level]
            loss_x = 0.5 * self.bce(d(maps_x[level].detach()), 0, keep_x)
            loss_u = 0.5 * self.bce(d(maps_u[level].detach()), 1, keep_u)
            adam.zero_grad()
            (loss_x + loss_u).backward()
            adam.step()
            losses[f'discriminator.loss_source_{level}'] = loss_x
            losses[f'discriminator.loss_target_{level}'] = loss_u
        return losses


def images_and_masks(model: torch.nn.Module, batch: dict) -> tuple[Tensor, Tensor]:
    """Preprocessed images and labels; the batch stays as it is."""
    data = model.data_preprocessor(copy.deepcopy(batch), True)
    return data['inputs'], torch.stack([s.gt_sem_seg.data[0] for s in data['data_samples']])


def losses_of(log: dict[str, Tensor]) -> dict[str, Tensor]:
    """The losses that a step logged, without the sum of the discriminators'."""
    return {k: v for k, v in log.items() if 'loss' in k and k != 'discriminator.loss'}


def content(sizes: list[tuple[int, int]]) -> Tensor:
    """Where images are that are padded at the right and below to the largest, (N, H, W)."""
    area = torch.zeros(len(sizes), *map(max, zip(*sizes, strict=True)), dtype=torch.bool)
    for mask, (height, width) in zip(area, sizes, strict=True):
        mask[:height, :width] = True
    return area


def assert_equal_weights(model: torch.nn.Module, plain: PlainAdaptation) -> None:
    """Segmentor and discriminators of both hold the same parameters."""
    pairs = [
        ('backbone', model.backbone, plain.backbone),
        ('decode_head', model.decode_head.convs, plain.heads['main']),
        ('auxiliary_head', model.auxiliary_head.convs, plain.heads['aux']),
    ]
    if hasattr(model, 'discriminator'):
        assert set(model.discriminator) == set(plain.levels)
        pairs += [
            (f'discriminator.{level}', model.discriminator[level].network.layers, plain.d[level])
            for level in plain.levels
        ]
    for part, ours, theirs in pairs:
        for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(
                p, q, atol=1e-9, rtol=0, msg=lambda m, n=f'{part}.{name}: ': n + m
            )
