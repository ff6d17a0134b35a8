from .adv_semi_seg import AdvSemiSeg
from .advent import ADVENT
from .adversarial_encoder_decoder import AdversarialEncoderDecoder
from .affinity_net import AffinityNet
from .cam_segmentor import CAMSegmentor
from .ensemble_segmentor import EnsembleSegmentor
from .intra_da import IntraDA
from .mean_teacher import MeanTeacher
from .min_ent import MinEnt
from .mixed_self_training import MixedSelfTraining
from .proposal_encoder_decoder import ProposalEncoderDecoder
from .sign import SIGN
from .stream_encoder_decoder import StreamEncoderDecoder
from .weak_to_strong import WeakToStrong

__all__ = [
    'ADVENT',
    'AdvSemiSeg',
    'AdversarialEncoderDecoder',
    'AffinityNet',
    'StreamEncoderDecoder',
    'CAMSegmentor',
    'EnsembleSegmentor',
    'IntraDA',
    'MeanTeacher',
    'MinEnt',
    'MixedSelfTraining',
    'ProposalEncoderDecoder',
    'SIGN',
    'WeakToStrong',
]
