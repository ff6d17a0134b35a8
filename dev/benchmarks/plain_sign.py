"""The steps of SIGN as released code goes about them; see plain_steps.py."""

import numpy as np
import torch
import torch.nn.functional as F
from plain_steps import IGNORED, PlainStep
from torch import Tensor, nn


class PlainSIGN(PlainStep):
    """SIGN's three steps.

    Attributes:
        runs (bool): Whether MMD compares runs of consecutive pixels of one class, as released, or
            all pixels of a class, as the package does.
    """

    runs = True

    def step(self, data: dict) -> dict[str, float]:
        images, labels = self.read(data['labeled'])
        if self.model.step == 'transfer' and self.iteration // self.model.interval % 2:
            return self.transfer(images)
        return self.train(images, labels)

    def judge(self, features: Tensor) -> Tensor:
        """Whether features are real; a pass of D of its own."""
        discriminator = self.model.discriminator
        return self.run(lambda x: discriminator.judge(discriminator.shared(x)), features)[:, 0]

    def classify(self, features: Tensor, model: nn.Module | None = None) -> Tensor:
        """Class scores of features; a pass of C of its own."""
        discriminator = (model or self.model).discriminator
        return self.run(lambda x: discriminator.classifier(discriminator.shared(x)), features)

    def encode(self, images: Tensor, model: nn.Module | None = None) -> tuple[Tensor, ...]:
        """X, z, and the latter's mean and log variance."""
        model = model or self.model
        found = self.run(
            lambda x: model.spatial_information(model.decode_head(model.backbone(x))), images
        )
        return tuple(map_.float() for map_ in found)

    def generate(self, labels: np.ndarray, latent: Tensor) -> Tensor:
        """Fakes of labels, whose vectors are laid out on the host, class by class."""
        vectors = self.model.embeddings.detach().cpu().numpy()
        maps = np.empty((*labels.shape, vectors.shape[1]), dtype=np.float32)
        maps[labels == IGNORED] = vectors[0]
        for c in np.unique(labels[labels != IGNORED]):
            maps[labels == c] = vectors[c]
        maps = torch.from_numpy(maps).to(self.device).permute(0, 3, 1, 2)
        return self.run(self.model.generator, maps, latent)

    @staticmethod
    def cross_entropy(scores: Tensor, labels: np.ndarray, weight: np.ndarray) -> Tensor:
        """Weighted mean over the labeled pixels."""
        labels, weight = (torch.from_numpy(maps).to(scores.device) for maps in (labels, weight))
        keep = labels != IGNORED
        values = F.cross_entropy(scores.permute(0, 2, 3, 1)[keep], labels[keep], reduction='none')
        return (weight[keep] * values).sum() / weight[keep].sum()

    def least_squares(self, features: Tensor, label: int, labels: np.ndarray) -> Tensor:
        """D's or G's adversarial loss over the labeled pixels."""
        keep = torch.from_numpy(labels != IGNORED).to(self.device)
        return (self.judge(features)[keep] - label).square().mean()

    def groups(self, labels: np.ndarray) -> list[np.ndarray]:
        """Indices of the pixels that MMD takes together, of one image."""
        if not self.runs:
            return [np.flatnonzero(labels == c) for c in np.unique(labels[labels != IGNORED])]
        borders = np.flatnonzero(np.diff(labels)) + 1
        runs = np.split(np.arange(len(labels)), borders)
        return [run for run in runs if labels[run[0]] != IGNORED]

    def mmd(self, fake: Tensor, real: Tensor, labels: np.ndarray) -> Tensor:
        """Mean discrepancy over the groups, one after the other."""
        values = []
        flat = labels.reshape(len(labels), -1)
        for f, r, y in zip(fake.flatten(2), real.flatten(2), flat, strict=True):
            for group in self.groups(y):
                pixels, n = torch.from_numpy(group).to(self.device), len(group)
                samples = torch.cat([f[:, pixels].T, r[:, pixels].T])
                squared = (samples[:, None] - samples[None]).square().sum(2)
                kernel = sum(torch.exp(-squared / (2 * b)) for b in self.model.loss_mmd.bandwidths)
                within = kernel[:n, :n].mean() + kernel[n:, n:].mean()
                values.append(((within - 2 * kernel[:n, n:].mean()) / 2).clamp(min=1e-6).sqrt())
        return torch.stack(values).mean()

    def targets(self, images: Tensor, labels: np.ndarray, size: torch.Size) -> tuple:
        """Labels and weights at the size of the map."""
        model = self.model
        rows, columns = (
            np.arange(n) * full // n for n, full in zip(size, labels.shape[1:], strict=True)
        )
        labels = labels[:, rows][:, :, columns]
        for c in {*np.unique(labels)} - {*model.split.seen}:
            labels[labels == c] = IGNORED
        weight = np.ones(labels.shape, dtype=np.float32)
        if model.step != 'self_training':
            return labels, weight
        teacher = model.teacher  # the model as it was at first
        with torch.no_grad():
            scores = self.classify(self.encode(images, teacher)[0], teacher)
        probabilities = scores.softmax(1).cpu().numpy()
        unseen = np.array(model.split.unseen)
        for y, w, p in zip(labels, weight, probabilities[:, unseen], strict=True):
            pseudo = y == IGNORED
            if pseudo.any():
                confidence = p.max(0)[pseudo]
                y[pseudo] = unseen[p.argmax(0)[pseudo]]
                w[pseudo] = np.exp(model.temperature * (confidence - confidence.max()))
        return labels, weight

    def train(self, images: Tensor, labels: np.ndarray) -> dict[str, float]:
        """An iteration on real features."""
        model, moving, log = self.model, self.model.step != 'transfer', {}
        with torch.set_grad_enabled(moving):
            features, latent, mean, log_variance = self.encode(images)
        labels, weight = self.targets(images, labels, features.shape[2:])
        keep = torch.from_numpy(labels != IGNORED).to(self.device)
        if moving:
            kl = (mean.square() + log_variance.exp() - 1 - log_variance) / 2
            loss = self.cross_entropy(self.classify(features), labels, weight)
            log |= self.backward({
                'decode.loss_ce': model.lambda_cls * loss,
                'decode.loss_kl': model.lambda_kl * kl.permute(0, 2, 3, 1)[keep].mean(),
            })  # fmt: skip
            self.update('segmentor')

        real = features.detach()
        fake = self.generate(labels, latent.detach())
        log |= self.backward({
            'generator.loss_mmd': model.lambda_mmd * self.mmd(fake, real, labels),
            'generator.loss_adv': model.lambda_adv * self.least_squares(fake, 1, labels),
        })  # fmt: skip
        self.update('generator')

        self.optimizers['discriminator'].zero_grad()
        cases = (
            ('real', 1, real, model.lambda_real),
            ('fake', 0, fake.detach(), model.lambda_fake),
        )
        for name, label, maps, factor in cases:
            loss = self.least_squares(maps, label, labels)
            losses = {f'discriminator.loss_{name}': model.lambda_adv * loss}
            if factor:
                loss = self.cross_entropy(self.classify(maps), labels, weight)
                losses[f'discriminator.loss_cls_{name}'] = factor * loss
            log |= self.backward(losses)
        self.update('discriminator')
        return log

    def transfer(self, images: Tensor) -> dict[str, float]:
        """An iteration on random classes."""
        model = self.model
        with torch.no_grad():
            shape = self.run(lambda x: model.decode_head(model.backbone(x)), images).shape
        rates = torch.zeros(model.num_classes, device=self.device)
        rates[list(model.split.seen)] = 1
        rates[list(model.split.unseen)] = 1 + model.unseen_rate
        labels = torch.multinomial(rates, shape[0] * shape[2:].numel(), replacement=True)
        labels = labels.view(shape[0], *shape[2:]).cpu().numpy()
        latent = torch.randn(shape, device=self.device)
        fake = self.generate(labels, latent).detach()
        weight = np.ones(labels.shape, dtype=np.float32)
        loss = self.cross_entropy(self.classify(fake), labels, weight)
        log = self.backward({'discriminator.loss_transfer': model.lambda_transfer * loss})
        self.update('discriminator')
        return log
