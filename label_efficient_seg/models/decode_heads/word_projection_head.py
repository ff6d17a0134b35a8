import os
from collections.abc import Mapping, Sequence

import torch
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from ...datasets.files.zero_shot_classes import zero_shot_classes
from ...ops import calibrated_scores, hide_labels
from ..losses import pixel_losses
from .deeplabv2_head import DeepLabV2Head

# Far below any score, and yet finite: resized maps stay what they are, and half precision has it.
NEVER = -1e4


@MODELS.register_module()
class WordProjectionHead(DeepLabV2Head):
    """SPNet: class scores are products of a pixel's feature with fixed word vectors.

    Parallel dilated convolutions map to a feature as long as a word vector. Training compares the
    seen classes only, and counts pixels of seen classes only; prediction compares seen and unseen
    ones.

    Args:
        in_channels (int): Channels of the feature map that ``in_index`` selects.
        num_classes (int): Number of classes.
        classes (str | Sequence[str]): Their names, or the dataset that has them.
        split (str | Mapping[str, Sequence[str]]): Which are seen, as :func:`class_split` takes it.
        embeddings (str | os.PathLike | Sequence): Word vectors, as :func:`load_class_embeddings`
            takes them.
        seen_bias (float): Calibrated stacking, SPNet-c: subtracted from the scores of seen classes
            in prediction.
        **kwargs: Further arguments of :class:`DeepLabV2Head`.

    Source: Xian et al., Semantic Projection Network, CVPR 2019.
    """

    #: What its prediction needs that a plain ``EncoderDecoder`` lacks.
    not_publishable = 'the word vectors of the classes and the class split'

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        classes: str | Sequence[str],
        split: str | Mapping[str, Sequence[str]],
        embeddings: str | os.PathLike | Sequence[str | os.PathLike],
        seen_bias: float = 0.0,
        **kwargs,
    ) -> None:
        known = zero_shot_classes(classes, split, embeddings, num_classes)
        length = known.vectors.shape[1]
        # The convolutions have the length of a word vector in place of the classes.
        super().__init__(in_channels, length, **kwargs)
        self.num_classes = self.out_channels = num_classes
        self.embeddings = nn.Parameter(torch.from_numpy(known.vectors), requires_grad=False)
        self.split = known.split
        self.seen_bias = seen_bias

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compare each position with all classes; arguments and returns are the parent's."""
        features = super().forward(inputs)
        return torch.einsum('nfhw,cf->nchw', features, self.embeddings)

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> dict:
        """Losses among the seen classes; arguments and returns are those of ``BaseDecodeHead``."""
        seg_logits = _without(seg_logits, self.split.unseen + self.split.ignored)
        return pixel_losses(self, seg_logits, batch_data_samples)

    def predict_by_feat(self, seg_logits: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Scores at image size, calibrated; arguments are those of ``BaseDecodeHead``."""
        seg_logits = calibrated_scores(seg_logits, self.split.seen, self.seen_bias)
        return super().predict_by_feat(_without(seg_logits, self.split.ignored), batch_img_metas)

    def _stack_batch_gt(self, batch_data_samples: SampleList) -> Tensor:
        labels = super()._stack_batch_gt(batch_data_samples)
        return hide_labels(labels, self.split.seen, self.ignore_index)


def _without(scores: Tensor, classes: Sequence[int]) -> Tensor:
    return scores.index_fill(1, torch.tensor(classes, device=scores.device).long(), NEVER)
