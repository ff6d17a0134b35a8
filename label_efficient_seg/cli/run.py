"""Run the stages of a workflow over several seeds and report them: what is missing runs.

Examples::

    les run cracks/ --seeds 0 1 2
    les run advsemi/workflow_toy --seeds 0 1 2
    les run advsemi/workflow_toy --dry-run
    les run my_workflow.py --from ranking --jobs 2
    les run cracks/ --seeds 0 1 2 --slurm gpu --slurm-options time=08:00:00 account=lab
"""

import argparse
import signal

from .arguments import add_amp, add_cfg_options, read_cfg_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    parser.add_argument(
        'workflow', help='folder of les new, workflow_*.py, or name of a shipped workflow'
    )
    parser.add_argument('--work-dir', help='default: FOLDER/runs, or work_dirs/<name>')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], help='default: 0')
    parser.add_argument('--jobs', type=int, help='stages at a time; default: CPU cores, or 1 GPU')
    parser.add_argument('--gpus', type=int, default=1, help='GPUs, or processes, of each training')
    parser.add_argument(
        '--from',
        dest='again',
        metavar='STAGE',
        help='run this stage again even if it is finished, and all that depend on it',
    )
    parser.add_argument(
        '--only', nargs='+', metavar='STAGE', help='run these stages and no other ones'
    )
    parser.add_argument(
        '--dry-run', action='store_true', help='show how far each stage is, and its command'
    )
    parser.add_argument(
        '--slurm',
        metavar='PARTITION',
        help='run each stage as a job of this partition of a Slurm cluster (needs submitit)',
    )
    parser.add_argument(
        '--slurm-options',
        nargs='+',
        default=[],
        type=_pair,
        metavar='KEY=VALUE',
        help='long options of sbatch; default: time=24:00:00 cpus_per_task=4',
    )
    add_amp(parser)
    add_cfg_options(parser, 'the configs of all stages')


def _pair(word: str) -> list[str]:
    if '=' not in word:
        raise argparse.ArgumentTypeError(f'{word!r} is not of the form KEY=VALUE')
    return word.split('=', 1)


def run(args: argparse.Namespace) -> None:
    """Run and report."""
    from .. import api

    # What a cluster sends before it kills ends the stages as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = api.run(
        args.workflow,
        args.work_dir,
        seeds=args.seeds,
        jobs=args.jobs,
        gpus=args.gpus,
        again=args.again,
        only=args.only,
        dry_run=args.dry_run,
        slurm=args.slurm,
        slurm_options=dict(args.slurm_options),
        amp=args.amp,
        cfg_options=read_cfg_options(args),
    )
    if report:
        print(report)
