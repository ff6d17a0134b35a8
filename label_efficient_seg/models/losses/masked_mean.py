import torch
from mmengine.dist import all_reduce
from torch import Tensor


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean that is exact over processes and never NaN.

    ``sum(weight * values) / sum(weight)``, where the denominator is averaged over the processes of
    a distributed run. Averaging the gradients of all processes then gives the gradient of the mean
    over the joint batch, however many pixels each process has.

    Args:
        values (Tensor): Any shape. Values where ``weight`` is 0 do not matter, not even NaN.
        weight (Tensor): Broadcastable to ``values``: boolean mask or weights >= 0.

    Returns:
        Tensor: Scalar, at least float32; 0 with zero gradient if all weights are 0.
    """
    # float16 cannot count the pixels of an image.
    values = values.to(torch.promote_types(values.dtype, torch.float32))
    weight = weight.to(values.dtype).expand_as(values)
    total = torch.where(weight > 0, values * weight, 0).sum()
    count = weight.sum().detach()
    all_reduce(count, op='mean')
    return total / torch.where(count > 0, count, 1)
