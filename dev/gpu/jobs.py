"""Jobs: random walk, CRF, PAR, proposals and ranking on the device against the CPU."""

import argparse
from collections.abc import Callable

import proposal_inference
import torch
import torch.nn.functional as F
from measuring import timed
from torch import Tensor

from label_efficient_seg import ops

from .common import Row, Settings, tf32

TITLE = 'Jobs on images'
NOTE = (
    'Seconds for one image of 500x375 with 21 classes, or the grid of its features, the fastest '
    'of several calls; the largest absolute difference of scores between both devices.'
)
MINUTES = 2


def cases(settings: Settings) -> list[str]:
    """What is measured."""
    return list(JOBS)


def run(case: str, settings: Settings) -> list[Row]:
    """Measure one of them on both devices."""
    seconds, results = [], []
    repeats = 1 if settings.smoke else 3
    for device in ('cpu', settings.device):
        torch.manual_seed(0)
        function = JOBS[case](device, settings.smoke)
        with torch.no_grad(), tf32(False):
            results.append(function().double().cpu())
            seconds.append(min(timed(function, device) for _ in range(repeats)))
    row = dict(cpu_s=seconds[0], device_s=seconds[1], times=seconds[0] / seconds[1])
    return [dict(row, case=case, difference=float((results[0] - results[1]).abs().max()))]


def image(device: str, smoke: bool) -> tuple[Tensor, Tensor]:
    """Scores of classes and the colours of a photo, smooth but for noise."""
    size = (38, 50) if smoke else (375, 500)
    scores, colors = torch.randn(1, 21, 8, 10), torch.rand(1, 3, 12, 16)
    scores, colors = (F.interpolate(t, size, mode='bilinear') for t in (scores, colors))
    colors = 255 * (colors + 0.05 * torch.randn(1, 3, *size)).clamp(0, 1)
    return (4 * scores).to(device), colors.to(device)


def walk(device: str, smoke: bool) -> Callable[[], Tensor]:
    """AffinityNet's random walk."""
    size = (12, 16) if smoke else (47, 63)
    features = F.interpolate(torch.randn(1, 8, 6, 8), size) + 0.1 * torch.randn(1, 8, *size)
    scores = torch.rand(1, 21, *size).to(device)
    affinities = ops.pairwise_affinities(features.to(device))
    return lambda: ops.random_walk(scores, affinities)


def crf(device: str, smoke: bool) -> Callable[[], Tensor]:
    """Dense CRF, one iteration in the comparison of a smoke run, ten else."""
    scores, colors = image(device, smoke)
    return lambda: ops.dense_crf(scores, colors, iterations=1 if smoke else 10)


def par(device: str, smoke: bool) -> Callable[[], Tensor]:
    """PAR at half the resolution."""
    scores, colors = image(device, smoke)
    scores = scores.softmax(1)
    return lambda: ops.refine_by_image(scores, colors, 'par')


def ranking(device: str, smoke: bool) -> Callable[[], Tensor]:
    """IntraDA's entropy of an image."""
    scores, _ = image(device, smoke)
    return lambda: ops.self_information(scores).mean(dtype=torch.float64)[None]


def proposals(device: str, smoke: bool) -> Callable[[], Tensor]:
    """DeconvNet's inference on proposals, with random weights."""
    number, width, height = (3, 100, 75) if smoke else (50, 500, 375)
    args = argparse.Namespace(
        model='_base_/models/deconvnet_toy.py', classes=21, crop_size=96, device=device
    )
    model = proposal_inference.build_model(3 if smoke else 8, number, args)
    photo = torch.randn(1, 3, height, width).to(device)
    low = torch.rand(number, 2) * 0.7
    boxes = torch.cat([low, low + 0.1 + torch.rand(number, 2) * (0.9 - low)], dim=1)
    boxes = boxes * torch.tensor([width, height, width, height])
    metas = [dict(ori_shape=(height, width), proposals=boxes.numpy())]
    return lambda: model.proposal_inference(photo, metas)


JOBS: dict[str, Callable[[str, bool], Callable[[], Tensor]]] = {
    'random walk, 256 steps': walk,
    'dense CRF, 10 iterations': crf,
    'PAR': par,
    'ranking': ranking,
    'proposals': proposals,
}
