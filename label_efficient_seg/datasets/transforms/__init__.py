from .affinity import AffinityTarget, LoadAffinityScores
from .dataset_transform import DatasetTransform, bind_transforms
from .image_tags import LoadImageTags
from .loading import LoadCheckedAnnotations, LoadValidMask, loads_masks
from .proposals import LoadProposals
from .scale import RandomScale
from .unseen_classes import HideUnseenClasses

__all__ = [
    'AffinityTarget',
    'DatasetTransform',
    'HideUnseenClasses',
    'LoadAffinityScores',
    'LoadCheckedAnnotations',
    'LoadImageTags',
    'LoadProposals',
    'LoadValidMask',
    'RandomScale',
    'bind_transforms',
    'loads_masks',
]
