"""The iterations of SIGN in plain PyTorch, all losses before all updates."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from .generators.test_spatial_information_module import context

BANDWIDTHS = (2, 5, 10, 20, 40, 60)
ADAM = dict(betas=(0.9, 0.999), eps=1e-8)


class PlainSIGN:
    """One line after the other, in the precision of the model that it starts from.

    Args:
        model: Whose weights it copies.
        seen: Labels of the seen classes.
        unseen: Labels of the unseen classes.
        **settings: The arguments of the model that differ between the cases.
    """

    def __init__(self, model, seen, unseen, **settings):
        model = copy.deepcopy(model).train()
        self.backbone = model.backbone
        self.p = dict(model.named_parameters())
        self.seen, self.unseen = seen, unseen
        self.settings = settings
        self.spatial = settings.get('spatial', True)
        self.adversarial = settings.get('adversarial', True)

        def owned(*names):
            return [p for n, p in self.p.items() if n.partition('.')[0] in names]

        # The teacher of self-training is the model as it is now.
        self.frozen = copy.deepcopy((self.p, self.backbone))

        self.e = owned('backbone', 'decode_head', 'spatial_information')
        self.g, self.d = owned('generator'), owned('discriminator')
        self.sgd = torch.optim.SGD(self.e, 0.01, momentum=0.9, weight_decay=5e-4)
        self.adam_g = torch.optim.Adam(self.g, 2e-3, **ADAM)
        self.adam_d = torch.optim.Adam(self.d, 3e-3, weight_decay=5e-4, **ADAM)

    def conv(self, name, x, **kwargs):
        return F.conv2d(x, self.p[f'{name}.weight'], self.p.get(f'{name}.bias'), **kwargs)

    def encode(self, images, noise=True):
        """X, z, mean and log variance."""
        features = self.backbone(images)[3]
        h = sum(
            self.conv(f'decode_head.convs.{i}', features, padding=d, dilation=d)
            for i, d in enumerate((1, 2))
        )
        if not self.spatial:
            return h.sigmoid(), torch.randn_like(h), None, None
        name = 'spatial_information'
        height, width = h.shape[2:]
        code = torch.zeros(h.shape[1:], dtype=h.dtype)
        d = h.shape[1] // 2
        for k in range(d // 2):
            x = 511 * torch.arange(width).double() / max(width - 1, 1) * 10000 ** (-2 * k / d)
            y = 511 * torch.arange(height).double() / max(height - 1, 1) * 10000 ** (-2 * k / d)
            code[2 * k], code[2 * k + 1] = x.sin(), x.cos()
            code[d + 2 * k], code[d + 2 * k + 1] = y.sin()[:, None], y.cos()[:, None]
        # The model computes it in float64 and keeps it in float32.
        code = code.float().to(h).expand_as(h)
        h0 = h + context(self.p, f'{name}.positional', torch.cat([h.sigmoid(), code], 1))
        p = context(self.p, f'{name}.contextual', h0.sigmoid())
        mean = self.conv(f'{name}.mean', p, padding=1)
        log_variance = self.conv(f'{name}.log_variance', p, padding=1).relu()
        z = mean + (log_variance.exp() ** 0.5) * torch.randn_like(mean) if noise else mean
        return (h0 + h0 * z.sigmoid()).sigmoid(), z, mean, log_variance

    def generate(self, labels, z):
        w = self.p['embeddings'][torch.where(labels == 255, 0, labels)].permute(0, 3, 1, 2)
        x = torch.cat([w, z], 1)
        for i in (0, 3):
            x = F.leaky_relu(self.conv(f'generator.layers.{i}', x), 0.2)
        return self.conv('generator.layers.6', x).sigmoid()

    def judge(self, x):
        return self.conv('discriminator.judge', self.conv('discriminator.shared.0', x).relu())[:, 0]

    def classify(self, x):
        return self.conv('discriminator.classifier', self.conv('discriminator.shared.0', x).relu())

    @staticmethod
    def cross_entropy(scores, labels, weight):
        total = count = 0
        for c in range(scores.shape[1]):
            here = labels == c
            total = total - (weight * scores.log_softmax(1)[:, c])[here].sum()
            count = count + weight[here].sum()
        return total / count

    def least_squares(self, x, label, keep):
        found = self.judge(x)[keep]
        if self.settings.get('released_loss'):
            return (found.sigmoid() - label).abs().mean()
        return ((found - label) ** 2).mean()

    @staticmethod
    def mmd(fake, real, labels):
        values = []
        for f, r, y in zip(fake, real, labels, strict=True):
            for label in sorted(set(y.flatten().tolist()) - {255}):
                a, b = f[:, y == label].T, r[:, y == label].T

                def kernel(x, y):
                    squared = (x[:, None] - y[None]).square().sum(2)
                    return sum(torch.exp(-squared / (2 * b)) for b in BANDWIDTHS).mean()

                values.append(((kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)) / 2).sqrt())
        return sum(values) / len(values)

    def targets(self, images, labels, sizes, shape):
        """Labels and weights at the size of the map, pixel by pixel."""
        height, width = shape
        step = images.shape[2] / height, images.shape[3] / width
        y = torch.full((len(images), height, width), 255)
        weight = torch.ones(y.shape, dtype=images.dtype)
        inside = torch.zeros(y.shape, dtype=torch.bool)
        for n in range(len(images)):
            for i in range(height):
                for j in range(width):
                    row, column = int(i * step[0]), int(j * step[1])
                    inside[n, i, j] = row < sizes[n][0] and column < sizes[n][1]
                    if int(labels[n, row, column]) in self.seen:
                        y[n, i, j] = labels[n, row, column]
        if self.settings['step'] != 'self_training':
            return y, weight
        student = self.p, self.backbone
        if self.settings.get('teacher') != 'online':
            self.p, self.backbone = self.frozen
        with torch.no_grad():
            probabilities = self.classify(self.encode(images, noise=False)[0]).softmax(1)
        self.p, self.backbone = student
        threshold = self.settings.get('threshold')
        pseudo = (y == 255) & inside
        for n in range(len(images)):
            found = {}
            for i, j in pseudo[n].nonzero().tolist():
                scores = {c: float(probabilities[n, c, i, j]) for c in self.unseen}
                label = max(scores, key=scores.get)
                if threshold is None or scores[label] > threshold:
                    y[n, i, j], found[i, j] = label, scores[label]
            if threshold is None:
                for (i, j), p in found.items():
                    annealed = torch.tensor(p - max(found.values()), dtype=images.dtype)
                    weight[n, i, j] = torch.exp(self.settings['temperature'] * annealed)
        return y, weight

    def maps(self, images, labels, sizes, x, y, weight):
        """X with labels and weights: of the image, of smaller ones, and the largest of each."""
        maps = [(x, y, weight)]
        for scale in self.settings.get('scales', ()):
            height, width = int(images.shape[2] * scale), int(images.shape[3] * scale)
            small = F.interpolate(images, (height, width), mode='bilinear')
            found = self.encode(small)[0]
            h, w = found.shape[2:]
            if self.settings['step'] == 'self_training':
                rows = torch.arange(h) * y.shape[1] // h
                columns = torch.arange(w) * y.shape[2] // w
                targets = y[:, rows][:, :, columns], weight[:, rows][:, :, columns]
            else:
                targets = self.targets(images, labels, sizes, (h, w))
            maps.append((found, *targets))
        if len(maps) > 1:
            largest = x
            for found, *_ in maps[1:]:
                resized = F.interpolate(found, x.shape[2:], mode='bilinear')
                largest = torch.where(resized > largest, resized, largest)
            maps.append((largest, y, weight))
        return maps

    def train(self, images: Tensor, labels: Tensor, sizes: list) -> dict[str, float]:
        """An iteration on real features; returns its losses."""
        s = self.settings
        x, z, mean, log_variance = self.encode(images)
        y, weight = self.targets(images, labels, sizes, x.shape[2:])
        keep = y != 255
        real, fake = x.detach(), self.generate(y, z.detach())
        maps = self.maps(images, labels, sizes, x, y, weight)
        ce = [self.cross_entropy(self.classify(m), *targets) for m, *targets in maps]
        e = {'decode.loss_ce': 0.5 * sum(ce) / len(ce)}
        if self.spatial:
            kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp())
            e['decode.loss_kl'] = 100 * kl.permute(0, 2, 3, 1)[keep].mean()
        g = {'generator.loss_mmd': 50 * self.mmd(fake, real, y)}
        ce = [self.cross_entropy(self.classify(m.detach()), *targets) for m, *targets in maps]
        d = {'loss_cls_real': s.get('real', 1) * sum(ce) / len(ce)}
        if s.get('fake'):
            found = self.cross_entropy(self.classify(fake.detach()), y, weight)
            d['loss_cls_fake'] = s['fake'] * found
        if self.adversarial:
            if s.get('adversarial_generator', True):
                g['generator.loss_adv'] = self.least_squares(fake, 1, keep)
            d['loss_real'] = self.least_squares(real, 1, keep)
            d['loss_fake'] = self.least_squares(fake.detach(), 0, keep)
        moving = [(g, self.adam_g, self.g), (d, self.adam_d, self.d)]
        if s['step'] != 'transfer':
            moving.append((e, self.sgd, self.e))
        self.update(*moving)
        losses = g | {f'discriminator.{name}': value for name, value in d.items()}
        if s['step'] != 'transfer':
            losses |= e
        return {name: float(value.detach()) for name, value in losses.items()}

    def transfer(self, images: Tensor) -> dict[str, float]:
        """An iteration on random classes."""
        with torch.no_grad():
            shape = self.backbone(images)[3].shape[2:]
        rates = torch.zeros(7, dtype=images.dtype)
        for c in self.seen:
            rates[c] = 1
        for c in self.unseen:
            rates[c] = 1 + self.settings['unseen_rate']
        y = torch.multinomial(rates, len(images) * shape.numel(), replacement=True)
        y = y.view(len(images), *shape)
        fake = self.generate(y, torch.randn(len(images), 8, *shape, dtype=images.dtype))
        ones = torch.ones(y.shape, dtype=images.dtype)
        loss = self.cross_entropy(self.classify(fake), y, ones)
        d = {'discriminator.loss_transfer': 0.125 * loss}
        g = {'generator.loss_transfer': self.settings['generator_transfer'] * loss}
        if not self.settings['generator_transfer']:
            g = {}
        self.update((d, self.adam_d, self.d), *([(g, self.adam_g, self.g)] if g else []))
        return {name: float(value.detach()) for name, value in (d | g).items()}

    @staticmethod
    def update(*moving):
        """All gradients, then all steps."""
        gradients = [
            torch.autograd.grad(sum(losses.values()), owned, retain_graph=True, allow_unused=True)
            for losses, _, owned in moving
        ]
        for (_, optimizer, owned), found in zip(moving, gradients, strict=True):
            for parameter, gradient in zip(owned, found, strict=True):
                parameter.grad = gradient
            optimizer.step()
