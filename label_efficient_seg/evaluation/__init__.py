from .entropy_metric import EntropyMetric
from .subset_iou_metric import SubsetIoUMetric

__all__ = ['EntropyMetric', 'SubsetIoUMetric']
