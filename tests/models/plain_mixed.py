"""DACS, DAFormer and MIC in plain PyTorch, one image after the other."""

import copy
import math

import torch
import torch.nn.functional as F


class PlainMixedSelfTraining:
    """The algorithms with the options of ``tiny_mixed``.

    Args:
        model: Whose weights it starts from.
        augment: Augments normalised images: (images, view) -> images.
    """

    def __init__(self, model, augment, momentum=0.7, threshold=0.9):
        self.model, self.augment = model, augment
        self.momentum, self.threshold = momentum, threshold
        copied = copy.deepcopy(model).train()
        self.student = torch.nn.ModuleList([copied.backbone, copied.decode_head.convs])
        self.initial = copy.deepcopy(self.student[0])
        self.initial.eval()
        self.teacher = copy.deepcopy(self.student).eval()
        self.sgd = torch.optim.SGD(self.student.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)

    @staticmethod
    def scores(network, images):
        features = network[0](images)
        small = sum(conv(features[3]) for conv in network[1])
        size = images.shape[2:]
        return F.interpolate(small, size, mode='bilinear', align_corners=True), features

    @staticmethod
    def supervised(scores, labels):
        keep = labels != 255
        log_p = scores.log_softmax(1).permute(0, 2, 3, 1)[keep]
        return -log_p[torch.arange(len(log_p)), labels[keep]].mean()

    def weighted(self, images, labels, weight):
        """Sum of weight * CE over the labeled pixels, divided by all pixels."""
        scores, _ = self.scores(self.student, images)
        log_p, total = scores.log_softmax(1), 0
        for n in range(len(images)):
            keep = labels[n] != 255
            picked = log_p[n].permute(1, 2, 0)[keep]
            picked = picked[torch.arange(len(picked)), labels[n][keep]]
            total = total - (weight[n][keep] * picked).sum()
        return total / labels.numel()

    def feature_distance(self, features, x, y):
        """Blocks with 3/4 of their pixels of a thing class, one by one."""
        initial = self.initial(x)[3].detach()
        number, _, height, width = features.shape
        distances = []
        for n in range(number):
            for i in range(height):
                for j in range(width):
                    rows = slice(i * y.shape[1] // height, -(-(i + 1) * y.shape[1] // height))
                    columns = slice(j * y.shape[2] // width, -(-(j + 1) * y.shape[2] // width))
                    block = y[n, rows, columns]
                    if any(4 * int((block == c).sum()) >= 3 * block.numel() for c in (1, 2)):
                        distances.append((features[n, :, i, j] - initial[n, :, i, j]).norm())
        return sum(distances) / len(distances), len(distances)

    @staticmethod
    def class_mask(y):
        """Half of the classes of each image, rounded up, by three draws and one more."""
        draws, mask = torch.rand(len(y), 4), torch.zeros_like(y, dtype=torch.bool)
        for n, labels in enumerate(y):
            classes = [c for c in range(3) if (labels == c).any()]
            classes.sort(key=lambda c, n=n: float(draws[n, c]))
            for c in classes[: math.ceil(len(classes) / 2)]:
                mask[n] |= labels == c
        return mask

    def step(self, t, x, y, u, padding, labeled_target=None):
        """One iteration; returns its losses, the weights q and the number of thing blocks."""
        options, losses, blocks = self.model, {}, 0
        self.follow(t)
        if options.clean_statistics:
            with torch.no_grad():
                self.scores(self.student, u)
        with torch.no_grad():
            confidence, y_u = self.scores(self.teacher, u)[0].softmax(1).max(1)
        q, weight = [], torch.zeros(y_u.shape)
        for n in range(len(u)):
            image = ~padding[n]
            q.append(float(((confidence[n] >= self.threshold) & image).sum() / image.sum()))
            weight[n][image] = q[n]

        scores, features = self.scores(self.student, x)
        losses['decode.loss_ce'] = self.supervised(scores, y)
        if options.lambda_feature:
            distance, blocks = self.feature_distance(features[3], x, y)
            losses['source.loss_feature'] = 0.3 * distance
        if labeled_target is not None:
            images, labels = labeled_target
            loss = self.supervised(self.scores(self.student, images)[0], labels)
            losses['labeled_target.decode.loss_ce'] = loss

        clean = [buffer.clone() for buffer in self.student.buffers()]
        mask = self.class_mask(y)
        x_m, y_m, q_m = u.clone(), y_u.clone(), weight.clone()
        for n, m in enumerate(mask):
            x_m[n][:, m], y_m[n][m], q_m[n][m] = x[n][:, m], y[n][m], 1.0
        losses['mixed.loss_ce'] = self.weighted(self.augment(x_m, 0), y_m, q_m)

        if options.mask_ratio:
            if options.mask_source:
                half = math.ceil(len(u) / 2)
                images = torch.stack([*x[:half], *u[half:]])
                labels = torch.stack([*y[:half], *y_u[half:]])
                weight = torch.stack([torch.ones(y.shape[1:])] * half + [*weight[half:]])
            else:
                images, labels = self.augment(u, 1), y_u
            height, width = u.shape[2:]
            draws = torch.rand(len(u), 1, math.ceil(height / 8), math.ceil(width / 8))
            images = images.clone()
            for n in range(len(u)):
                for i in range(height):
                    for j in range(width):
                        if draws[n, 0, i // 8, j // 8] < 0.6:
                            images[n, :, i, j] = 0
            losses['masked.loss_ce'] = self.weighted(images, labels, weight)

        self.sgd.zero_grad()
        sum(losses.values()).backward()
        self.sgd.step()
        if options.clean_statistics:
            for buffer, value in zip(self.student.buffers(), clean, strict=True):
                buffer.copy_(value)
        return losses, q, blocks

    @torch.no_grad()
    def follow(self, t):
        """As released: before iteration t, of the student that t iterations have trained."""
        r = min(1 - 1 / (t + 1), self.momentum)
        values = self.student.state_dict()
        for name, mean in self.teacher.state_dict().items():
            whole = mean.dtype == torch.int64 or t == 0
            mean.copy_(values[name] if whole else r * mean + (1 - r) * values[name])
