from .affinity_head import AffinityHead
from .deconvnet_head import DeconvNetHead
from .deeplabv2_head import DeepLabV2Head
from .large_fov_head import LargeFOVHead

__all__ = ['AffinityHead', 'DeconvNetHead', 'DeepLabV2Head', 'LargeFOVHead']
