from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError

Features = Tensor | Sequence[Tensor]


@MODELS.register_module()
class CAMClsHead(BaseModule):
    """Classifier of image-level labels whose weights also give class activation maps.

    It is the head of mmpretrain's ``ImageClassifier``, on any backbone of MMSeg or mmpretrain. With
    f the backbone's last feature map and w_c the weights of output c, which stands for class c + 1
    of the dataset, as class 0 is the background::

        score_c = mean over positions x of w_c . dropout(f(x))        CAM_c(x) = relu(w_c . f(x))

    Args:
        in_channels (int): Channels of the backbone's last feature map.
        num_classes (int): Number of foreground classes.
        dropout (float): Rate at which channels of the feature map are dropped in training.
        threshold (float): Probability from which a class is in ``pred_label``.
        init_cfg (dict, optional): Initialisation; Xavier's, uniform, when absent.

    Source: Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016; Ahn &
    Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        dropout: float = 0.5,
        threshold: float = 0.5,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Xavier', layer='Conv2d', distribution='uniform'))
        self.num_classes, self.threshold = num_classes, threshold
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(in_channels, num_classes, 1, bias=False)

    def forward(self, features: Features) -> Tensor:
        """Classify images.

        Args:
            features (Tensor | Sequence[Tensor]): Feature maps of the backbone; the last is read.

        Returns:
            Tensor: Logits, shape (N, num_classes).
        """
        return self.classifier(self.pre_logits(features)).flatten(1)

    def pre_logits(self, features: Features) -> Tensor:
        """What is classified, shape (N, in_channels, 1, 1)."""
        return F.adaptive_avg_pool2d(self.dropout(_last(features)), 1)

    def activation_maps(self, features: Features) -> Tensor:
        """Class activation maps.

        Args:
            features (Tensor | Sequence[Tensor]): Feature maps of the backbone; the last is read.

        Returns:
            Tensor: Not normalised and nowhere negative, shape (N, num_classes, h, w).
        """
        return self.classifier(_last(features)).relu()

    def loss(self, features: Features, data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """Binary cross entropy of each class, averaged over classes and images.

        Args:
            features (Tensor | Sequence[Tensor]): Feature maps of the backbone.
            data_samples (Sequence[DataSample]): mmpretrain's, with ``gt_label``.

        Returns:
            dict[str, Tensor]: The loss, ``loss_cls``.
        """
        logits = self(features)
        targets = torch.zeros_like(logits, dtype=torch.float32)
        for target, sample in zip(targets, data_samples, strict=True):
            target[sample.gt_label] = 1
        return dict(loss_cls=F.multilabel_soft_margin_loss(logits.float(), targets))

    def predict(self, features: Features, data_samples: Sequence[Any]) -> list[Any]:
        """Probabilities of the classes.

        Args:
            features (Tensor | Sequence[Tensor]): Feature maps of the backbone.
            data_samples (Sequence[DataSample]): mmpretrain's.

        Returns:
            list[DataSample]: The same, with ``pred_score``, shape (num_classes,), and
            ``pred_label``, the classes whose probability reaches the threshold.
        """
        for sample, score in zip(data_samples, self(features).sigmoid(), strict=True):
            label = (score >= self.threshold).nonzero()[:, 0]
            sample.set_pred_score(score).set_pred_label(label)
        return list(data_samples)


def _last(features: Features) -> Tensor:
    """With a single index, some of MMSeg's backbones give a tensor instead of a tuple."""
    last = features if isinstance(features, Tensor) else features[-1]
    if not isinstance(last, Tensor) or last.ndim != 4:
        shape = tuple(last.shape) if isinstance(last, Tensor) else type(last).__name__
        raise UserError(
            f'the backbone gives {shape} instead of a feature map (N, C, h, w), of which class '
            "activation maps are made; set out_type='featmap' in a VisionTransformer, or "
            'gap_before_final_norm=False in a ConvNeXt, of mmpretrain'
        )
    return last
