from .feature_generator import FeatureGenerator
from .spatial_information_module import SpatialInformation, SpatialInformationModule

__all__ = ['FeatureGenerator', 'SpatialInformation', 'SpatialInformationModule']
