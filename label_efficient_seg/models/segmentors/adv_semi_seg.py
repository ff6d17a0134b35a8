from dataclasses import dataclass, replace

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ...core.errors import UserError
from ...ops import class_scores, highest_share
from ..losses import masked_cross_entropy
from .adversarial_encoder_decoder import AdversarialEncoderDecoder
from .stream_encoder_decoder import Batches, Losses, LossParts


@dataclass(frozen=True)
class AdvSemiSegPredictions:
    """What the discriminator learns from; all detached and at image size.

    Attributes:
        labels (Tensor): Labels y of the labeled images, (N, H, W), int64.
        labeled (Tensor): S(x), class probabilities of the labeled images, (N, C, H, W).
        unlabeled (Tensor, optional): S(u) of the unlabeled images, (M, C, H', W'), if they were
            needed in this iteration.
        unlabeled_valid (Tensor, optional): Boolean mask of their pixels that are no padding,
            (M, H', W').
        real (Tensor, optional): Labels of the stream ``ground_truth``, (K, H, W), int64, if the
            model has it.
    """

    labels: Tensor
    labeled: Tensor
    unlabeled: Tensor | None = None
    unlabeled_valid: Tensor | None = None
    real: Tensor | None = None


@MODELS.register_module()
class AdvSemiSeg(AdversarialEncoderDecoder):
    """Adversarial learning for semi-supervised segmentation, on top of any ``EncoderDecoder``.

    With S the softmax output of the segmentor and D the sigmoid output of the discriminator, both
    at image size, for a labeled image x with labels y and an unlabeled image u::

        L_S = CE(S(x), y)         + lambda_adv_labeled   * BCE(D(S(x)), 1)
                                  + lambda_adv_unlabeled * BCE(D(S(u)), 1)
                                  + lambda_semi * mean over D(S(u)) > T of CE(S(u), argmax S(u))
        L_D = (BCE(D(S(x)), 0) + BCE(D(onehot(y)), 1)) / 2

    Unlabeled images carry no labels: of their ``gt_sem_seg`` only the padding (255)
    is read, see :class:`LoadValidMask`. In each iteration the labeled images run first, then the
    unlabeled ones; in the released code it is the other way round, which matters for the running
    statistics of batch norm only. Padded pixels are left out of all unlabeled terms, where
    the released code counts them: they hold no image content.

    Args:
        discriminator (dict): Config of a :class:`SegDiscriminator`.
        lambda_adv_labeled (float): Weight of the adversarial loss on labeled images.
        lambda_adv_unlabeled (float): Weight of the adversarial loss on unlabeled images.
        lambda_semi (float): Weight of the self-taught loss on unlabeled images.
        confidence_threshold (float): T, in [0, 1]: a pixel is self-taught where D's confidence is
            above it. 0.2 to 0.3 in the paper.
        confident_share (float, optional): Self-teach this share of a batch's unlabeled pixels
            instead, those with the highest confidence, in (0, 1]. Not in the paper: while D is
            young, its level moves, and a fixed T selects nearly all pixels or none.
        adv_start (int): First iteration of the adversarial loss on unlabeled images.
        semi_start (int): First iteration of the self-taught loss; D needs time to become
            meaningful.
        discriminate_unlabeled (bool): Also show D the predictions of unlabeled images as fakes.
            The paper trains D with labeled images only; the released code does this by default.
        ground_truth (bool): Take D's real maps y from a third stream, ``ground_truth``, instead of
            the labeled images of the same iteration. The released code does so: its maps come from
            a loader of their own, with other images and crops, and without padding.
        **kwargs: Arguments of ``EncoderDecoder``.

    Source: Hung et al., Adversarial Learning for Semi-Supervised Semantic Segmentation, BMVC 2018.
    """

    streams: tuple[str, ...] = ('labeled', 'unlabeled')

    def __init__(
        self,
        *,
        discriminator: dict,
        lambda_adv_labeled: float = 0.01,
        lambda_adv_unlabeled: float = 0.001,
        lambda_semi: float = 0.1,
        confidence_threshold: float = 0.2,
        confident_share: float | None = None,
        adv_start: int = 0,
        semi_start: int = 5000,
        discriminate_unlabeled: bool = False,
        ground_truth: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(discriminator=discriminator, **kwargs)
        if not 0 <= confidence_threshold <= 1:
            raise UserError(
                'confidence_threshold is a probability of the discriminator and must '
                f'lie in [0, 1], got {confidence_threshold}'
            )
        if confident_share is not None and not 0 < confident_share <= 1:
            raise UserError(f'confident_share is a share in (0, 1], got {confident_share}')
        self.lambda_adv_labeled = lambda_adv_labeled
        self.lambda_adv_unlabeled = lambda_adv_unlabeled
        self.lambda_semi = lambda_semi
        self.confidence_threshold = confidence_threshold
        self.confident_share = confident_share
        self.adv_start = adv_start
        self.semi_start = semi_start
        self.discriminate_unlabeled = discriminate_unlabeled
        if ground_truth:
            self.streams = (*self.streams, 'ground_truth')

    def check_schedule(self, max_iters: int) -> None:
        """Refuse losses that would start behind the end, see the parent class."""
        for name, weight in (('adv_start', 'lambda_adv_unlabeled'), ('semi_start', 'lambda_semi')):
            start, value = getattr(self, name), getattr(self, weight)
            if value > 0 and start >= max_iters:
                raise UserError(
                    f'{name} is {start}, but training ends after {max_iters} iterations, so the '
                    f'loss with {weight}={value} would never count; lower {name}, or set '
                    f'{weight}=0'
                )

    def segmentor_losses(self, batches: Batches, iteration: int) -> LossParts:
        """L_S of the class docstring; see the parent class for arguments and returns."""
        losses, predictions = self._labeled_losses(batches['labeled'])
        if 'ground_truth' in self.streams:
            real = self.labels(batches['ground_truth']['data_samples'])
            predictions = replace(predictions, real=real)
        learns = iteration >= min(self.adv_start, self.semi_start)
        if not (learns or self.discriminate_unlabeled):
            return losses, predictions
        if learns:
            yield losses
            losses = {}
        with torch.set_grad_enabled(learns):
            more, unlabeled, valid = self._unlabeled_losses(batches['unlabeled'], iteration)
        predictions = replace(predictions, unlabeled=unlabeled, unlabeled_valid=valid)
        return {**losses, **more}, predictions

    def _labeled_losses(self, batch: dict) -> tuple[Losses, AdvSemiSegPredictions]:
        """The terms of labeled images, and S(x), detached, with the labels."""
        inputs, samples = batch['inputs'], batch['data_samples']
        features = self.extract_feat(inputs)
        losses, logits = self.supervised_losses(features, samples)

        labels = self.labels(samples)
        valid = labels != self.decode_head.ignore_index
        probabilities = self.upsample(logits['main'], inputs).softmax(dim=1)
        losses['labeled.loss_adv'] = self.lambda_adv_labeled * self.discriminator.adversarial_loss(
            self.discriminator(probabilities), real=True, valid=valid
        )
        return losses, AdvSemiSegPredictions(labels, probabilities.detach())

    def _unlabeled_losses(self, batch: dict, iteration: int) -> tuple[Losses, Tensor, Tensor]:
        """The terms of unlabeled images, S(u), detached, and which of its pixels are valid."""
        logits = self.upsample(self.logits(self.extract_feat(batch['inputs'])), batch['inputs'])
        probabilities = logits.softmax(dim=1)
        valid = self.unlabeled_area(batch['data_samples'])
        losses = {}

        if iteration >= min(self.adv_start, self.semi_start):
            judgement = self.discriminator(probabilities)
        if iteration >= self.adv_start:
            losses['unlabeled.loss_adv'] = (
                self.lambda_adv_unlabeled
                * self.discriminator.adversarial_loss(judgement, real=True, valid=valid)
            )
        if iteration >= self.semi_start:
            selected = self._selected(self.discriminator.confidence(judgement)[:, 0], valid)
            losses['unlabeled.loss_semi'] = self.lambda_semi * masked_cross_entropy(
                logits, logits.detach().max(dim=1).indices, weight=selected
            )
            losses['unlabeled.selected_ratio'] = selected.sum() / valid.sum().clamp(min=1)
        return losses, probabilities.detach(), valid

    def _selected(self, confidence: Tensor, valid: Tensor) -> Tensor:
        """Which valid pixels are self-taught, by D's confidence; all (M, H', W')."""
        if self.confident_share is None:
            return valid & (confidence > self.confidence_threshold)
        return valid & highest_share(confidence, valid, self.confident_share)

    def discriminator_losses(self, predictions: AdvSemiSegPredictions) -> dict[str, Tensor]:
        """L_D of the class docstring; see the parent class for arguments and returns."""
        fakes = [predictions.labeled]
        masks = [predictions.labels != self.decode_head.ignore_index]
        if self.discriminate_unlabeled and predictions.unlabeled is not None:
            fakes.append(predictions.unlabeled)
            masks.append(predictions.unlabeled_valid)
        labels = predictions.labels if predictions.real is None else predictions.real
        real = one_hot(labels, self.num_classes).to(predictions.labeled)
        real_valid = labels != self.decode_head.ignore_index
        loss_fake, acc_fake = self.discriminator.loss(fakes, False, masks)
        loss_real, acc_real = self.discriminator.loss([real], True, [real_valid])
        return dict(
            loss_fake=0.5 * loss_fake,
            loss_real=0.5 * loss_real,
            acc_fake=acc_fake,
            acc_real=acc_real,
        )

    @torch.no_grad()
    def confidence(self, seg_logits: Tensor) -> Tensor:
        """D's belief that a prediction is ground truth.

        Args:
            seg_logits (Tensor): Scores at image size, (N, C, H, W), or (N, 1, H, W) of a binary
                head with ``out_channels=1``.

        Returns:
            Tensor: (N, 1, H, W) in [0, 1].
        """
        return self.discriminator.confidence(
            self.discriminator(class_scores(seg_logits).softmax(dim=1))
        )


def one_hot(labels: Tensor, num_classes: int) -> Tensor:
    """One-hot maps of labels.

    Args:
        labels (Tensor): (N, H, W), int64. Values outside [0, num_classes), such as the ignore
            index, give a pixel with zeros in all channels.
        num_classes (int): C.

    Returns:
        Tensor: (N, C, H, W), float32.
    """
    classes = torch.arange(num_classes, device=labels.device)
    return (labels[..., None] == classes).permute(0, 3, 1, 2).float()
