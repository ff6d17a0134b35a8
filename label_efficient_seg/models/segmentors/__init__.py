from .adv_semi_seg import AdvSemiSeg
from .advent import ADVENT
from .adversarial_encoder_decoder import AdversarialEncoderDecoder
from .affinity_net import AffinityNet
from .branch_encoder_decoder import BranchEncoderDecoder
from .cam_segmentor import CAMSegmentor
from .intra_da import IntraDA
from .min_ent import MinEnt

__all__ = [
    'ADVENT',
    'AdvSemiSeg',
    'AdversarialEncoderDecoder',
    'AffinityNet',
    'BranchEncoderDecoder',
    'CAMSegmentor',
    'IntraDA',
    'MinEnt',
]
