"""Semi-supervised training against its baseline on the built-in toy dataset, with a report."""

import argparse

TEXT = (
    'Of 320 toy images, 40 have labels (1/8). `supervised` learns from these alone, `advsemi` '
    '(AdvSemiSeg) from these and the 280 others without labels, `oracle` from the labels of all '
    '320. The network, a small ResNet-18 without pre-training, and the schedule are the same.'
)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--work-dir', default='work_dirs/demo', help='default: %(default)s')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], help='default: 0')
    parser.add_argument(
        '--jobs', type=int, help='trainings at a time; default: CPU cores, or 1 GPU'
    )
    return parser.parse_args()


def main() -> None:
    """Train and report."""
    args = parse_args()
    from label_efficient_seg.engine.checkpoint import secure_loading
    from label_efficient_seg.engine.readable_errors import readable_errors
    from label_efficient_seg.pipelines import Comparison, Run

    secure_loading()
    names = dict(supervised='supervised', advsemi='semi', oracle='oracle')
    runs = [Run(name, f'advsemi/deeplabv2_r18_toy_{file}') for name, file in names.items()]
    with readable_errors():
        comparison = Comparison(runs, args.seeds, args.work_dir)
        comparison.train(args.jobs)
        comparison.print_table()
        print(comparison.report('AdvSemiSeg with 1/8 of the labels', TEXT))


if __name__ == '__main__':
    main()
