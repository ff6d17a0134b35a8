"""Time and memory of inference by proposals: python dev/benchmarks/proposal_inference.py.

Each number of proposals is measured with a batch of proposals and with one at a time, in a process
of its own.
"""

import argparse
from collections.abc import Sequence

import torch
from measuring import (
    MIB,
    Table,
    add_common_arguments,
    image_size,
    in_own_process,
    timed,
    with_peak_memory,
    write_results,
)
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

import label_efficient_seg.models  # noqa: F401 - registers the components
from label_efficient_seg.core.config_index import resource_root

COLUMNS = {
    'proposals': '',
    'batch': '',
    'seconds': '.2f',
    'images/s': '.2f',
    'MiB': '.0f',
    'one map per proposal MiB': '.0f',
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure ProposalEncoderDecoder with random weights on a random image. Seconds '
        'are the best of several runs. Memory is the largest during a run beyond that of the model '
        '(on a CPU, what the first run adds to its process; Linux only). For comparison: what '
        'score maps of the size of the image, one per proposal, would take.'
    )
    parser.add_argument(
        '--model',
        default='_base_/models/deconvnet_toy.py',
        help='model base below configs; default: %(default)s',
    )
    parser.add_argument('--classes', type=int, default=21)
    parser.add_argument('--crop-size', type=int, default=96, help='default: 96; the paper has 224')
    parser.add_argument('--size', type=image_size, default=(500, 375), metavar='WIDTHxHEIGHT')
    parser.add_argument('--proposals', nargs='+', type=int, default=[10, 50, 200])
    parser.add_argument('--batch', nargs='+', type=int, default=[8, 1])
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--device', default='cpu')
    add_common_arguments(parser)
    return parser.parse_args(argv)


def main() -> None:
    """Measure all combinations, each in a process of its own, and print a table."""
    args = parse_args()
    table = Table(COLUMNS)
    for batch in args.batch:
        for number in args.proposals:
            table.add(**in_own_process(measure, number, batch, args))
    write_results(args, table.rows)


def measure(number: int, batch: int, args: argparse.Namespace) -> dict:
    """Measure one combination."""
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model = build_model(batch, number, args)
    width, height = args.size
    image = torch.randn(1, 3, height, width, device=args.device)
    # Boxes of all sizes and places, as proposals are.
    low = torch.rand(number, 2) * 0.7
    boxes = torch.cat([low, low + 0.1 + torch.rand(number, 2) * (0.9 - low)], dim=1)
    boxes = boxes * torch.tensor([width, height, width, height])
    metas = [dict(ori_shape=(height, width), proposals=boxes.numpy())]

    def run():
        return model.proposal_inference(image, metas)

    # What the first call of a network allocates for good is not the proposals'.
    with torch.no_grad():
        model(torch.randn(batch, 3, *[args.crop_size] * 2, device=args.device))
    _, memory = with_peak_memory(run, args.device)
    seconds = min(timed(run, args.device) for _ in range(args.repeats))
    return {
        'proposals': number,
        'batch': batch,
        'seconds': seconds,
        'images/s': 1 / seconds,
        'MiB': memory,
        'one map per proposal MiB': number * args.classes * width * height * 4 / MIB,
    }


def build_model(batch: int, number: int, args: argparse.Namespace) -> torch.nn.Module:
    """The model of the base, by proposals, with random weights."""
    init_default_scope('mmseg')
    cfg = Config.fromfile(resource_root() / 'configs' / args.model).model
    cfg.type = 'ProposalEncoderDecoder'
    cfg.backbone.init_cfg = None
    cfg.decode_head.num_classes = args.classes
    cfg.test_cfg = dict(
        mode='proposal',
        num_proposals=number,
        batch_size=batch,
        crop_size=(args.crop_size, args.crop_size),
    )
    return MODELS.build(cfg).to(args.device).eval()


if __name__ == '__main__':
    main()
