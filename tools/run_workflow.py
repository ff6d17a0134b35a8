"""Run the stages of a workflow over several seeds and report them: what is missing runs.

Example::

    python tools/run_workflow.py advsemi/workflow_toy --seeds 0 1 2
    python tools/run_workflow.py advsemi/workflow_toy --dry-run
"""

import argparse
import signal

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('workflow', help='workflow_*.py, or name of a shipped workflow')
    parser.add_argument('--work-dir', help='default: work_dirs/<name of the workflow>')
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
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override values in the configs of all stages',
    )
    return parser.parse_args()


def main() -> None:
    """Run and report."""
    args = parse_args()
    from label_efficient_seg import workflows
    from label_efficient_seg.core.errors import readable_errors

    # What a cluster sends before it kills ends the stages as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with readable_errors():
        workflow = workflows.Workflow.from_file(
            args.workflow, args.work_dir, seeds=args.seeds, cfg_options=args.cfg_options
        )
        if args.dry_run:
            workflows.print_states(workflow, args.again, args.gpus)
            return
        workflow.run(args.jobs, args.gpus, args.again, args.only)
        workflows.print_results(workflow)
        print(workflows.write_report(workflow))


if __name__ == '__main__':
    main()
