from .branch_data_loader import BranchDataLoader
from .camvid import CamVidDataset
from .cityscapes import SemiCityscapesDataset
from .gta5 import GTA5Dataset
from .image_folder import ImageFolderSegDataset
from .partially_labeled import PartiallyLabeledMixin
from .samplers import PositionedSampler
from .seeded_samples import SeededSamples
from .synscapes import SynscapesDataset
from .synthia import SYNTHIADataset
from .toy import ToyDataset, toy_root
from .transforms import LoadCheckedAnnotations, LoadValidMask, RandomScale
from .voc import SemiVOCDataset

__all__ = [
    'BranchDataLoader',
    'CamVidDataset',
    'GTA5Dataset',
    'ImageFolderSegDataset',
    'LoadCheckedAnnotations',
    'LoadValidMask',
    'PartiallyLabeledMixin',
    'PositionedSampler',
    'RandomScale',
    'SYNTHIADataset',
    'SeededSamples',
    'SemiCityscapesDataset',
    'SemiVOCDataset',
    'SynscapesDataset',
    'ToyDataset',
    'toy_root',
]
