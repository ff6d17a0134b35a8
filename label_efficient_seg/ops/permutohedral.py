"""Gaussian filter of values at scattered points, in linear time: the permutohedral lattice."""

import math
from itertools import accumulate
from operator import mul

import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.errors import UserError

# A corner that many points share is summed in parts of so many entries. One long sum would keep a
# single thread of a GPU busy while all others wait.
MAX_SUM = 256
# Channels are filtered in groups whose values at the corners have at most so many elements: twice
# as fast on a CPU, where the pages of larger tensors come from the system each time. For the same
# reason, results are added to their sum by blocks of so many points.
MAX_ELEMENTS = 2**22 + 2**21
MAX_POINTS = 2**15
# Beyond this, float32 is too coarse to tell where in its simplex a point lies.
MAX_FEATURE = 2**16


class PermutohedralLattice:
    """Normalised Gaussian filter of values at fixed points of a low-dimensional space.

    Approximates D^-1/2 K D^-1/2 for K_ij = exp(-|f_i - f_j|^2 / 2), with D the diagonal of the row
    sums of K, in time and memory linear in the number of points. Space is cut into simplices.
    Values are *splat* to the corners of the simplex around each point, *blurred* between corners
    along each of the lattice's axes, and *sliced* back with the weights of the splat.

    Args:
        features (Tensor): Points in units of the standard deviation, shape (dimensions, points),
            float32. Gradients do not flow to them.
        dtype (torch.dtype): Dtype of the values.

    Raises:
        ValueError: If a point lies too far from the origin, or the points too far from each other.

    Source: Adams et al., Fast high-dimensional filtering using the permutohedral lattice,
    Eurographics 2010.
    """

    @torch.no_grad()
    def __init__(self, features: Tensor, dtype: torch.dtype) -> None:
        if not features.abs().max() <= MAX_FEATURE:
            raise UserError(
                f'points of a lattice must lie within {MAX_FEATURE} standard deviations of the '
                f'origin, but one is at {features.abs().max():.3g}: increase the sigmas'
            )
        cell, rank, weights = _enclosing_simplices(features)
        keys, strides = _corner_keys(cell, rank)
        width = len(keys)
        weights = weights.T.to(dtype).flatten()
        # One sort finds equal corners, and puts the entries of a corner next to each other.
        keys, order = keys.T.flatten().sort(stable=True)
        keys, corners, counts = keys.unique_consecutive(return_inverse=True, return_counts=True)
        corners = torch.empty_like(order).scatter_(0, order, corners)
        points = order.to(_index_dtype(order)) // width
        entries = torch.arange(len(order) + 1, device=order.device)
        starts = F.pad(counts.cumsum(0), (1, 0))
        parts = torch.cat([starts, entries[::MAX_SUM]]).unique()
        self.splat = _SparseMatrix(points, parts, weights[order])
        self.join = _SparseMatrix(entries[: len(parts) - 1], torch.searchsorted(parts, starts))
        self.blurs = _blurs(keys, strides, dtype)
        self.slices = [
            _SparseMatrix(part, entries[: len(part) + 1 : width], of_part)
            for part, of_part in zip(
                corners.split(width * MAX_POINTS), weights.split(width * MAX_POINTS), strict=True
            )
        ]
        # No row sum is below 1 / (d + 1), the least that a point can keep of its own value.
        scale = self.filter(weights.new_ones(features.shape[1], 1))[:, 0].rsqrt()
        self.splat.weights.mul_(scale[points])  # type: ignore[union-attr]
        for rows, factors in zip(self.slices, scale.split(MAX_POINTS), strict=True):
            rows.weights.view(-1, width).mul_(factors[:, None])  # type: ignore[union-attr]

    def __call__(self, values: Tensor) -> Tensor:
        """Filter values of shape (points, channels), with gradients."""
        return self.add_to(torch.zeros_like(values), values)

    def add_to(self, total: Tensor, values: Tensor, weight: float = 1.0) -> Tensor:
        """Add the filtered values, times a weight, to a total in place, with gradients to both."""
        return _AddFiltered.apply(total, values, weight, self, False)

    @torch.no_grad()
    def filter(
        self,
        values: Tensor,
        transposed: bool = False,
        total: Tensor | None = None,
        weight: float = 1.0,
    ) -> Tensor:
        """What ``add_to`` does, without gradients; ``transposed`` applies the transposed matrix.

        The two differ slightly: the axes are blurred in the opposite order, which matters where
        the lattice has gaps.
        """
        total = torch.zeros_like(values) if total is None else total
        blurs = self.blurs[::-1] if transposed else self.blurs
        channels = max(1, MAX_ELEMENTS // len(self.splat))
        groups = (tensor.split(channels, dim=1) for tensor in (total, values))
        for part, group in zip(*groups, strict=True):
            group = group.contiguous()
            for rows in (self.splat, self.join, *blurs):
                group = rows @ group
            for rows, block in zip(self.slices, part.split(MAX_POINTS), strict=True):
                block.add_(rows @ group, alpha=weight)
        return total


class _SparseMatrix:
    """Sparse matrix by rows: the entries of row i are those from offsets[i] to offsets[i + 1]."""

    def __init__(self, columns: Tensor, offsets: Tensor, weights: Tensor | None = None) -> None:
        index = _index_dtype(columns)
        self.columns, self.offsets, self.weights = columns.to(index), offsets.to(index), weights

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __matmul__(self, values: Tensor) -> Tensor:
        # In torch, this is faster than sparse matrices and than index_add.
        return F.embedding_bag(
            self.columns,
            values,
            self.offsets,
            mode='sum',
            per_sample_weights=self.weights,
            include_last_offset=True,
        )


def _index_dtype(entries: Tensor) -> torch.dtype:
    """Half the bytes to read, unless there are too many entries."""
    return torch.int32 if len(entries) < 2**31 else torch.int64


class _AddFiltered(torch.autograd.Function):
    """A linear map: its gradient is the transposed map, and needs nothing of what lies between."""

    @staticmethod
    def forward(
        ctx,
        total: Tensor,
        values: Tensor,
        weight: float,
        lattice: PermutohedralLattice,
        transposed: bool,
    ) -> Tensor:
        ctx.weight, ctx.lattice, ctx.transposed = weight, lattice, transposed
        ctx.mark_dirty(total)
        return lattice.filter(values, transposed, total, weight)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        settings = ctx.weight, ctx.lattice, not ctx.transposed
        of_values = _AddFiltered.apply(torch.zeros_like(gradient), gradient, *settings)
        return gradient, of_values, None, None, None


def _enclosing_simplices(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the simplex around each point, as three tensors of shape (dimensions + 1, points).

    Returns:
        tuple: ``cell``, int64, the simplex's corner of remainder 0, whose coordinates are multiples
        of d + 1, divided by d + 1; ``rank``, int64, the place of each coordinate if those relative
        to this corner are put in descending order, which tells the simplices at a corner apart;
        and the barycentric weights of the corners, by remainder.
    """
    dims = len(features)
    # Rounding decides on which side a point lies that is almost on a face. The weights hardly
    # change, but a corner of weight zero that only one side has still passes values on in the
    # blur. Hence all is float32, in the order of operations that the authors' code has: both find
    # the same corners, on any device.
    spread = torch.tensor(math.sqrt(2 / 3) * (dims + 1), dtype=torch.float32).item()
    total = torch.zeros_like(features[0])
    coordinates = []
    for axis in range(dims, 0, -1):
        feature = features[axis - 1] * (spread / math.sqrt(axis * (axis + 1)))
        coordinates.insert(0, total - feature * axis)
        total = total + feature
    elevated = torch.stack([total, *coordinates])
    cell = (elevated * (1 / (dims + 1))).round_()
    rest = elevated - cell * (dims + 1)
    rank = torch.stack(
        [(r <= rest[:i]).sum(0) + (r < rest[i + 1 :]).sum(0) for i, r in enumerate(rest)]
    )
    # Rounding may leave the plane of coordinates that sum to zero: those that were rounded most
    # to the wrong side go back by one cell.
    rank += cell.sum(0).long()
    shift = (rank < 0).long() - (rank > dims).long()
    rank += shift * (dims + 1)
    cell += shift
    rest -= shift * (dims + 1)
    ascending = torch.empty_like(rest).scatter_(0, rank, rest).flip(0)
    weights = (ascending - ascending.roll(1, 0)) / (dims + 1)
    weights[0] += 1
    return cell.long(), rank, weights


def _corner_keys(cell: Tensor, rank: Tensor) -> tuple[Tensor, Tensor]:
    """Number the corners of simplices so that equal corners, and only those, have equal numbers.

    The coordinates of a corner of remainder r are q (d + 1) + r. Its key has r as the lowest digit,
    then the q of all coordinates but the last, which follows as the coordinates sum to zero.

    Returns:
        tuple: Keys, int32 or int64, shape (dimensions + 1, points), by remainder; and by how much a
        key grows with the q of each coordinate, shape (dimensions + 1, 1), of the same dtype.

    Raises:
        ValueError: If a key would not fit into an int64.
    """
    dims = len(cell) - 1
    # A margin of one cell below for corners, and of one on both sides for their neighbours.
    lowest = cell.amin(1, keepdim=True) - 2
    sizes = (cell.amax(1, keepdim=True) + 2 - lowest).flatten().tolist()
    *strides, total = accumulate([dims + 1, *sizes[:-1]], mul)
    if total >= 2**63:
        raise UserError(
            f'a lattice over these points would have {total:.1e} places for corners, too many to '
            'number them in 64 bits: increase the sigmas'
        )
    strides = cell.new_tensor([*strides, 0])[:, None]
    first = ((cell - lowest) * strides).sum(0, keepdim=True)
    # From one corner to the next, all coordinates grow by 1, and one, by rank, goes back by d + 1.
    by_rank = torch.empty_like(rank).scatter_(0, rank, strides.expand_as(rank)).flip(0)
    keys = torch.cat([first, first + (1 - by_rank[:dims]).cumsum(0)])
    # Short numbers are sorted in two thirds of the time.
    dtype = torch.int32 if total < 2**31 else torch.int64
    return keys.to(dtype), strides.to(dtype)


def _blurs(keys: Tensor, strides: Tensor, dtype: torch.dtype) -> list[_SparseMatrix]:
    """For each axis, add half of both neighbours to every corner.

    Corners to which nothing is splat do not exist: where a neighbour is missing, the corner itself
    stands in with weight 0.
    """
    dims = len(strides) - 1
    own = torch.arange(len(keys), device=keys.device)
    offsets = torch.arange(0, 3 * len(keys) + 1, 3, device=keys.device)
    # The next corner along an axis has all coordinates larger by 1, but its own smaller by d.
    to_first = strides.sum(dtype=strides.dtype) - dims
    following = keys + torch.where(keys % (dims + 1) == dims, to_first, 1)
    blurs = []
    for stride in strides:
        wanted = following - stride
        found = torch.searchsorted(keys, wanted).clamp_(max=len(keys) - 1)
        here = (keys[found] == wanted).nonzero()[:, 0]
        found = found[here]
        columns = own[:, None].repeat(1, 3)
        weights = torch.zeros_like(columns, dtype=dtype)
        weights[:, 0] = 1
        columns[here, 1], weights[here, 1] = found, 0.5
        columns[found, 2], weights[found, 2] = here, 0.5
        blurs.append(_SparseMatrix(columns.flatten(), offsets, weights.flatten()))
    return blurs
