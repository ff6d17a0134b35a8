from .camvid import CamVidDataset
from .card_dataset import CardDataset
from .cityscapes import SemiCityscapesDataset
from .coco_stuff import SemiCOCOStuffDataset
from .files.class_embeddings import list_class_embeddings, load_class_embeddings
from .files.class_maps import ClassMaps, read_class_maps, write_class_maps
from .files.class_splits import CLASS_SPLITS, ClassSplit, class_split
from .files.proposal_files import Proposals, read_proposals, write_proposals
from .gta5 import GTA5Dataset
from .idd_lite import CamVidAsIDDLiteDataset, IDDLiteDataset
from .image_folder import ImageFolderSegDataset
from .msrc import MSRC21Dataset, MSRCPersonDataset
from .object_crops import ObjectCropDataset
from .partially_labeled import PartiallyLabeledMixin
from .pascal_context import SemiPascalContextDataset
from .proposal_crops import ProposalCropDataset
from .proposals import make_proposals
from .rare_class_dataset import RareClassDataset
from .samplers import PositionedSampler
from .seeded_samples import SeededSamples
from .stream_data_loader import StreamDataLoader
from .synscapes import SynscapesDataset
from .synthia import SYNTHIADataset
from .toy import toy_root
from .toy_dataset import ToyDataset
from .transforms import (
    AffinityTarget,
    HideUnseenClasses,
    LoadAffinityScores,
    LoadCheckedAnnotations,
    LoadImageTags,
    LoadProposals,
    LoadValidMask,
    RandomScale,
)
from .voc import SemiVOCDataset, VOCAnimalDataset

__all__ = [
    'AffinityTarget',
    'StreamDataLoader',
    'CLASS_SPLITS',
    'CamVidAsIDDLiteDataset',
    'CamVidDataset',
    'CardDataset',
    'ClassMaps',
    'ClassSplit',
    'GTA5Dataset',
    'HideUnseenClasses',
    'IDDLiteDataset',
    'ImageFolderSegDataset',
    'LoadAffinityScores',
    'LoadCheckedAnnotations',
    'LoadImageTags',
    'LoadProposals',
    'LoadValidMask',
    'MSRC21Dataset',
    'MSRCPersonDataset',
    'ObjectCropDataset',
    'PartiallyLabeledMixin',
    'PositionedSampler',
    'ProposalCropDataset',
    'Proposals',
    'RandomScale',
    'RareClassDataset',
    'SYNTHIADataset',
    'SeededSamples',
    'SemiCOCOStuffDataset',
    'SemiCityscapesDataset',
    'SemiPascalContextDataset',
    'SemiVOCDataset',
    'SynscapesDataset',
    'ToyDataset',
    'VOCAnimalDataset',
    'class_split',
    'list_class_embeddings',
    'load_class_embeddings',
    'make_proposals',
    'read_class_maps',
    'read_proposals',
    'toy_root',
    'write_class_maps',
    'write_proposals',
]
