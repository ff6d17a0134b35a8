from .fc_discriminator import FCDiscriminator
from .seg_discriminator import SegDiscriminator

__all__ = ['FCDiscriminator', 'SegDiscriminator']
