"""FixMatch, UniMatch and UniMatch V2 in plain PyTorch, one line after the other."""

import copy

import torch
import torch.nn.functional as F


class PlainWeakToStrong:
    """The algorithms with the options of ``tiny_views``; images and pixels one by one."""

    def __init__(self, model, method, threshold, momentum=0.7):
        self.method, self.threshold, self.momentum = method, threshold, momentum
        model = copy.deepcopy(model).train()
        self.student = torch.nn.ModuleList([model.backbone, model.decode_head.convs])
        self.teacher = copy.deepcopy(self.student).eval()
        self.sgd = torch.optim.SGD(self.student.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)

    @staticmethod
    def decode(network, features, size):
        scores = sum(conv(features[3]) for conv in network[1])
        return F.interpolate(scores, size, mode='bilinear', align_corners=True)

    def cross_entropy(self, scores, labels, confidence, padding):
        """Sum over the confident pixels, divided by all pixels that are no padding."""
        total, count = 0, 0
        log_p = scores.log_softmax(1)
        for n in range(len(labels)):
            image = ~padding[n]
            count += int(image.sum())
            confident = image & (confidence[n] >= self.threshold)
            picked = log_p[n].permute(1, 2, 0)[confident]
            total = total - picked[torch.arange(len(picked)), labels[n][confident]].sum()
        return total / count

    @staticmethod
    def paste(tensor, boxes):
        """Each box from the image at the mirrored place of the batch."""
        result = tensor.clone()
        for n, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
            result[n][..., y1:y2, x1:x2] = tensor[len(tensor) - 1 - n][..., y1:y2, x1:x2]
        return result

    def step(self, iteration, x, y, w, strong, boxes, padding):
        """One iteration; returns its losses and the share of confident pixels."""
        size, n_x, losses = x.shape[2:], len(x), {}
        if self.method == 'unimatch_v2':
            with torch.no_grad():
                p = self.decode(self.teacher, self.teacher[0](w), size).softmax(1)
            scores = self.decode(self.student, self.student[0](x), size)
        else:
            features = self.student[0](torch.cat([x, w]))
            if self.method == 'unimatch':
                dropped = [
                    f * torch.empty(*f.shape[:2], 1, 1).bernoulli_(0.5) * 2 for f in features
                ]
                scores_fp = self.decode(self.student, dropped, size)[n_x:]
            both = self.decode(self.student, features, size)
            scores, p = both[:n_x], both[n_x:].detach().softmax(1)
        confidence, labels = p.max(1)

        certain = torch.ones_like(y, dtype=torch.float)
        losses['decode.loss_ce'] = self.cross_entropy(scores, y.clamp(max=2), certain, y == 255)

        mixed = [self.paste(view, box) for view, box in zip(strong, boxes, strict=True)]
        features = self.student[0](torch.cat(mixed))
        if self.method == 'unimatch_v2':
            features = self.share_out(features, len(w))
        all_scores = self.decode(self.student, features, size).split(len(w))
        views = [
            self.cross_entropy(s, *(self.paste(t, box) for t in (labels, confidence, padding)))
            for s, box in zip(all_scores, boxes, strict=True)
        ]
        if self.method == 'fixmatch':
            losses['unlabeled.loss_strong'] = views[0]
        elif self.method == 'unimatch':
            losses['unlabeled.loss_strong'] = 0.25 * views[0] + 0.25 * views[1]
            losses['unlabeled.loss_feature'] = 0.5 * self.cross_entropy(
                scores_fp, labels, confidence, padding
            )
        else:
            losses['unlabeled.loss_strong'] = (views[0] + views[1]) / 2
        losses = {name: loss / 2 for name, loss in losses.items()}
        self.sgd.zero_grad()
        sum(losses.values()).backward()
        self.sgd.step()
        self.follow(iteration)
        image = ~padding
        ratio = ((confidence >= self.threshold) & image).sum() / image.sum()
        return losses, float(ratio)

    @staticmethod
    def share_out(features, number):
        """Complementary dropout, one image and channel after the other."""
        whole = torch.randperm(number) < number // 2
        results = []
        for level in features:
            draws = torch.rand(number, level.shape[1]) < 0.5
            result = level.clone()
            for n in range(number):
                for c in range(level.shape[1]):
                    m = 1 if whole[n] else 2 * int(draws[n, c])
                    result[n, c] = level[n, c] * m
                    result[number + n, c] = level[number + n, c] * (2 - m)
            results.append(result)
        return results

    @torch.no_grad()
    def follow(self, iteration):
        r = min(1 - 1 / (iteration + 1), self.momentum)
        values = self.student.state_dict()
        for name, mean in self.teacher.state_dict().items():
            if mean.dtype == torch.int64:
                mean.copy_(values[name])
            else:
                mean.copy_(r * mean + (1 - r) * values[name])
