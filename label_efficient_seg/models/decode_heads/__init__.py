from .affinity_head import AffinityHead
from .daformer_head import DAFormerHead
from .deconvnet_head import DeconvNetHead
from .deeplabv2_head import DeepLabV2Head
from .deeplabv3plus_head import DeepLabV3PlusHead
from .fcn8s_head import FCN8sHead
from .hrda_head import HRDAHead
from .large_fov_head import LargeFOVHead
from .plain_dpt_head import PlainDPTHead
from .word_projection_head import WordProjectionHead

__all__ = [
    'AffinityHead',
    'DAFormerHead',
    'DeconvNetHead',
    'DeepLabV2Head',
    'DeepLabV3PlusHead',
    'FCN8sHead',
    'HRDAHead',
    'LargeFOVHead',
    'PlainDPTHead',
    'WordProjectionHead',
]
