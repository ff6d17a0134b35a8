from .adv_semi_seg import AdvSemiSeg
from .adversarial_encoder_decoder import AdversarialEncoderDecoder

__all__ = ['AdvSemiSeg', 'AdversarialEncoderDecoder']
