import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapperDict
from mmseg.registry import MODELS
from mmseg.utils import add_prefix
from torch import Tensor, nn

from ...core.errors import UserError
from ...core.labels import IGNORE
from ...ops import block_masks, class_masks, mix
from ..losses import feature_distance
from .mean_teacher import MeanTeacher
from .norm_statistics import frozen_statistics
from .stream_encoder_decoder import (
    Batches,
    Losses,
    LossParts,
    StreamEncoderDecoder,
)

Images = tuple[Tensor, Tensor, Tensor]


@MODELS.register_module()
class MixedSelfTraining(StreamEncoderDecoder):
    """Domain adaptation by self-training on mixed images: DACS, DAFormer, MIC.

    With S the segmentor, T its teacher, F the last features of S and F0 those of the initial
    network, for a source image x with labels y and a target image u::

        c, y_u = max, argmax of softmax T(u)                         no gradient
        q      = share of the pixels of u with c >= threshold        one weight for an image
        M      = pixels of half of the classes of y                  drawn for each image
        x_m, y_m, q_m = M * (x, y, 1) + (1 - M) * (u, y_u, q)
        L_mix  = mean of q_m * CE(S(augment(x_m)), y_m)              over all pixels
        L_mask = mean of q * CE(S(K * augment(u)), y_u)              K: blocks that stay
        L_feat = mean of |F(x) - F0(x)|                              over blocks of things
        L      = CE(S(x), y) + L_mix + L_mask + lambda_feature * L_feat

    DACS has L_mix alone; DAFormer adds L_feat and a :class:`RareClassDataset` of source images, and
    MIC L_mask. :class:`PackStrongViews`, at the end of the pipeline of u, draws the augmentations
    of x_m and of u. Where ``gt_sem_seg`` of u is 255 (padding, margins), q is 0.

    Args:
        confidence_threshold (float): Of the pixels that q counts, in [0, 1].
        teacher_momentum (float): Momentum of the :class:`MeanTeacher`.
        lambda_feature (float): Weight of L_feat; 0 switches it off, and F0 is not kept.
        feature_classes (Sequence[int]): Indices of the classes of things.
        mask_ratio (float): Share of the blocks that K masks; 0 switches L_mask off.
        mask_block (int): Side of a block in pixels.
        mask_source (bool): Whether to mask half of u and the other half of x, not augmented, as
            between domains of real images.
        labeled_target (bool): Whether a third stream, ``labeled_target``, adds its cross entropy.
        clean_statistics (bool): Whether the running statistics of batch norm are those of x and
            u, at the price of a forward pass, and not as released those of all that S sees.
        **kwargs: Arguments of ``EncoderDecoder``.

    Source: Tranheden et al., DACS, WACV 2021; Hoyer et al., DAFormer, CVPR 2022, and MIC, CVPR
    2023.
    """

    def __init__(
        self,
        *,
        confidence_threshold: float = 0.968,
        teacher_momentum: float = 0.999,
        lambda_feature: float = 0.0,
        feature_classes: Sequence[int] = (),
        mask_ratio: float = 0.0,
        mask_block: int = 32,
        mask_source: bool = False,
        labeled_target: bool = False,
        clean_statistics: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if lambda_feature and (self.with_neck or not feature_classes):
            raise UserError(
                'lambda_feature compares features of the backbone where feature_classes are; set '
                'feature_classes to the indices of things, without a neck, or lambda_feature=0'
            )
        self.streams = ('source', 'target') + ('labeled_target',) * labeled_target
        self.confidence_threshold = confidence_threshold
        self.lambda_feature, self.feature_classes = lambda_feature, tuple(feature_classes)
        self.mask_ratio, self.mask_block = mask_ratio, mask_block
        self.mask_source = mask_source
        self.clean_statistics = clean_statistics
        # In a tuple it is no child: neither trained nor in the checkpoint.
        self._initial: tuple[nn.Module, ...] = ()
        self.teacher = MeanTeacher(self, teacher_momentum)

    def init_weights(self) -> None:
        """Initialise, and keep F0 as it is then, whatever checkpoint is loaded afterwards."""
        super().init_weights()
        if self.lambda_feature:
            self._initial = (copy.deepcopy(self.backbone).requires_grad_(False),)
            self._initial[0].eval()  # returns nothing for some backbones of MMSeg

    def _apply(self, fn: Callable, recurse: bool = True) -> 'MixedSelfTraining':
        """F0 goes to the device of the model, though it is no child."""
        for network in self._initial:
            network._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def train_step(self, data: Batches, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Update the segmentor, then its teacher; see the parent class."""
        with self.teacher.following(self, optim_wrapper['segmentor'], first=1):
            return super().train_step(data, optim_wrapper)

    def segmentor_losses(self, batches: Batches, iteration: int) -> LossParts:
        """L of the class docstring; see the parent class for arguments and returns."""
        source, target = batches['source'], batches['target']
        x, u = (tuple(batch['inputs'].shape) for batch in (source, target))
        if x != u:
            raise UserError(
                f'source images {x} and target images {u} (N, C, H, W) cannot be mixed; give both '
                'streams the same batch_size and crop size'
            )
        y_u, q = self.pseudo_labels(target)
        for name in self.streams:
            if name != 'target':
                yield self.labeled_losses(name, batches[name])
        losses = self.mixed_losses(source, target, y_u, q)
        if self.mask_ratio:
            yield losses
            losses = self.masked_losses(source, target, y_u, q)
        return {**losses, 'target.weight': q.mean()}, None

    @torch.no_grad()
    def pseudo_labels(self, target: dict) -> tuple[Tensor, Tensor]:
        """y_u and q, both (N, H, W)."""
        u, valid = target['inputs'], self.unlabeled_area(target['data_samples'])
        if self.clean_statistics:
            self.logits(self.extract_feat(u))
        teacher = self.teacher.network
        scores = self.upsample(teacher.logits(teacher.extract_feat(u)), u)
        confidence, y_u = scores.softmax(dim=1).max(dim=1)
        confident = valid & (confidence >= self.confidence_threshold)
        q = confident.sum(dim=(1, 2)) / valid.sum(dim=(1, 2)).clamp(min=1)
        return y_u, q[:, None, None].to(scores.dtype) * valid

    def labeled_losses(self, stream: str, batch: dict) -> Losses:
        """The cross entropy of a labeled stream, and L_feat of the source."""
        x, samples = batch['inputs'], batch['data_samples']
        features = self.extract_feat(x)
        losses, _ = self.supervised_losses(features, samples)
        if stream != 'source':
            return add_prefix(losses, stream)
        if self.lambda_feature:
            network = self._initial[0]
            with torch.no_grad():
                # The windows of HRDA have no part in L_feat.
                initial = getattr(network, 'context', network)(x)[-1]
            y, things = self.labels(samples), self.feature_classes
            distance = feature_distance(features[-1], initial, y, things, self.num_classes)
            losses['source.loss_feature'] = self.lambda_feature * distance
        return losses

    def mixed_losses(self, source: dict, target: dict, y_u: Tensor, q: Tensor) -> Losses:
        """L_mix."""
        return {'mixed.loss_ce': self._cross_entropy(*self.mixed_images(source, target, y_u, q))}

    def mixed_images(self, source: dict, target: dict, y_u: Tensor, q: Tensor) -> Images:
        """augment(x_m), y_m and q_m."""
        y = self.labels(source['data_samples'])
        masks = class_masks(y, self.num_classes)
        x_m = mix(masks, source['inputs'], target['inputs'])
        x_m = self.data_preprocessor.strong_view(x_m, target['data_samples'], view=0)
        return x_m, mix(masks, y, y_u), mix(masks, torch.ones_like(q), q)

    def masked_losses(self, source: dict, target: dict, y_u: Tensor, q: Tensor) -> Losses:
        """L_mask."""
        return {'masked.loss_ce': self._cross_entropy(*self.masked_images(source, target, y_u, q))}

    def masked_images(self, source: dict, target: dict, y_u: Tensor, q: Tensor) -> Images:
        """K * augment(u), or what takes its place, with its labels and weights."""
        u = target['inputs']
        if self.mask_source:
            half, y = len(u) - len(u) // 2, self.labels(source['data_samples'])
            u = torch.cat([source['inputs'][:half], u[half:]])
            y_u = torch.cat([y[:half], y_u[half:]])
            q = torch.cat([torch.ones_like(q[:half]), q[half:]])
        else:
            u = self.data_preprocessor.strong_view(u, target['data_samples'], view=1)
        return u * block_masks(u, self.mask_block, self.mask_ratio), y_u, q

    def _cross_entropy(self, images: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
        with frozen_statistics(self) if self.clean_statistics else nullcontext():
            parts = self.loss_parts(self.extract_feat(images))
        loss = images.new_zeros(())
        for share, scores, area in parts:
            y, w = labels[area], weight[area]
            scores = self.upsample(scores, y)
            values = F.cross_entropy(scores, y, ignore_index=IGNORE, reduction='none')
            loss = loss + share * (w * values).mean()
        return loss
