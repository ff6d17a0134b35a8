from .cam_iou import (
    SweepResult,
    ThresholdSweep,
    alpha_threshold,
    label_areas,
    mean_iou,
)
from .cam_iou_metric import CAMIoUMetric
from .entropy_metric import EntropyMetric
from .object_size_iou_metric import ObjectSizeIoUMetric, object_sizes
from .subset_iou_metric import SubsetIoUMetric
from .zero_shot_iou_metric import ZeroShotIoUMetric

__all__ = [
    'CAMIoUMetric',
    'EntropyMetric',
    'ObjectSizeIoUMetric',
    'SubsetIoUMetric',
    'SweepResult',
    'ThresholdSweep',
    'ZeroShotIoUMetric',
    'alpha_threshold',
    'label_areas',
    'mean_iou',
    'object_sizes',
]
