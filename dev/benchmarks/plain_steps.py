"""Train steps as the papers' released code goes about them: what train_step.py compares with.

Each has the networks, weights and optimizers of one of this package's models, and the same losses.
But every use of the discriminator is a forward pass of its own, masks and labels are made by NumPy
on the host, classes are taken one by one, pairs and kernels are dense, and the losses are fetched
in every iteration.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from label_efficient_seg.ops import neighbour_offsets

IGNORED = 255


class PlainStep:
    """What all of them share.

    Args:
        model (nn.Module): Whose networks, weights and settings are used.
        optimizers (Mapping[str, Optimizer]): Of its parts, by name.
        amp (bool): Whether networks run in bfloat16.
    """

    def __init__(
        self, model: nn.Module, optimizers: Mapping[str, Optimizer], amp: bool = False
    ) -> None:
        self.model, self.optimizers, self.amp = model, optimizers, amp
        self.device = next(model.parameters()).device
        self.iteration = 0

    def __call__(self, data: dict) -> dict[str, float]:
        """One iteration.

        Args:
            data (dict): As the model's own ``train_step`` takes it.

        Returns:
            dict[str, float]: The losses, named as in the model's log.
        """
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        log = self.step(data)
        self.iteration += 1
        return log

    def step(self, data: dict) -> dict[str, float]:
        """Losses, gradients and updates."""
        raise NotImplementedError

    def read(self, batch: dict) -> tuple[Tensor, np.ndarray]:
        """Images on the device and labels on the host."""
        batch = self.model.data_preprocessor(batch, True)
        labels = [sample.gt_sem_seg.data[0].cpu().numpy() for sample in batch['data_samples']]
        return batch['inputs'], np.stack(labels)

    def run(self, network: Callable, *inputs):
        """A network in the precision of the run; tensors that come out are float32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp):
            found = network(*inputs)
        return found.float() if isinstance(found, Tensor) else found

    def scores(self, images: Tensor, *heads: str) -> list[Tensor]:
        """Class scores of heads at the size of the image."""
        features = self.run(self.model.backbone, images)
        found = []
        for head in (getattr(self.model, name) for name in heads):
            small = self.run(head, features)
            found.append(
                F.interpolate(
                    small, images.shape[2:], mode='bilinear', align_corners=head.align_corners
                )
            )
        return found

    def backward(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """Gradients of the sum; the losses, fetched."""
        sum(losses.values()).backward()
        return {name: loss.item() for name, loss in losses.items()}

    def update(self, *names: str) -> None:
        """Step of some optimizers."""
        for name in names:
            self.optimizers[name].step()


def cross_entropy(scores: Tensor, labels: np.ndarray) -> Tensor:
    """Mean over the labeled pixels, which a mask picks."""
    labels = torch.from_numpy(labels).to(scores.device)
    keep = labels != IGNORED
    return F.cross_entropy(scores.permute(0, 2, 3, 1)[keep], labels[keep])


def bce(logits: Tensor, label: int, ignored: np.ndarray) -> Tensor:
    """Mean over the pixels that are not ignored, against a map of the label from the host."""
    target = np.full(ignored.shape, label, dtype=np.float32)
    target[ignored] = IGNORED
    target = torch.from_numpy(target).to(logits.device)
    keep = target != IGNORED
    return F.binary_cross_entropy_with_logits(logits[:, 0][keep], target[keep])


class PlainAdvSemiSeg(PlainStep):
    """AdvSemiSeg with D on labeled images only."""

    def judge(self, probabilities: Tensor) -> Tensor:
        """D's logits at the size of the image."""
        logits = self.run(self.model.discriminator.network, probabilities)
        size = probabilities.shape[2:]
        return F.interpolate(logits, size, mode='bilinear', align_corners=True)

    def step(self, data: dict) -> dict[str, float]:
        model = self.model
        x, y = self.read(data['labeled'])
        u, _ = self.read(data['unlabeled'])
        model.discriminator.requires_grad_(False)

        (scores,) = self.scores(u, 'decode_head')
        judgement = self.judge(scores.softmax(1))
        confidence = judgement.detach().sigmoid().cpu().numpy()[:, 0]
        own = scores.detach().cpu().numpy().argmax(1)
        own[confidence <= model.confidence_threshold] = IGNORED
        adversarial = bce(judgement, 1, np.zeros(own.shape, dtype=bool))
        log = self.backward({
            'unlabeled.loss_adv': model.lambda_adv_unlabeled * adversarial,
            'unlabeled.loss_semi': model.lambda_semi * cross_entropy(scores, own),
        })  # fmt: skip

        (scores,) = self.scores(x, 'decode_head')
        void = y == IGNORED
        adversarial = bce(self.judge(scores.softmax(1)), 1, void)
        log |= self.backward({
            'decode.loss_ce': cross_entropy(scores, y),
            'labeled.loss_adv': model.lambda_adv_labeled * adversarial,
        })  # fmt: skip

        model.discriminator.requires_grad_(True)
        loss = bce(self.judge(scores.detach().softmax(1)), 0, void) / 2
        log |= self.backward({'discriminator.loss_fake': loss})
        one_hot = np.stack([y == c for c in range(model.num_classes)], axis=1).astype(np.float32)
        loss = bce(self.judge(torch.from_numpy(one_hot).to(self.device)), 1, void) / 2
        log |= self.backward({'discriminator.loss_real': loss})
        self.update('segmentor', 'discriminator')
        return log


def information(scores: Tensor) -> Tensor:
    """Weighted self-information."""
    p = scores.softmax(1)
    return -p * torch.log2(p + 1e-30) / math.log2(p.shape[1])


class PlainADVENT(PlainStep):
    """ADVENT on two levels, and with other streams IntraDA."""

    HEADS = dict(main='decode_head', aux='auxiliary_head')

    def judged(self, level: str, scores: Tensor, label: int) -> Tensor:
        """D's loss on the entropy of some scores."""
        logits = self.run(self.model.discriminator[level].network, information(scores))
        nothing = np.zeros(logits[:, 0].shape, dtype=bool)
        return bce(logits, label, nothing)

    def supervised(self, images: Tensor, labels: np.ndarray) -> tuple[dict, list[Tensor]]:
        """Fetched losses of the labeled images, and scores."""
        main, aux = self.scores(images, *self.HEADS.values())
        weight = self.model.auxiliary_head.loss_decode.loss_weight
        losses = {
            'decode.loss_ce': cross_entropy(main, labels),
            'aux.loss_ce': weight * cross_entropy(aux, labels),
        }
        return self.backward(losses), [main.detach(), aux.detach()]

    def step(self, data: dict) -> dict[str, float]:
        model = self.model
        source, target = model.streams
        x, y = self.read(data[source])
        u, _ = self.read(data[target])
        model.discriminator.requires_grad_(False)
        log, of_source = self.supervised(x, y)
        of_target = self.scores(u, *self.HEADS.values())
        log |= self.backward({
            f'{target}.loss_adv_{level}': model.lambda_adv[level] * self.judged(level, scores, 0)
            for level, scores in zip(self.HEADS, of_target, strict=True)
        })  # fmt: skip
        model.discriminator.requires_grad_(True)
        for domain, label, maps in ((source, 0, of_source), (target, 1, of_target)):
            for level, scores in zip(self.HEADS, maps, strict=True):
                loss = self.judged(level, scores.detach(), label) / 2
                log |= self.backward({f'discriminator.loss_{domain}_{level}': loss})
        self.update('segmentor', 'discriminator')
        return log


class PlainMinEnt(PlainADVENT):
    """MinEnt on two levels."""

    def step(self, data: dict) -> dict[str, float]:
        x, y = self.read(data['source'])
        u, _ = self.read(data['target'])
        log, _ = self.supervised(x, y)
        maps = zip(self.HEADS, self.scores(u, *self.HEADS.values()), strict=True)
        weights = self.model.lambda_entropy
        log |= self.backward({
            f'target.loss_entropy_{level}': weights[level] * information(scores).sum(1).mean()
            for level, scores in maps
        })  # fmt: skip
        self.update('segmentor')
        return log


class PlainAffinityNet(PlainStep):
    """AffinityNet with all pairs gathered at once."""

    def pairs(self, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Indices of first and second pixels."""
        begin, end = [], []
        numbers = np.arange(height * width).reshape(height, width)
        for dy, dx in neighbour_offsets(self.model.radius):
            left, right = max(-dx, 0), width - max(dx, 0)
            begin.append(numbers[: height - dy, left:right].ravel())
            end.append(numbers[dy:, left + dx : right + dx].ravel())
        return np.concatenate(begin), np.concatenate(end)

    def step(self, data: dict) -> dict[str, float]:
        images, labels = self.read(data)
        size = labels.shape[1:]
        begin, end = self.pairs(*size)
        levels = self.run(self.model.backbone, images)
        features = self.run(self.model.decode_head, levels, size).flatten(2)
        from_, to = (torch.from_numpy(indices).to(self.device) for indices in (begin, end))
        differences = (features.index_select(2, from_) - features.index_select(2, to)).abs()
        affinities = torch.exp(-differences.mean(1))

        labels = labels.reshape(len(labels), -1)
        first, second = labels[:, begin], labels[:, end]
        known = (first != IGNORED) & (second != IGNORED)
        same = known & (first == second)
        kinds = (
            ('background', 1 / 4, same & (first == 0), affinities),
            ('foreground', 1 / 4, same & (first != 0), affinities),
            ('different', 1 / 2, known & ~same, 1 - affinities),
        )
        losses = {}
        for name, weight, mask, values in kinds:
            mask = torch.from_numpy(mask.astype(np.float32)).to(self.device)
            total = (mask * -torch.log(values + 1e-5)).sum()
            losses[f'loss_{name}'] = weight * total / (mask.sum() + 1e-5)
        log = self.backward(losses)
        self.update('segmentor')
        return log


class PlainDeconvNet(PlainStep):
    """DeconvNet with PyTorch's own unpooling; its networks are all there is to it."""

    def network(self, images: Tensor) -> Tensor:
        """Class scores."""
        *poolings, fc7 = self.model.backbone(images)
        head = self.model.decode_head
        height, width = poolings[-1].switches.shape[2:]
        x = head.fc6_deconv(fc7)[..., :height, :width]
        for stage, (switches, size) in zip(head.stages, reversed(poolings), strict=True):
            x = stage(F.max_unpool2d(x, switches, 2, output_size=size))
        return head.conv_seg(x)

    def step(self, data: dict) -> dict[str, float]:
        images, labels = self.read(data)
        scores = self.run(self.network, images)
        log = self.backward({'decode.loss_ce': cross_entropy(scores, labels)})
        self.update('segmentor')
        return log
