import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapperDict
from mmseg.registry import MODELS
from torch import Tensor

from ...core.errors import UserError
from ...ops import box_masks, complementary_dropout, mix
from ..losses import masked_mean
from .decoding import map_tensors
from .mean_teacher import MeanTeacher
from .stream_encoder_decoder import (
    Batches,
    Losses,
    LossParts,
    StreamEncoderDecoder,
)


@MODELS.register_module()
class WeakToStrong(StreamEncoderDecoder):
    """Weak-to-strong consistency on top of any ``EncoderDecoder``: FixMatch, UniMatch, UniMatch V2.

    With S the segmentor, T the teacher or, without one, S itself, for a labeled image x with labels
    y, and the weak view w and strong views s_v of an unlabeled image::

        c, y_w = max, argmax of softmax T(w)                         no gradient
        s_v, y_v, c_v = box_v of the image reversed in the batch, else of the image itself
        L_v  = sum over pixels of [c_v >= threshold] CE(S(s_v), y_v) / number of pixels
        L_fp = sum over pixels of [c >= threshold] CE(S(w) from dropped features, y_w) / same
        L    = (CE(S(x), y) + lambda_strong * mean over v of L_v + lambda_feature * L_fp) / 2

    | | views | teacher_momentum | feature_dropout | complementary | lambda_strong |
    |-|-|-|-|-|-|
    | FixMatch | 1 | None | 0 | no | 1 |
    | UniMatch | 2 | None | 0.5 | no | 0.5 |
    | UniMatch V2 | 2 | 0.996 | 0 | yes | 1 |

    The number of views is the data preprocessor's, a :class:`StrongViewsPreProcessor`. Padded
    pixels are in no unlabeled term and not counted; pixels below the threshold are counted, or a
    few certain and wrong ones would rule the first iterations. Without a teacher, x and w are one
    batch in training mode, whose statistics batch norm uses; w is not predicted a second time.

    The released UniMatch pastes from a second reading of the same images, which a shared sampler
    orders alike, and so mixes an image with itself; here the partner is another image.

    Args:
        confidence_threshold (float): Smallest confidence of a pseudo label, in [0, 1].
        teacher_momentum (float, optional): Momentum of a :class:`MeanTeacher`; no teacher if None.
        feature_dropout (float): Probability to drop a channel of S(w)'s features, in [0, 1); 0
            switches L_fp off. The levels are dropped independently.
        complementary (bool): Whether two strong views share out the channels, see
            :func:`complementary_dropout`.
        lambda_strong (float): Weight of the strong views.
        lambda_feature (float): Weight of the perturbed features.
        **kwargs: Arguments of ``EncoderDecoder``.

    Source: Sohn et al., FixMatch, NeurIPS 2020; Yang et al., UniMatch, CVPR 2023, and UniMatch V2,
    TPAMI 2025.
    """

    streams = ('labeled', 'unlabeled')

    def __init__(
        self,
        *,
        confidence_threshold: float = 0.95,
        teacher_momentum: float | None = None,
        feature_dropout: float = 0.0,
        complementary: bool = False,
        lambda_strong: float = 1.0,
        lambda_feature: float = 0.5,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if feature_dropout and teacher_momentum is not None:
            raise UserError(
                'feature_dropout perturbs the prediction of the weak view by the segmentor, which '
                'does not see it when a teacher predicts it; set feature_dropout=0 or '
                'teacher_momentum=None'
            )
        if hasattr(self.decode_head, 'loss_parts') and (feature_dropout or complementary):
            raise UserError('HRDA cannot drop features; set feature_dropout=0, complementary=False')
        self.confidence_threshold = confidence_threshold
        self.feature_dropout = feature_dropout
        self.complementary = complementary
        self.lambda_strong, self.lambda_feature = lambda_strong, lambda_feature
        self.teacher = None if teacher_momentum is None else MeanTeacher(self, teacher_momentum)

    def train_step(self, data: Batches, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Update the segmentor, then its teacher; see the parent class."""
        if self.teacher is None:
            return super().train_step(data, optim_wrapper)
        with self.teacher.following(self, optim_wrapper['segmentor']):
            return super().train_step(data, optim_wrapper)

    def segmentor_losses(self, batches: Batches, iteration: int) -> LossParts:
        """L of the class docstring; see the parent class for arguments and returns."""
        _check(batches)
        losses, pseudo_labels, confidence = self._weak_losses(batches)
        yield {name: v / 2 if 'loss' in name else v for name, v in losses.items()}

        valid = self.unlabeled_area(batches['unlabeled']['data_samples'])
        strong = self._strong_losses(batches['unlabeled'], pseudo_labels, confidence, valid)
        confident = (confidence >= self.confidence_threshold).to(confidence.dtype)
        losses = {
            'unlabeled.loss_strong': self.lambda_strong * strong / 2,
            'unlabeled.confident_ratio': masked_mean(confident, valid),
        }
        return losses, None

    def _weak_losses(self, batches: Batches) -> tuple[Losses, Tensor, Tensor]:
        """The terms of images that are not augmented strongly, y and c."""
        x, w = batches['labeled']['inputs'], batches['unlabeled']['inputs']
        samples = batches['labeled']['data_samples']
        perturbed = None
        if self.teacher is not None:
            losses, _ = self.supervised_losses(self.extract_feat(x), samples)
            with torch.no_grad():
                logits_w = self.teacher.network.logits(self.teacher.network.extract_feat(w))
        else:
            features = self.extract_feat(torch.cat([x, w]))
            if self.feature_dropout:
                # One pass of the head decodes both, as batch norm sees them together.
                features = map_tensors(self._with_dropped, features)
            losses, logits = self.supervised_losses(features, samples)
            scores, *dropped = logits['main'].split(len(x) + len(w))
            logits_w = scores[len(x) :].detach()
            perturbed = dropped[0][len(x) :] if dropped else None
        confidence, pseudo_labels = self.upsample(logits_w, w).softmax(dim=1).max(dim=1)
        if perturbed is not None:
            valid = self.unlabeled_area(batches['unlabeled']['data_samples'])
            losses['unlabeled.loss_feature'] = self.lambda_feature * self._consistency(
                perturbed, pseudo_labels, confidence, valid
            )
        return losses, pseudo_labels, confidence

    def _with_dropped(self, features: Tensor) -> Tensor:
        return torch.cat([features, F.dropout2d(features, self.feature_dropout)])

    def _strong_losses(
        self, batch: dict, labels: Tensor, confidence: Tensor, valid: Tensor
    ) -> Tensor:
        """Mean over the views of L_v."""
        strong, *targets = self.mixed_views(batch, labels, confidence, valid)
        features = self.extract_feat(strong.flatten(0, 1))
        if self.complementary:
            features = complementary_dropout(features)
        views = self.logits(features).chunk(len(strong))
        losses = [self._consistency(*view) for view in zip(views, *targets, strict=True)]
        return torch.stack(losses).mean()

    @staticmethod
    def mixed_views(
        batch: dict, labels: Tensor, confidence: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """s_v (V, N, 3, H, W), y_v, c_v and validity (V, N, H, W), partners' boxes pasted in."""
        masks = box_masks(batch['boxes'], (labels.shape[1], labels.shape[2]))  # (V, N, H, W)
        strong = mix(masks, batch['strong'].flip(1), batch['strong'])
        y, c, area = (mix(masks, t.flip(0), t) for t in (labels, confidence, valid))
        return strong, y, c, area

    def _consistency(
        self, logits: Tensor, labels: Tensor, confidence: Tensor, valid: Tensor
    ) -> Tensor:
        values = F.cross_entropy(self.upsample(logits, labels), labels, reduction='none')
        return masked_mean(values * (confidence >= self.confidence_threshold), valid)


def _check(batches: Batches) -> None:
    labeled, unlabeled = (batches[name]['inputs'].shape for name in ('labeled', 'unlabeled'))
    if 'strong' not in batches['unlabeled']:
        raise UserError(
            'WeakToStrong needs strong views of the unlabeled images: end the pipeline of '
            'train_dataloader.unlabeled with PackStrongViews in place of PackSegInputs, and set '
            "model.data_preprocessor.type='StrongViewsPreProcessor'"
        )
    if unlabeled[0] < 2:
        raise UserError(
            'a batch of one unlabeled image has no other image to mix with; set '
            'train_dataloader.unlabeled.batch_size to 2 or more'
        )
    if labeled[-2:] != unlabeled[-2:]:
        raise UserError(
            f'labeled crops of {tuple(labeled[-2:])} and unlabeled crops of '
            f'{tuple(unlabeled[-2:])} (height, width) cannot be one batch; make them the same size'
        )
