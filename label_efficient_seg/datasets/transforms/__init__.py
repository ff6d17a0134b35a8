from .affinity import AffinityTarget, LoadAffinityScores
from .cam_masks import LoadCAMMask
from .center_pad import CenterPad
from .dataset_transform import DatasetTransform, bind_transforms
from .ignore_margins import IgnoreMargins
from .image_tags import LoadImageTags
from .loading import LoadCheckedAnnotations, LoadValidMask, loads_masks
from .proposals import LoadProposals
from .scale import RandomScale
from .strong_views import PackStrongViews, draw_cutmix_box
from .unseen_classes import HideUnseenClasses

__all__ = [
    'AffinityTarget',
    'CenterPad',
    'DatasetTransform',
    'HideUnseenClasses',
    'IgnoreMargins',
    'LoadAffinityScores',
    'LoadCAMMask',
    'LoadCheckedAnnotations',
    'LoadImageTags',
    'LoadProposals',
    'LoadValidMask',
    'PackStrongViews',
    'RandomScale',
    'bind_transforms',
    'draw_cutmix_box',
    'loads_masks',
]
