from .adv_semi_seg import AdvSemiSeg
from .advent import ADVENT
from .adversarial_encoder_decoder import AdversarialEncoderDecoder
from .affinity_net import AffinityNet
from .branch_encoder_decoder import BranchEncoderDecoder
from .cam_segmentor import CAMSegmentor
from .ensemble_segmentor import EnsembleSegmentor
from .intra_da import IntraDA
from .min_ent import MinEnt
from .proposal_encoder_decoder import ProposalEncoderDecoder
from .sign import SIGN
from .zero_shot_encoder_decoder import ZeroShotEncoderDecoder

__all__ = [
    'ADVENT',
    'AdvSemiSeg',
    'AdversarialEncoderDecoder',
    'AffinityNet',
    'BranchEncoderDecoder',
    'CAMSegmentor',
    'EnsembleSegmentor',
    'IntraDA',
    'MinEnt',
    'ProposalEncoderDecoder',
    'SIGN',
    'ZeroShotEncoderDecoder',
]
