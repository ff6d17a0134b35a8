"""Time and memory of inference by proposals: python tools/benchmark/proposal_inference.py.

Each number of proposals is measured with a batch of proposals and with one at a time, in a process
of its own.
"""

import argparse
import multiprocessing
import os
import re
import time
from pathlib import Path

COLUMNS = (
    ('proposals', 9),
    ('batch', 5),
    ('seconds', 8),
    ('images/s', 8),
    ('memory MB', 9),
    ('one map per proposal MB', 23),
)


def parse_args() -> argparse.Namespace:
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
    parser.add_argument('--threads', type=int, help="default: torch's choice")
    parser.add_argument('--device', default='cpu')
    return parser.parse_args()


def image_size(text: str) -> tuple[int, int]:
    """Parse WIDTHxHEIGHT."""
    width, height = text.split('x')
    return int(width), int(height)


def main() -> None:
    """Measure all combinations, each in a process of its own, and print a table."""
    args = parse_args()
    print('  '.join(f'{name:>{width}}' for name, width in COLUMNS))
    os.environ.setdefault('OMP_WAIT_POLICY', 'passive')
    # Memory that one combination has freed could otherwise serve the next unseen.
    context = multiprocessing.get_context('spawn')
    with context.Pool(1, maxtasksperchild=1) as pool:
        for batch in args.batch:
            for number in args.proposals:
                cells = pool.apply(measure, (number, batch, args))
                row = zip(cells, COLUMNS, strict=True)
                print('  '.join(f'{cell:>{width}}' for cell, (_, width) in row), flush=True)


def measure(number: int, batch: int, args: argparse.Namespace) -> list[str]:
    """Measure one combination."""
    import torch

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
    memory = peak_memory(run, args.device)
    seconds = min(timed(run, args.device) for _ in range(args.repeats))
    maps = number * args.classes * width * height * 4 / 2**20
    return [
        str(number),
        str(batch),
        f'{seconds:.2f}',
        f'{1 / seconds:.2f}',
        memory,
        f'{maps:.0f}',
    ]


def build_model(batch: int, number: int, args: argparse.Namespace):
    """The model of the base, by proposals, with random weights."""
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    import label_efficient_seg.models  # noqa: F401 - registers the components
    from label_efficient_seg.config_index import resource_root

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


def timed(function, device: str) -> float:
    """Seconds that a function takes."""
    import torch

    def synchronize():
        if device != 'cpu':
            torch.cuda.synchronize(device)

    synchronize()
    start = time.perf_counter()
    function()
    synchronize()
    return time.perf_counter() - start


def peak_memory(function, device: str) -> str:
    """The largest memory during a function minus that before, in MB."""
    import torch

    if device != 'cpu':
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        function()
        return f'{(torch.cuda.max_memory_allocated(device) - before) / 2**20:.0f}'
    status = Path('/proc/self/status')
    if not status.exists():
        function()
        return '-'
    # Makes the kernel forget the peak so far.
    Path('/proc/self/clear_refs').write_text('5')
    before = int(re.search(r'VmRSS:\s+(\d+)', status.read_text())[1])
    function()
    after = int(re.search(r'VmHWM:\s+(\d+)', status.read_text())[1])
    return f'{(after - before) / 2**10:.0f}'


if __name__ == '__main__':
    main()
