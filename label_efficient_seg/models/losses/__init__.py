from .adversarial_loss import AdversarialLoss
from .affinity_loss import AffinityLoss
from .masked_cross_entropy_loss import MaskedCrossEntropyLoss, masked_cross_entropy
from .masked_mean import masked_mean

__all__ = [
    'AdversarialLoss',
    'AffinityLoss',
    'MaskedCrossEntropyLoss',
    'masked_cross_entropy',
    'masked_mean',
]
