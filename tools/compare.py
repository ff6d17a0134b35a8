"""Train several configs over several seeds and report them side by side.

Example::

    python tools/compare.py work_dirs/voc supervised=advsemi/deeplabv2_r101_voc_supervised \
        advsemi=advsemi/deeplabv2_r101_voc_semi --seeds 0 1 2
"""

import argparse
import signal

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('work_dir', help='folder for the trainings and the report')
    parser.add_argument(
        'runs', nargs='+', metavar='NAME=CONFIG', help='runs; the first is the baseline'
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0])
    parser.add_argument(
        '--jobs', type=int, help='trainings at a time; default: CPU cores, or 1 GPU'
    )
    parser.add_argument('--title', default='Comparison')
    parser.add_argument('--images', type=int, default=6, help='validation images to show')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override values in the config of every run',
    )
    args = parser.parse_args()
    wrong = [run for run in args.runs if '=' not in run]
    if wrong:
        parser.error(f'{wrong[0]!r} is not of the form NAME=CONFIG')
    return args


def main() -> None:
    """Train and report."""
    args = parse_args()
    from label_efficient_seg import workflows
    from label_efficient_seg.core.errors import readable_errors

    # What a cluster sends before it kills ends the trainings as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    runs = [run.split('=', 1) for run in args.runs]
    stages = [dict(name=name, type='TrainStage', config=config) for name, config in runs]
    with readable_errors():
        workflow = workflows.Workflow(
            stages, args.work_dir, args.seeds, title=args.title, cfg_options=args.cfg_options
        )
        workflow.run(args.jobs)
        workflows.print_results(workflow)
        print(workflows.write_report(workflow, args.images))


if __name__ == '__main__':
    main()
