from .adv_semi_seg import AdvSemiSeg
from .advent import ADVENT
from .adversarial_encoder_decoder import AdversarialEncoderDecoder
from .affinity_net import AffinityNet
from .cam_segmentor import CAMSegmentor
from .ensemble_segmentor import EnsembleSegmentor
from .intra_da import IntraDA
from .min_ent import MinEnt
from .proposal_encoder_decoder import ProposalEncoderDecoder
from .sign import SIGN
from .stream_encoder_decoder import StreamEncoderDecoder

__all__ = [
    'ADVENT',
    'AdvSemiSeg',
    'AdversarialEncoderDecoder',
    'AffinityNet',
    'StreamEncoderDecoder',
    'CAMSegmentor',
    'EnsembleSegmentor',
    'IntraDA',
    'MinEnt',
    'ProposalEncoderDecoder',
    'SIGN',
]
