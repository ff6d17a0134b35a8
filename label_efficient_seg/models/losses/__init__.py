from .adversarial_loss import AdversarialLoss
from .affinity_loss import AffinityLoss
from .feature_distance import feature_distance
from .gaussian_kl_loss import GaussianKLLoss, gaussian_kl
from .head_losses import head_losses, pixel_losses
from .loss_part import LossPart
from .masked_cross_entropy_loss import MaskedCrossEntropyLoss, masked_cross_entropy
from .masked_mean import masked_mean
from .mmd_loss import MMDLoss, squared_mmd
from .sigmoid_l1_loss import SigmoidL1Loss

__all__ = [
    'AdversarialLoss',
    'AffinityLoss',
    'GaussianKLLoss',
    'LossPart',
    'MMDLoss',
    'MaskedCrossEntropyLoss',
    'SigmoidL1Loss',
    'feature_distance',
    'gaussian_kl',
    'head_losses',
    'masked_cross_entropy',
    'masked_mean',
    'pixel_losses',
    'squared_mmd',
]
