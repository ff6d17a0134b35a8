from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.cascade_decode_head import BaseCascadeDecodeHead
from mmseg.registry import MODELS
from mmseg.utils import SampleList, add_prefix
from torch import Tensor, nn

from ..losses import head_losses

CascadeOutputs = tuple[list[Tensor], list[Tensor]]


class CascadeHead(nn.ModuleList):
    """Decode heads of which each refines the scores of the one before, as one head.

    It has the parameter names and the losses of MMSeg's ``CascadeEncoderDecoder``, which passes the
    features through all heads but the last one twice. Here each head sees them once.

    Args:
        stages (Sequence[dict]): Configs of the heads, the first one an ordinary decode head and the
            others ``BaseCascadeDecodeHead``.
    """

    def __init__(self, stages: Sequence[dict]) -> None:
        super().__init__(MODELS.build(stage) for stage in stages)
        last = self[-1]
        self.align_corners, self.ignore_index = last.align_corners, last.ignore_index
        self.num_classes, self.out_channels = last.num_classes, last.out_channels

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Class scores of the last stage, (N, C, h, w)."""
        return self[-1](features, self._before_last(features)[-1])

    def decode(
        self, features: Sequence[Tensor], test_cfg: dict | None
    ) -> tuple[CascadeOutputs, Tensor]:
        """Run all stages.

        Args:
            features (Sequence[Tensor]): Output of ``extract_feat``.
            test_cfg (dict, optional): Settings of a last stage that predicts in a way of its own,
                as a ``PointHead``, which scores some points again on finer and finer maps.

        Returns:
            tuple[CascadeOutputs, Tensor]: What :meth:`losses` needs, and the class scores that the
            cascade predicts, (N, C, h, w).
        """
        scores = self._before_last(features)
        last = self[-1]
        if _is_plain(last):
            scores.append(last(features, scores[-1]))
        else:
            cfg = test_cfg or {}
            scale = cfg.get('scale_factor', 1) ** cfg.get('subdivision_steps', 0)
            size = torch.Size(int(scale * length) for length in scores[-1].shape[2:])
            metas = [dict(img_shape=size)]
            scores.append(last.predict(features, scores[-1], metas, test_cfg))
        return (list(features), scores), scores[-1]

    def losses(
        self, outputs: CascadeOutputs, data_samples: SampleList, train_cfg: dict | None
    ) -> dict[str, Tensor]:
        """The stages' own losses of what :meth:`decode` gave, such as ``decode_0.loss_ce``."""
        features, scores = outputs
        losses = add_prefix(head_losses(self[0], scores[0], data_samples), 'decode_0')
        for index, stage in enumerate(list(self)[1:], start=1):
            if _is_plain(stage):
                own = head_losses(stage, scores[index], data_samples)
            else:
                own = stage.loss(features, scores[index - 1], data_samples, train_cfg)
            losses.update(add_prefix(own, f'decode_{index}'))
        return losses

    def predict(
        self, features: Sequence[Tensor], batch_img_metas: list[dict], test_cfg: dict
    ) -> Tensor:
        """Class scores at image size, as any decode head gives them."""
        before = self._before_last(features)[-1]
        return self[-1].predict(features, before, batch_img_metas, test_cfg)

    def _before_last(self, features: Sequence[Tensor]) -> list[Tensor]:
        first, *others = list(self)[:-1]
        scores = [first(features)]
        for stage in others:
            scores.append(stage(features, scores[-1]))
        return scores


def _is_plain(stage: nn.Module) -> bool:
    """Whether the losses of a stage are those of its class scores."""
    return type(stage).loss is BaseCascadeDecodeHead.loss
