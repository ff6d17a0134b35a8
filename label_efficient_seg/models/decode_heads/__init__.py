from .affinity_head import AffinityHead
from .deeplabv2_head import DeepLabV2Head
from .large_fov_head import LargeFOVHead

__all__ = ['AffinityHead', 'DeepLabV2Head', 'LargeFOVHead']
