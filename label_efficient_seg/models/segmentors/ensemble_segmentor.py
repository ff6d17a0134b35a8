import os.path as osp
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import CheckpointLoader
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ...core.config_index import get_config_path
from ...core.errors import UserError
from ...core.weights import check_finite
from .crf_refinement import complete_crf, refine_scores

MEAN, PRODUCT = 'mean', 'product'
MEMBER_KEYS = {'config', 'cfg_options', 'checkpoint', 'weight'}


@MODELS.register_module()
class EnsembleSegmentor(BaseModel):
    """Combines the class scores of several trained segmentors.

    Each member reads the same raw images through its own data preprocessor, and predicts as its
    own config says. With s_m being its scores at the size of the image's file and w_m its weight::

        mean       P = sum_m w_m softmax(s_m) / sum_m w_m     the paper's
        product    s = prod_m max(0, s_m)^w_m                 the released code's, of DeconvNet's
                                                              scores and FCN's, then its softmax

    Members are built and loaded with the first image. They are no part of this model's weights: it
    has none, does not train, and any checkpoint, such as that of a member, loads into it, which
    changes nothing.

    Args:
        members (Sequence[dict]): For each, ``config``, a file or the name of a shipped one, of any
            segmentor that gives ``seg_logits``, such as MMSeg's; ``checkpoint``; and optionally
            ``cfg_options``, values to override by dotted key, and ``weight``, by default 1. All
            must have the same classes.
        mode (str): ``'mean'`` or ``'product'``.
        crf (Mapping, optional): Refine the result by a CRF. Settings of :func:`dense_crf` that
            differ from DeconvNet's released ones, which are ``crf=dict()``.

    Raises:
        ValueError: If there is no member, or a setting is missing, unknown or out of range.

    Source: Noh et al., Learning Deconvolution Network, ICCV 2015, section 4.3.
    """

    #: What its prediction needs that a plain ``EncoderDecoder`` lacks.
    not_publishable = 'several networks'

    def __init__(
        self, members: Sequence[dict], mode: str = MEAN, crf: Mapping | None = None
    ) -> None:
        super().__init__()
        if mode not in (MEAN, PRODUCT):
            raise UserError(
                f"mode of the ensemble must be '{MEAN}' or '{PRODUCT}', but is {mode!r}"
            )
        if not members:
            raise UserError('the ensemble has no members; give each its config and checkpoint')
        for member in members:
            if missing := {'config', 'checkpoint'} - member.keys():
                raise UserError(f'a member of the ensemble lacks {sorted(missing)[0]!r}: {member}')
            if unknown := member.keys() - MEMBER_KEYS:
                raise UserError(
                    f'a member of the ensemble has no {sorted(unknown)[0]!r}; there are '
                    f'{", ".join(sorted(MEMBER_KEYS))}'
                )
            if not member.get('weight', 1) > 0:
                raise UserError(f'weights of the ensemble must be positive: {member}')
        self.members, self.mode, self.crf = list(members), mode, complete_crf(crf)
        self._models: list[nn.Module] | None = None
        # DistributedDataParallel refuses models without any.
        self.placeholder = nn.Parameter(torch.zeros(()))

    def forward(
        self,
        inputs: Sequence[Tensor] | Tensor,
        data_samples: list[SegDataSample] | None = None,
        mode: str = 'predict',
    ) -> list[SegDataSample]:
        """Predict.

        Args:
            inputs (Sequence[Tensor] | Tensor): Raw images, BGR in 0..255, each (3, H, W).
            data_samples (list[SegDataSample], optional): Of the images.
            mode (str): ``'predict'``.

        Returns:
            list[SegDataSample]: See :meth:`predict`.

        Raises:
            ValueError: In another mode.
        """
        if mode != 'predict':
            raise UserError(
                'EnsembleSegmentor only predicts; train its members, each with its own config'
            )
        return self.predict(inputs, data_samples)

    @torch.no_grad()
    def predict(
        self, inputs: Sequence[Tensor] | Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Segment images.

        Args:
            inputs (Sequence[Tensor] | Tensor): Raw images, BGR in 0..255, each (3, H, W).
            data_samples (list[SegDataSample], optional): Of the images, with what the members need
                in their meta information.

        Returns:
            list[SegDataSample]: With ``seg_logits``, (C, H, W), whose softmax are the
            probabilities, and ``pred_sem_seg``.

        Raises:
            ValueError: If a member gives no scores, or members differ in their classes or in the
                size of their scores.
        """
        if data_samples is None:
            data_samples = [_plain_sample(image) for image in inputs]
        for image, sample in zip(inputs, data_samples, strict=True):
            scores = self._scores(image, sample)
            if self.crf is not None and scores.any():
                size = tuple(scores.shape[1:])
                photo = F.interpolate(image[None].float(), size, mode='bilinear')[0]
                scores = refine_scores(scores, photo, self.crf)
            sample.set_data(
                dict(
                    seg_logits=PixelData(data=scores),
                    pred_sem_seg=PixelData(data=scores.argmax(0, keepdim=True)),
                )
            )
        return data_samples

    def _save_to_state_dict(self, *args) -> None:
        # The placeholder is no weight.
        pass

    def _load_from_state_dict(self, *args) -> None:
        pass

    def _scores(self, image: Tensor, sample: SegDataSample) -> Tensor:
        """Scores of one image, (C, H, W), of all members together."""
        weights = [member.get('weight', 1) for member in self.members]
        total: Any = None
        models = self._load(image.device)
        for member, weight, model in zip(self.members, weights, models, strict=True):
            # A sample of its own, for members leave their predictions in it.
            batch = dict(inputs=[image], data_samples=[SegDataSample(metainfo=sample.metainfo)])
            (result,) = model.test_step(batch)
            if 'seg_logits' not in result:
                raise UserError(
                    f'{type(model).__name__} of {member["config"]!r} gives no seg_logits; a member '
                    'of the ensemble must be a segmentor such as EncoderDecoder'
                )
            scores = result.seg_logits.data.float()
            if total is None:
                _check_classes(scores, member)
                total = torch.zeros_like(scores) if self.mode == MEAN else torch.ones_like(scores)
            self._check_same(scores, total, member)
            if self.mode == MEAN:
                total.add_(scores.softmax(0), alpha=weight / sum(weights))
            else:
                total.mul_(scores.clamp(min=0).pow(weight))
        return total.clamp(min=1e-10).log() if self.mode == MEAN else total

    def _check_same(self, scores: Tensor, total: Tensor, member: Mapping) -> None:
        if scores.shape != total.shape:
            first = self.members[0]['config']
            raise UserError(
                f'scores of {member["config"]!r} are {tuple(scores.shape)}, but those of {first!r} '
                f'{tuple(total.shape)} (classes, height, width); the members of an ensemble need '
                'the same classes'
            )

    def _load(self, device: torch.device) -> list[nn.Module]:
        if self._models is None:
            self._models = [
                load_member(m['config'], m['checkpoint'], m.get('cfg_options'))
                for m in self.members
            ]
        return [model.to(device) for model in self._models]


def load_member(config: str, checkpoint: str, cfg_options: dict | None = None) -> nn.Module:
    """Build the segmentor of a config with trained weights.

    Args:
        config (str): Config file, or the name of a shipped one.
        checkpoint (str): Checkpoint file.
        cfg_options (dict, optional): Values to override in the config, by dotted key.

    Returns:
        nn.Module: In evaluation mode.

    Raises:
        ValueError: If the checkpoint is of another model. Whole parts that the model does not have,
            such as a discriminator, are left out.
    """
    path = config if osp.isfile(config) else get_config_path(config)
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(dict(cfg_options or {}))
    model = MODELS.build(cfg.model)
    state = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    state = {k.removeprefix('module.'): v for k, v in state.get('state_dict', state).items()}
    check_finite(state, checkpoint)
    parts = {name for name, _ in model.named_children()}
    try:
        model.load_state_dict({k: v for k, v in state.items() if k.partition('.')[0] in parts})
    except RuntimeError as error:
        raise UserError(
            f'the checkpoint {checkpoint!r} is not of the {type(model).__name__} of {config!r}: '
            f'{error}'
        ) from error
    return model.eval()


def _check_classes(scores: Tensor, member: Mapping) -> None:
    if len(scores) < 2:
        raise UserError(
            f'{member["config"]!r} has one score per pixel, which cannot be combined; train it '
            'with out_channels=2'
        )


def _plain_sample(image: Tensor) -> SegDataSample:
    size = tuple(image.shape[1:])
    return SegDataSample(
        metainfo=dict(ori_shape=size, img_shape=size, pad_shape=size, padding_size=[0] * 4)
    )
