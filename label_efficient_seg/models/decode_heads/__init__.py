from .affinity_head import AffinityHead
from .deconvnet_head import DeconvNetHead
from .deeplabv2_head import DeepLabV2Head
from .fcn8s_head import FCN8sHead
from .large_fov_head import LargeFOVHead
from .word_projection_head import WordProjectionHead

__all__ = [
    'AffinityHead',
    'DeconvNetHead',
    'DeepLabV2Head',
    'FCN8sHead',
    'LargeFOVHead',
    'WordProjectionHead',
]
