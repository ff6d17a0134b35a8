from .branch_data_loader import BranchDataLoader
from .camvid import CamVidDataset
from .cityscapes import SemiCityscapesDataset
from .class_maps import ClassMaps, read_class_maps, write_class_maps
from .gta5 import GTA5Dataset
from .image_folder import ImageFolderSegDataset
from .image_label_dataset import ImageLabelDataset
from .partially_labeled import PartiallyLabeledMixin
from .samplers import PositionedSampler
from .seeded_samples import SeededSamples
from .synscapes import SynscapesDataset
from .synthia import SYNTHIADataset
from .toy import ToyDataset, toy_root
from .transforms import (
    AffinityTarget,
    LoadAffinityScores,
    LoadCheckedAnnotations,
    LoadValidMask,
    RandomScale,
)
from .voc import SemiVOCDataset

__all__ = [
    'AffinityTarget',
    'BranchDataLoader',
    'CamVidDataset',
    'ClassMaps',
    'GTA5Dataset',
    'ImageFolderSegDataset',
    'ImageLabelDataset',
    'LoadAffinityScores',
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
    'read_class_maps',
    'toy_root',
    'write_class_maps',
]
