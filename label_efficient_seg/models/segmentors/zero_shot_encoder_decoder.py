import os
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError
from ...datasets.files.zero_shot_classes import zero_shot_classes
from ...ops import calibrated_scores
from ..generators import SpatialInformation
from .adversarial_encoder_decoder import AdversarialEncoderDecoder


class ZeroShotEncoderDecoder(AdversarialEncoderDecoder):
    """The networks of zero-shot segmentation by generated features; :class:`SIGN` trains them.

    .. code:: text

        image -> backbone -> decode_head -> spatial_information -> X -> discriminator -> C, scores
                                                 |                            ^       -> D
                                                 z -> generator -> fakes -----|
                                      word vectors ------^

    The encoder E is backbone and decode head. Prediction uses E, ``spatial_information`` and C,
    and gives an ordinary result over all classes. Where the class split ignores a class, its score
    is only ever lowered.

    Args:
        decode_head (dict): Config of a head for the classes. The one that is built has
            ``feature_channels`` outputs instead of class scores.
        generator (dict): Config of a :class:`FeatureGenerator`, without its numbers of channels.
        discriminator (dict): Config of a :class:`FeatureDiscriminator`, D and C, without its
            numbers of channels and classes.
        classes (str | Sequence[str]): Names of the classes, or the dataset that has them, such as
            ``'PascalVOCDataset'``.
        split (str | Mapping[str, Sequence[str]]): The seen and the unseen ones, as
            :func:`class_split` takes them.
        embeddings (str | os.PathLike | Sequence): Their vectors w, as
            :func:`load_class_embeddings` takes them.
        spatial_information (dict, optional): Config of a :class:`SpatialInformationModule`,
            without its channels. Without it, X = sigmoid(E) and z is noise; if there is no
            adversarial term either, that is the GMMN generator of ZS3Net.
        feature_channels (int): F, channels of X and z.
        seen_bias (float): Calibrated stacking: subtracted from the scores of seen classes in
            prediction.
        **kwargs: Arguments of ``EncoderDecoder``, except an auxiliary head.

    Raises:
        ValueError: If an auxiliary head is given, or the classes do not fit together.
    """

    def __init__(
        self,
        *,
        decode_head: dict,
        generator: dict,
        discriminator: dict,
        classes: str | Sequence[str],
        split: str | Mapping[str, Sequence[str]],
        embeddings: str | os.PathLike | Sequence[str | os.PathLike],
        spatial_information: dict | None = None,
        feature_channels: int = 600,
        seen_bias: float = 0.0,
        **kwargs,
    ) -> None:
        if kwargs.get('auxiliary_head') is not None:
            raise UserError(
                f'{type(self).__name__} has no loss for an auxiliary head; set auxiliary_head=None'
            )
        num_classes = decode_head['num_classes']
        known = zero_shot_classes(classes, split, embeddings, num_classes)
        super().__init__(
            decode_head=dict(decode_head, num_classes=feature_channels),
            discriminator=dict(
                discriminator, in_channels=feature_channels, num_classes=num_classes
            ),
            **kwargs,
        )
        # What compares a head with the dataset asks for the classes of the model.
        self.num_classes = self.out_channels = self.decode_head.num_classes = num_classes
        self.split = known.split
        self.embeddings = nn.Parameter(torch.from_numpy(known.vectors), requires_grad=False)
        self.spatial_information = None
        if spatial_information is not None:
            self.spatial_information = MODELS.build(
                dict(spatial_information, channels=feature_channels)
            )
        self.generator = MODELS.build(
            dict(
                generator,
                embedding_channels=known.vectors.shape[1],
                latent_channels=feature_channels,
                out_channels=feature_channels,
            )
        )
        self.seen_bias = seen_bias

    def build_discriminator(self, cfg: dict) -> nn.Module:
        """Build D and C, which read features."""
        return MODELS.build(cfg)

    def feature_map(self, features: list[Tensor]) -> Tensor:
        """The decode head's output, (N, F, h, w), from that of ``extract_feat``."""
        return super().logits(features)

    def encode(self, features: list[Tensor]) -> SpatialInformation:
        """X, z and its distribution, (N, F, h, w), from the output of ``extract_feat``."""
        map_ = self.feature_map(features)
        if self.spatial_information is not None:
            return self.spatial_information(map_)
        standard = torch.zeros_like(map_)
        noise = torch.randn_like(map_) if self.training else standard
        return SpatialInformation(map_.sigmoid(), noise, standard, standard)

    def generate(self, labels: Tensor, latent: Tensor) -> Tensor:
        """Features of classes.

        Args:
            labels (Tensor): Class indices, (N, h, w). What is generated for ignored pixels has no
                meaning.
            latent (Tensor): Code or noise, (N, F, h, w).

        Returns:
            Tensor: (N, F, h, w).
        """
        known = labels.masked_fill(labels == self.decode_head.ignore_index, 0)
        return self.generator(F.embedding(known, self.embeddings).permute(0, 3, 1, 2), latent)

    def logits(self, features: list[Tensor], level: str = 'main') -> Tensor:
        """Class scores, (N, C, h, w), at the map's size, from the output of ``extract_feat``."""
        return self.discriminator(self.encode(features).features)[1]

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Class scores at image size; arguments are those of ``EncoderDecoder``."""
        scores = self._forward(inputs)
        scores = calibrated_scores(scores, self.split.seen, self.seen_bias)
        return self.decode_head.predict_by_feat(scores, batch_img_metas)

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> Tensor:
        return self.logits(self.extract_feat(inputs))
