from collections.abc import Sequence

import torch
from torch import Tensor

from ...ops import block_labels
from .masked_mean import masked_mean


def feature_distance(
    features: Tensor, initial: Tensor, labels: Tensor, classes: Sequence[int], num_classes: int
) -> Tensor:
    """Mean distance of features from those of the initial network, where some classes are.

    Args:
        features (Tensor): (N, D, h, w), any float dtype.
        initial (Tensor): Same shape, without gradient.
        labels (Tensor): (N, H, W), int64.
        classes (Sequence[int]): The classes whose blocks count, see :func:`block_labels`.
        num_classes (int): Of the labels.

    Returns:
        Tensor: Scalar, mean over these blocks of the Euclidean distance; 0 if there is none.

    Source: Hoyer et al., DAFormer, CVPR 2022, sec. 3.3.
    """
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    distance = torch.linalg.vector_norm(features - initial, dim=1)
    found = block_labels(labels, num_classes, (distance.shape[1], distance.shape[2]))
    counted = torch.zeros_like(found, dtype=torch.bool)
    for index in classes:
        counted |= found == index
    return masked_mean(distance, counted)
