from mmseg.registry import MODELS

from ...ops import entropy_map
from ..losses import masked_mean
from .stream_encoder_decoder import Batches, LossParts, StreamEncoderDecoder


@MODELS.register_module()
class MinEnt(StreamEncoderDecoder):
    """Entropy minimisation for domain adaptation, on top of any ``EncoderDecoder``.

    With E_l the entropy map, in [0, 1], of the level l (``main``: decode head, ``aux``: auxiliary
    head) at image size, for a source image x with labels y and a target image u::

        L = CE_main(x, y) + CE_aux(x, y) + sum over l of lambda_entropy_l * mean of E_l(u)

    The weight of CE_aux, 0.1 in the paper, is the ``loss_weight`` of the auxiliary head's loss.
    Target images carry no labels: of their ``gt_sem_seg`` only the padding (255) is read,
    see :class:`LoadValidMask`, and left out of the mean.

    Args:
        lambda_entropy_main (float): Weight of the entropy of the decode head; 0 switches it off.
        lambda_entropy_aux (float): Weight of the entropy of the auxiliary head; 0 switches it off.
        **kwargs: Arguments of ``EncoderDecoder``.

    Raises:
        ValueError: If both weights are 0, or ``aux`` is without exactly one auxiliary head.

    Source: Vu et al., ADVENT: Adversarial Entropy Minimization for Domain Adaptation in Semantic
    Segmentation, CVPR 2019.
    """

    streams = ('source', 'target')

    def __init__(
        self, *, lambda_entropy_main: float = 0.001, lambda_entropy_aux: float = 0.0002, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        weights = dict(main=lambda_entropy_main, aux=lambda_entropy_aux)
        self.lambda_entropy = {level: weight for level, weight in weights.items() if weight}
        self.check_levels(self.lambda_entropy)

    def segmentor_losses(self, batches: Batches, iteration: int) -> LossParts:
        """L of the class docstring; see the parent class for arguments and returns."""
        source, target = batches['source'], batches['target']
        yield self.supervised_losses(self.extract_feat(source['inputs']), source['data_samples'])[0]

        losses = {}
        features = self.extract_feat(target['inputs'])
        valid = self.unlabeled_area(target['data_samples'])
        for level, weight in self.lambda_entropy.items():
            logits = self.logits(features, level)
            entropy = entropy_map(self.upsample(logits, target['inputs'], level))
            losses[f'target.loss_entropy_{level}'] = weight * masked_mean(entropy, valid)
        return losses, None
