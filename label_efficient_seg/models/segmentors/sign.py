import copy
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapperDict
from mmseg.registry import MODELS
from mmseg.utils import add_prefix
from torch import Tensor, nn
from torch.func import functional_call

from ...core.errors import UserError
from ...core.labels import IGNORE
from ...datasets.files.zero_shot_classes import zero_shot_classes
from ...ops import annealed_weights, calibrated_scores, hide_labels, pseudo_labels
from ..generators import SpatialInformation
from ..losses import masked_cross_entropy
from .adversarial_encoder_decoder import frozen
from .sign_pixels import (
    EncodedPixels,
    ScaledPixels,
    accuracy,
    maximum_of_maps,
    resized_labels,
)
from .stream_encoder_decoder import (
    Batches,
    StreamEncoderDecoder,
    current_iteration,
    image_area,
)

STEPS = ('training', 'transfer', 'self_training')
TEACHERS = ('frozen', 'online')


@MODELS.register_module()
class SIGN(StreamEncoderDecoder):
    """Generalized zero-shot segmentation by generated features, on top of any ``EncoderDecoder``.

    .. code:: text

        image -> backbone -> decode_head -> spatial_information -> X -> discriminator -> C, scores
                                                 |                            ^       -> D
                                                 z -> generator -> fakes -----|
                                      word vectors ------^

    The encoder E (backbone and decode head) and the spatial information module SIM give a feature
    X and a latent code z, with mean and variance, of each pixel of a map. From z and the vector
    w(y) of a class y, the generator G makes fakes. D tells them from X, and C is the classifier::

        training        E, SIM:  lambda_cls CE(C(X), y) + lambda_kl KL(mean, variance)
                        G:       lambda_adv LS(D(G(w(y), z)), 1) + lambda_mmd MMD(G(w(y), z), X)
                        D, C:    lambda_adv (LS(D(X), 1) + LS(D(G(w(y), z)), 0))
                                 + lambda_real CE(C(X), y) + lambda_fake CE(C(G(w(y), z)), y)
        transfer        `interval` iterations of training, in which E and SIM stay, alternating
                        with as many in which C learns from fakes of random classes y and noise z:
                        D, C:    lambda_transfer CE(C(G(w(y), z)), y)
                        G:       lambda_generator_transfer times the same
        self_training   as training; pixels without a label get the most probable unseen class,
                        and all CE the weights of `annealed_weights`, or those below a threshold
                        of confidence are left out

    All losses of an iteration are of the networks before its updates; G and D never move E or
    SIM. Labels are brought to the size of the map by nearest neighbour. Those of classes that are
    not seen are hidden here as well, in all three steps, whatever the dataset shows; padding gets
    no pseudo label. Each step is a run of its own, which loads the checkpoint of the one before.

    Pseudo labels are those of a frozen teacher, the model as it was when self-training began,
    without noise and dropout. For G they count as labels, with the vector of the class, where the
    release has zeros. With several ``scales``, CE(C(X), y) is the mean over the maps of the image
    at each of them and over their maximum at each pixel, which is resized to the first.

    Prediction uses E, SIM and C, and gives an ordinary result over all classes. Where the class
    split ignores a class, its score is only ever lowered.

    Args:
        decode_head (dict): Config of a head for the classes. The one that is built gives
            ``feature_channels`` features instead of class scores.
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
        loss_mmd (dict, optional): Config of the :class:`MMDLoss`.
        step (str): ``'training'``, ``'transfer'`` or ``'self_training'``.
        lambda_cls (float): See above.
        lambda_kl (float): See above.
        lambda_adv (float): See above. At 0, D does not move.
        lambda_adv_discriminator (float, optional): Another weight for D's own adversarial losses.
            The release's self-training on Context has an adversarial term for D, but not for G.
        lambda_mmd (float): See above.
        lambda_real (float): See above; 1 in the training step, 0.75 in the others.
        lambda_fake (float): See above; 0 in the training step, 0.25 in the others.
        lambda_transfer (float): See above; 0.125, for COCO-Stuff 1.
        lambda_generator_transfer (float): See above; 0, for COCO-Stuff 1. At 0, G does not move.
        interval (int): Iterations between two turns of the transfer step. ``accumulative_counts``
            of the optimizers should divide it.
        unseen_rate (float): In the transfer step, an unseen class is drawn ``1 + unseen_rate``
            times as often as a seen one: 9 for VOC, 14 for Context, 59 for COCO-Stuff.
        temperature (float): Of the annealed weights. The authors' one is not published.
        teacher (str): Whose pseudo labels self-training learns from: ``'frozen'``, of the model
            that it began with, as in the release, or ``'online'``, of the model at that iteration.
            The frozen one is a part of the model, so that checkpoints have it.
        scales (Sequence[float]): Sizes of the images in training by that of the crop, the first
            one 1. The release has 1, 1/2 and 3/4.
        test_scales (Sequence[float]): The same in prediction, which is by the maximum. The release
            computes it there too, but predicts by the first.
        confidence_threshold (float, optional): Thresholded self-training instead, with pseudo
            labels of weight 1 where the probability is above it.
        **kwargs: Arguments of ``EncoderDecoder``, except an auxiliary head.

    Raises:
        ValueError: If an argument is out of its range, an auxiliary head is given, or the classes
            do not fit together.

    Source: Cheng et al., SIGN: Spatial-information Incorporated Generative Network for Generalized
    Zero-shot Semantic Segmentation, ICCV 2021.
    """

    streams = ('labeled',)
    optimizers = ('segmentor', 'generator', 'discriminator')
    #: The decode head gives features; what has ``num_classes`` is the model.
    head_gives_features = True
    not_publishable = 'the spatial information module and the classifier of the features'

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
        loss_mmd: dict | None = None,
        step: str = 'training',
        lambda_cls: float = 0.5,
        lambda_kl: float = 100.0,
        lambda_adv: float = 1.0,
        lambda_adv_discriminator: float | None = None,
        lambda_mmd: float = 50.0,
        lambda_real: float = 1.0,
        lambda_fake: float = 0.0,
        lambda_transfer: float = 0.125,
        lambda_generator_transfer: float = 0.0,
        interval: int = 100,
        unseen_rate: float = 9.0,
        temperature: float = 1.0,
        teacher: str = 'frozen',
        scales: Sequence[float] = (1.0,),
        test_scales: Sequence[float] = (1.0,),
        confidence_threshold: float | None = None,
        **kwargs,
    ) -> None:
        if teacher not in TEACHERS:
            raise UserError(f'teacher {teacher!r} is unknown; choose one of {", ".join(TEACHERS)}')
        for name, sizes in (('scales', scales), ('test_scales', test_scales)):
            if not sizes or sizes[0] != 1 or min(sizes) <= 0:
                raise UserError(
                    f'{name} of SIGN are positive sizes of the image, the first of them 1, but '
                    f'got {sizes}'
                )
        if step not in STEPS:
            raise UserError(f'step {step!r} is unknown; choose one of {", ".join(STEPS)}')
        if interval < 1 or min(unseen_rate, temperature, confidence_threshold or 0) < 0:
            raise UserError(
                'interval must be at least 1, and unseen_rate, temperature and '
                f'confidence_threshold at least 0, but got {interval}, {unseen_rate}, '
                f'{temperature} and {confidence_threshold}'
            )
        if isinstance(decode_head, (list, tuple)):
            raise UserError(
                f'SIGN takes the features of one decode head, but gets a cascade of '
                f'{len(decode_head)}; set decode_head to a single config, without num_stages'
            )
        if kwargs.get('auxiliary_head') is not None:
            raise UserError('SIGN has no loss for an auxiliary head; set auxiliary_head=None')
        known = zero_shot_classes(classes, split, embeddings, decode_head['num_classes'])
        super().__init__(decode_head=dict(decode_head, num_classes=feature_channels), **kwargs)
        self.num_classes = self.out_channels = len(known.names)
        self.discriminator = MODELS.build(
            dict(discriminator, in_channels=feature_channels, num_classes=self.num_classes)
        )
        self.split = known.split
        if self.decode_head.ignore_index != IGNORE:
            raise UserError(
                f'decode_head.ignore_index is {self.decode_head.ignore_index}, but the labels that '
                f'SIGN hides, and padding, are {IGNORE}; remove ignore_index'
            )
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
        self.loss_kl = MODELS.build(dict(type='GaussianKLLoss'))
        self.loss_mmd = MODELS.build(loss_mmd or dict(type='MMDLoss'))
        self.seen_bias, self.step = seen_bias, step
        self.lambda_cls, self.lambda_kl = lambda_cls, lambda_kl
        self.lambda_adv, self.lambda_mmd = lambda_adv, lambda_mmd
        self.lambda_adv_discriminator = (
            lambda_adv if lambda_adv_discriminator is None else lambda_adv_discriminator
        )
        self.lambda_real, self.lambda_fake = lambda_real, lambda_fake
        self.lambda_transfer = lambda_transfer
        self.lambda_generator_transfer = lambda_generator_transfer
        self.interval, self.unseen_rate = interval, unseen_rate
        self.temperature, self.confidence_threshold = temperature, confidence_threshold
        self.scales, self.test_scales = tuple(scales), tuple(test_scales)
        self._map_shapes: dict[torch.Size, torch.Size] = {}
        self.teacher = None
        if step == 'self_training' and teacher == 'frozen':
            self.teacher = self._copy_of_what_classifies()

    def init_weights(self) -> None:
        """Initialise the networks; the teacher gets the weights of the model."""
        super().init_weights()
        if self.teacher is not None:
            self.teacher.load_state_dict(
                {name: self.state_dict()[name] for name in self.teacher.state_dict()}
            )

    def train(self, mode: bool = True) -> 'SIGN':
        """Switch to training; in the transfer step, the running statistics of E stay too."""
        super().train(mode)
        if self.step == 'transfer':
            for name in ('backbone', 'neck', 'decode_head'):
                if hasattr(self, name):
                    getattr(self, name).eval()
        if self.teacher is not None:
            self.teacher.eval()
        return self

    def check_schedule(self, max_iters: int) -> None:
        """Refuse a transfer step without a turn of the classifier, see the parent class."""
        if self.step == 'transfer' and self.interval >= max_iters:
            raise UserError(
                f'interval is {self.interval}, but training ends after {max_iters} iterations, so '
                'the transfer step would never learn from generated features; lower interval'
            )

    def train_step(self, data: Batches, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """One iteration of the step that the model is in.

        Args:
            data (dict): The batch of the stream ``labeled``, as the dataloader yields it.
            optim_wrapper (OptimWrapperDict): With ``segmentor`` (E and SIM), ``generator`` and
                ``discriminator``.

        Returns:
            dict[str, Tensor]: Scalars for the log; those of G and D start with their names.
        """
        batches = self.preprocess(data)
        if self.step == 'transfer' and current_iteration() // self.interval % 2:
            return self._learn_from_fakes(batches['labeled']['inputs'], optim_wrapper)
        segmentor, generator, discriminator = (
            optim_wrapper[name] for name in ('segmentor', 'generator', 'discriminator')
        )

        moving = self.step != 'transfer'
        with (
            frozen(self.discriminator),
            segmentor.optim_context(self),
            torch.set_grad_enabled(moving),
        ):
            losses, encoded = self.segmentor_losses(batches, current_iteration())
        log = self.update(segmentor, losses) if moving else {}

        with frozen(self.discriminator), generator.optim_context(self):
            losses, fake = self.generator_losses(encoded)
        log.update(add_prefix(self.update(generator, losses), 'generator'))

        with discriminator.optim_context(self):
            losses = self.discriminator_losses(encoded, fake)
        log.update(add_prefix(self.update(discriminator, losses), 'discriminator'))
        return log

    def segmentor_losses(
        self, batches: Batches, iteration: int
    ) -> tuple[dict[str, Tensor], EncodedPixels]:
        """Losses of E and SIM; see the parent class for arguments and returns."""
        batch = batches['labeled']
        found = self.encode(self.extract_feat(batch['inputs']))
        labels, weight = self.targets(batch, found.features.shape[2:])
        scores = self.discriminator(found.features)[1]
        valid = labels != self.decode_head.ignore_index
        scaled = self.scaled_pixels(batch, found.features, labels, weight)
        cross_entropy = self.cross_entropy(scores, labels, weight, scaled)
        losses = dict(
            loss_ce=self.lambda_cls * cross_entropy,
            loss_kl=self.lambda_kl * self.loss_kl(found.mean, found.log_variance, valid),
            acc_seg=accuracy(scores, labels, valid),
            weight=weight.mean(),
        )
        scaled = [replace(other, features=other.features.detach()) for other in scaled]
        encoded = EncodedPixels(
            found.features.detach(), found.latent.detach(), labels, weight, valid, tuple(scaled)
        )
        return add_prefix(losses, 'decode'), encoded

    def generator_losses(self, encoded: EncodedPixels) -> tuple[dict[str, Tensor], Tensor]:
        """Losses of G, and its detached fakes, (N, F, h, w)."""
        fake = self.generate(encoded.labels, encoded.latent)
        mmd = self.loss_mmd(fake, encoded.features, encoded.labels)
        losses = dict(loss_mmd=self.lambda_mmd * mmd)
        if self.lambda_adv:
            judgement, _ = self.discriminator(fake)
            adversarial = self.discriminator.adversarial_loss(judgement, True, encoded.valid)
            losses['loss_adv'] = self.lambda_adv * adversarial
        return losses, fake.detach()

    def discriminator_losses(self, encoded: EncodedPixels, fake: Tensor) -> dict[str, Tensor]:
        """Losses of D and C on X and on the detached fakes, (N, F, h, w)."""
        losses = {}
        for name, features, real, factor in (
            ('real', encoded.features, True, self.lambda_real),
            ('fake', fake, False, self.lambda_fake),
        ):
            judgement, scores = self.discriminator(features)
            if factor:
                cross_entropy = self.cross_entropy(
                    scores, encoded.labels, encoded.weight, encoded.scaled if real else ()
                )
                losses[f'loss_cls_{name}'] = factor * cross_entropy
            # Without a gradient, not even weight decay moves D.
            if self.lambda_adv_discriminator:
                adversarial = self.discriminator.adversarial_loss(judgement, real, encoded.valid)
                losses[f'loss_{name}'] = self.lambda_adv_discriminator * adversarial
        return losses

    def cross_entropy(
        self, scores: Tensor, labels: Tensor, weight: Tensor, scaled: Sequence[ScaledPixels] = ()
    ) -> Tensor:
        """CE of class scores, (N, C, h, w): the mean of theirs and of those of the scaled maps."""
        losses = [masked_cross_entropy(scores, labels, weight)]
        for other in scaled:
            scores = self.discriminator(other.features)[1]
            losses.append(masked_cross_entropy(scores, other.labels, other.weight))
        return torch.stack(losses).mean() if scaled else losses[0]

    def targets(self, batch: dict, size: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Labels and weights of the pixels of a map.

        Args:
            batch (dict): Preprocessed: ``inputs`` (N, 3, H, W) and ``data_samples``.
            size (Sequence[int]): Height and width of the map.

        Returns:
            tuple[Tensor, Tensor]: Labels with those of unseen classes hidden or, in self-training,
            replaced by pseudo labels, and weights, (N, h, w).
        """
        labels = self.labels(batch['data_samples'])
        labels = hide_labels(labels, self.split.seen, self.decode_head.ignore_index)
        labels = resized_labels(labels, size)
        if self.step == 'self_training':
            area = resized_labels(image_area(batch), size)
            return self.pseudo_labels(batch['inputs'], labels, area)
        return labels, torch.ones_like(labels, dtype=batch['inputs'].dtype)

    def scaled_pixels(
        self, batch: dict, features: Tensor, labels: Tensor, weight: Tensor
    ) -> list[ScaledPixels]:
        """X of a batch at the other scales, then the maximum over all; nothing with one scale.

        Args:
            batch (dict): Preprocessed: ``inputs`` (N, 3, H, W) and ``data_samples``.
            features (Tensor): X at scale 1, (N, F, h, w).
            labels (Tensor): Its labels, (N, h, w).
            weight (Tensor): Its weights, (N, h, w).

        Returns:
            list[ScaledPixels]: Labels and weights are those of the batch at the maps' sizes.
        """
        pixels = []
        for map_ in self.features_at(batch['inputs'], self.scales[1:]):
            size = map_.shape[2:]
            # Pseudo labels exist at scale 1 only.
            if self.step == 'self_training':
                targets = resized_labels(labels, size), resized_labels(weight, size)
            else:
                targets = self.targets(batch, size)
            pixels.append(ScaledPixels(map_, *targets))
        if pixels:
            maximum = maximum_of_maps([features, *(other.features for other in pixels)])
            pixels.append(ScaledPixels(maximum, labels, weight))
        return pixels

    def features_at(self, inputs: Tensor, scales: Sequence[float]) -> list[Tensor]:
        """X of images (N, 3, H, W) that are resized by each of some scales."""
        maps = []
        for scale in scales:
            size = [int(length * scale) for length in inputs.shape[2:]]
            resized = F.interpolate(inputs, size, mode='bilinear', align_corners=False)
            maps.append(self.encode(self.extract_feat(resized)).features)
        return maps

    @torch.no_grad()
    def pseudo_labels(self, inputs: Tensor, labels: Tensor, area: Tensor) -> tuple[Tensor, Tensor]:
        """What self-training learns from.

        Args:
            inputs (Tensor): Preprocessed images, (N, 3, H, W).
            labels (Tensor): Labels at the size of the map, those of unseen classes hidden.
            area (Tensor): Boolean mask of the pixels that are no padding, same shape.

        Returns:
            tuple[Tensor, Tensor]: Labels and weights, (N, h, w).
        """
        pseudo = (labels == self.decode_head.ignore_index) & area
        scores = self.teacher_scores(inputs)
        labels, confidence = pseudo_labels(scores, labels, pseudo, self.split.unseen)
        if self.confidence_threshold is None:
            return labels, annealed_weights(confidence, pseudo, self.temperature)
        doubtful = pseudo & (confidence <= self.confidence_threshold)
        labels = labels.masked_fill(doubtful, self.decode_head.ignore_index)
        return labels, torch.ones_like(confidence)

    @torch.no_grad()
    def teacher_scores(self, inputs: Tensor) -> Tensor:
        """Class scores that pseudo labels come from, (N, C, h, w), without noise and dropout."""
        training = self.training
        self.eval()
        weights = {} if self.teacher is None else self.teacher.state_dict()
        scores = functional_call(self, weights, inputs, dict(mode='tensor'))
        self.train(training)
        return scores

    def encode(self, features: list[Tensor]) -> SpatialInformation:
        """X, z and its distribution, (N, F, h, w), from the output of ``extract_feat``."""
        map_ = self.feature_map(features)
        if self.spatial_information is not None:
            return self.spatial_information(map_)
        standard = torch.zeros_like(map_)
        noise = torch.randn_like(map_) if self.training else standard
        return SpatialInformation(map_.sigmoid(), noise, standard, standard)

    def feature_map(self, features: list[Tensor]) -> Tensor:
        """The decode head's output, (N, F, h, w), from that of ``extract_feat``."""
        return super().logits(features)

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
        scores = calibrated_scores(self._forward(inputs), self.split.seen, self.seen_bias)
        return self.decode_head.predict_by_feat(scores, batch_img_metas)

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> Tensor:
        features = self.encode(self.extract_feat(inputs)).features
        others = self.features_at(inputs, self.test_scales[1:])
        return self.discriminator(maximum_of_maps([features, *others]))[1]

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args, **kwargs) -> None:
        # The checkpoint of the step before has no teacher: the model in it is the teacher.
        if self.teacher is not None:
            for name in self.teacher.state_dict():
                if prefix + name in state_dict:
                    state_dict.setdefault(f'{prefix}teacher.{name}', state_dict[prefix + name])
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def _copy_of_what_classifies(self) -> nn.ModuleDict:
        names = ('backbone', 'neck', 'decode_head', 'spatial_information', 'discriminator')
        parts = {name: getattr(self, name, None) for name in names}
        parts = {name: copy.deepcopy(part) for name, part in parts.items() if part is not None}
        # No ModuleDict of MMEngine, which would be initialised.
        return nn.ModuleDict(parts).requires_grad_(False)

    def _learn_from_fakes(
        self, inputs: Tensor, optim_wrapper: OptimWrapperDict
    ) -> dict[str, Tensor]:
        """An iteration on random classes; images only say how large their maps are."""
        generator, discriminator = optim_wrapper['generator'], optim_wrapper['discriminator']
        with discriminator.optim_context(self):
            shape = (len(inputs), *self._map_shape(inputs))
        labels = self._random_labels(shape[0], *shape[2:])
        latent = inputs.new_empty(shape).normal_()
        log, learning = {}, self.lambda_generator_transfer > 0
        with (
            frozen(self.discriminator),
            generator.optim_context(self),
            torch.set_grad_enabled(learning),
        ):
            fake = self.generate(labels, latent)
            loss = masked_cross_entropy(self.discriminator(fake)[1], labels)
        if learning:
            losses = dict(loss_transfer=self.lambda_generator_transfer * loss)
            log = add_prefix(self.update(generator, losses), 'generator')
        with discriminator.optim_context(self):
            loss = masked_cross_entropy(self.discriminator(fake.detach())[1], labels)
        losses = dict(loss_transfer=self.lambda_transfer * loss)
        log.update(add_prefix(self.update(discriminator, losses), 'discriminator'))
        return log

    @torch.no_grad()
    def _map_shape(self, inputs: Tensor) -> torch.Size:
        """Channels, height and width of a map of X; measured once for each size of images."""
        size = inputs.shape[2:]
        if size not in self._map_shapes:
            self._map_shapes[size] = self.feature_map(self.extract_feat(inputs[:1])).shape[1:]
        return self._map_shapes[size]

    def _random_labels(self, *shape: int) -> Tensor:
        """Seen and unseen classes, the latter more often."""
        rates = self.embeddings.new_zeros(self.num_classes)
        rates[list(self.split.seen)] = 1
        rates[list(self.split.unseen)] = 1 + self.unseen_rate
        return torch.multinomial(rates, math.prod(shape), replacement=True).view(shape)
