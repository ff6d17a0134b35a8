from .adv_semi_seg import AdvSemiSeg
from .advent import ADVENT
from .adversarial_encoder_decoder import AdversarialEncoderDecoder
from .branch_encoder_decoder import BranchEncoderDecoder
from .intra_da import IntraDA
from .min_ent import MinEnt

__all__ = [
    'ADVENT',
    'AdvSemiSeg',
    'AdversarialEncoderDecoder',
    'BranchEncoderDecoder',
    'IntraDA',
    'MinEnt',
]
