from .branch_data_loader import BranchDataLoader
from .camvid import CamVidDataset
from .cityscapes import SemiCityscapesDataset
from .image_folder import ImageFolderSegDataset
from .partially_labeled import PartiallyLabeledMixin
from .samplers import PositionedSampler
from .seeded_samples import SeededSamples
from .toy import ToyDataset, toy_root
from .transforms import LoadCheckedAnnotations, LoadValidMask, RandomScale
from .voc import SemiVOCDataset

__all__ = [
    'BranchDataLoader',
    'CamVidDataset',
    'ImageFolderSegDataset',
    'LoadCheckedAnnotations',
    'LoadValidMask',
    'PartiallyLabeledMixin',
    'PositionedSampler',
    'RandomScale',
    'SeededSamples',
    'SemiCityscapesDataset',
    'SemiVOCDataset',
    'ToyDataset',
    'toy_root',
]
