import math

import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmseg.registry import MODELS
from mmseg.utils import add_prefix
from torch import Tensor

from ...core.errors import UserError
from ...ops import annealed_weights, hide_labels, pseudo_labels
from ..losses import masked_cross_entropy
from .advent import image_area
from .adversarial_encoder_decoder import frozen
from .stream_encoder_decoder import Batches
from .zero_shot_encoder_decoder import ZeroShotEncoderDecoder

STEPS = ('training', 'transfer', 'self_training')


@MODELS.register_module()
class SIGN(ZeroShotEncoderDecoder):
    """Generalized zero-shot segmentation by generated features, on top of any ``EncoderDecoder``.

    The encoder E (backbone and decode head) and the spatial information module SIM give a feature
    X and a latent code z, with mean and variance, of each pixel of a map. From z and the vector
    w(y) of a class y, the generator G makes fakes. D tells them from X, and C is the classifier::

        training        E, SIM:  lambda_cls CE(C(X), y) + lambda_kl KL(mean, variance)
                        G:       lambda_adv LS(D(G(w(y), z)), 1) + lambda_mmd MMD(G(w(y), z), X)
                        D, C:    lambda_adv (LS(D(X), 1) + LS(D(G(w(y), z)), 0))
                                 + lambda_real CE(C(X), y) + lambda_fake CE(C(G(w(y), z)), y)
        transfer        `interval` iterations of training, in which E and SIM stay, by turns with
                        as many in which, for random classes y and noise z, C learns from fakes:
                        D, C:    lambda_transfer CE(C(G(w(y), z)), y)
                        G:       lambda_generator_transfer times the same
        self_training   as training; pixels without a label get the most probable unseen class,
                        and all CE the weights of `annealed_weights`, or those below a threshold
                        of confidence are left out

    All losses of an iteration are of the networks before its updates; G and D never move E or
    SIM. Labels are brought to the size of the map by nearest neighbour. Those of classes that are
    not seen are hidden here as well, in all three steps, whatever the dataset shows; padding gets
    no pseudo label. Each step is a run of its own, which loads the checkpoint of the one before.

    Pseudo labels are those of the model as it is at that iteration, without noise and dropout. For
    G they count as labels, with the vector of the class, where the release has zeros. The release
    also trains on images of 1/2 and 3/4 of the size, as its DeepLab does; here images have one.

    Args:
        loss_mmd (dict, optional): Config of the :class:`MMDLoss`.
        step (str): ``'training'``, ``'transfer'`` or ``'self_training'``.
        lambda_cls (float): See above.
        lambda_kl (float): See above.
        lambda_adv (float): See above. At 0, D does not move.
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
        confidence_threshold (float, optional): Thresholded self-training instead, with pseudo
            labels of weight 1 where the probability is above it.
        **kwargs: Arguments of :class:`ZeroShotEncoderDecoder`.

    Raises:
        ValueError: If an argument is out of its range.

    Source: Cheng et al., SIGN: Spatial-information Incorporated Generative Network for Generalized
    Zero-shot Semantic Segmentation, ICCV 2021.
    """

    streams = ('labeled',)

    def __init__(
        self,
        *,
        loss_mmd: dict | None = None,
        step: str = 'training',
        lambda_cls: float = 0.5,
        lambda_kl: float = 100.0,
        lambda_adv: float = 1.0,
        lambda_mmd: float = 50.0,
        lambda_real: float = 1.0,
        lambda_fake: float = 0.0,
        lambda_transfer: float = 0.125,
        lambda_generator_transfer: float = 0.0,
        interval: int = 100,
        unseen_rate: float = 9.0,
        temperature: float = 1.0,
        confidence_threshold: float | None = None,
        **kwargs,
    ) -> None:
        if step not in STEPS:
            raise UserError(f'step {step!r} is unknown; choose one of {", ".join(STEPS)}')
        if interval < 1 or min(unseen_rate, temperature, confidence_threshold or 0) < 0:
            raise UserError(
                'interval must be at least 1, and unseen_rate, temperature and '
                f'confidence_threshold at least 0, but got {interval}, {unseen_rate}, '
                f'{temperature} and {confidence_threshold}'
            )
        super().__init__(**kwargs)
        self.loss_kl = MODELS.build(dict(type='GaussianKLLoss'))
        self.loss_mmd = MODELS.build(loss_mmd or dict(type='MMDLoss'))
        self.step, self.interval, self.unseen_rate = step, interval, unseen_rate
        self.lambda_cls, self.lambda_kl = lambda_cls, lambda_kl
        self.lambda_adv, self.lambda_mmd = lambda_adv, lambda_mmd
        self.lambda_real, self.lambda_fake = lambda_real, lambda_fake
        self.lambda_transfer = lambda_transfer
        self.lambda_generator_transfer = lambda_generator_transfer
        self.temperature, self.confidence_threshold = temperature, confidence_threshold

    def train(self, mode: bool = True) -> 'SIGN':
        """Switch to training; in the transfer step, the running statistics of E stay, too."""
        super().train(mode)
        if self.step == 'transfer':
            for name in ('backbone', 'neck', 'decode_head'):
                if hasattr(self, name):
                    getattr(self, name).eval()
        return self

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
        segmentor, generator, discriminator = (
            optim_wrapper[name] for name in ('segmentor', 'generator', 'discriminator')
        )
        # D and C move in every iteration, so that their counter is its number, also on resuming.
        iteration = discriminator.inner_count
        if self.step == 'transfer' and iteration // self.interval % 2:
            return self._transfer(batches['labeled']['inputs'], generator, discriminator)

        moving, log = self.step != 'transfer', {}
        with (
            frozen(self.discriminator),
            segmentor.optim_context(self),
            torch.set_grad_enabled(moving),
        ):
            losses, maps = self.segmentor_losses(batches, iteration)
        if moving:
            log = self.update(segmentor, losses)

        with frozen(self.discriminator), generator.optim_context(self):
            losses, maps['fake'] = self.generator_losses(maps)
        log.update(add_prefix(self.update(generator, losses), 'generator'))

        with discriminator.optim_context(self):
            losses = self.discriminator_losses(maps)
        log.update(add_prefix(self.update(discriminator, losses), 'discriminator'))
        return log

    def segmentor_losses(
        self, batches: Batches, iteration: int
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Losses of E and SIM.

        Args:
            batches (dict): The preprocessed batch of ``labeled``.
            iteration (int): Number of finished iterations.

        Returns:
            tuple[dict, dict]: The losses, and detached maps: ``real`` X and ``latent`` z,
            (N, F, h, w), ``labels`` and ``weight``, (N, h, w).
        """
        batch = batches['labeled']
        found = self.encode(self.extract_feat(batch['inputs']))
        labels, weight = self._targets(batch, found.features.shape[2:])
        scores = self.discriminator(found.features)[1]
        valid = labels != self.decode_head.ignore_index
        losses = dict(
            loss_ce=self.lambda_cls * masked_cross_entropy(scores, labels, weight),
            loss_kl=self.lambda_kl * self.loss_kl(found.mean, found.log_variance, valid),
            acc_seg=_accuracy(scores, labels, valid),
            weight=weight.mean(),
        )
        maps = dict(real=found.features, latent=found.latent, labels=labels, weight=weight)
        return add_prefix(losses, 'decode'), {name: map_.detach() for name, map_ in maps.items()}

    def generator_losses(self, maps: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """Losses of G, and its detached fakes, (N, F, h, w); ``maps`` as from the encoder."""
        labels = maps['labels']
        fake = self.generate(labels, maps['latent'])
        losses = dict(loss_mmd=self.lambda_mmd * self.loss_mmd(fake, maps['real'], labels))
        if self.lambda_adv:
            valid = labels != self.decode_head.ignore_index
            judgement, _ = self.discriminator(fake)
            adversarial = self.discriminator.adversarial_loss(judgement, True, valid)
            losses['loss_adv'] = self.lambda_adv * adversarial
        return losses, fake.detach()

    def discriminator_losses(self, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses of D and C; see the parent class for arguments and returns."""
        labels, weight = predictions['labels'], predictions['weight']
        valid = labels != self.decode_head.ignore_index
        losses = {}
        for name, real, factor in (
            ('real', True, self.lambda_real),
            ('fake', False, self.lambda_fake),
        ):
            judgement, scores = self.discriminator(predictions[name])
            if factor:
                cross_entropy = masked_cross_entropy(scores, labels, weight)
                losses[f'loss_cls_{name}'] = factor * cross_entropy
            # Without a gradient, not even weight decay moves D.
            if self.lambda_adv:
                adversarial = self.discriminator.adversarial_loss(judgement, real, valid)
                losses[f'loss_{name}'] = self.lambda_adv * adversarial
        return losses

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
        training = self.training
        self.eval()
        scores = self._forward(inputs)
        self.train(training)
        pseudo = (labels == self.decode_head.ignore_index) & area
        labels, confidence = pseudo_labels(scores, labels, pseudo, self.split.unseen)
        if self.confidence_threshold is None:
            return labels, annealed_weights(confidence, pseudo, self.temperature)
        doubtful = pseudo & (confidence <= self.confidence_threshold)
        labels = labels.masked_fill(doubtful, self.decode_head.ignore_index)
        return labels, torch.ones_like(confidence)

    def _targets(self, batch: dict, size: torch.Size) -> tuple[Tensor, Tensor]:
        """Labels and weights at the size of the map."""
        labels = self.labels(batch['data_samples'])
        labels = hide_labels(labels, self.split.seen, self.decode_head.ignore_index)
        labels = _resized(labels, size)
        if self.step == 'self_training':
            area = _resized(image_area(batch), size)
            return self.pseudo_labels(batch['inputs'], labels, area)
        return labels, torch.ones_like(labels, dtype=batch['inputs'].dtype)

    def _transfer(
        self, inputs: Tensor, generator: OptimWrapper, discriminator: OptimWrapper
    ) -> dict[str, Tensor]:
        """An iteration on random classes; images only say how large their maps are."""
        with torch.no_grad(), discriminator.optim_context(self):
            channels, *size = self.feature_map(self.extract_feat(inputs[:1])).shape[1:]
        labels = self._random_labels(len(inputs), *size)
        latent = inputs.new_empty(len(inputs), channels, *size).normal_()
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

    def _random_labels(self, *shape: int) -> Tensor:
        """Seen and unseen classes, the latter more often."""
        rates = self.embeddings.new_zeros(self.num_classes)
        rates[list(self.split.seen)] = 1
        rates[list(self.split.unseen)] = 1 + self.unseen_rate
        return torch.multinomial(rates, math.prod(shape), replacement=True).view(shape)


def _accuracy(scores: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
    """Percentage of the valid pixels; MMSeg's makes the host wait for the device."""
    correct = (scores.argmax(dim=1) == labels) & valid
    return 100 * correct.sum() / valid.sum().clamp(min=1)


def _resized(maps: Tensor, size: torch.Size) -> Tensor:
    """Nearest neighbours of labels or a mask, (N, h, w)."""
    return F.interpolate(maps[:, None].float(), size, mode='nearest')[:, 0].to(maps.dtype)
