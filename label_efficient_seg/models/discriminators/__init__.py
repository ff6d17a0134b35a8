from .fc_discriminator import FCDiscriminator
from .feature_discriminator import FeatureDiscriminator
from .seg_discriminator import SegDiscriminator

__all__ = ['FCDiscriminator', 'FeatureDiscriminator', 'SegDiscriminator']
