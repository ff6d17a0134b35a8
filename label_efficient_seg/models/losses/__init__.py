from .adversarial_loss import AdversarialLoss
from .affinity_loss import AffinityLoss
from .masked_cross_entropy_loss import MaskedCrossEntropyLoss, masked_cross_entropy
from .masked_mean import masked_mean
from .mmd_loss import MMDLoss, squared_mmd

__all__ = [
    'AdversarialLoss',
    'AffinityLoss',
    'MMDLoss',
    'MaskedCrossEntropyLoss',
    'masked_cross_entropy',
    'masked_mean',
    'squared_mmd',
]
