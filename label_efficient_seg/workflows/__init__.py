from .html_report import Report, embed_image
from .job_stage import (
    AffinityScoreStage,
    CAMStage,
    EntropyRankStage,
    JobStage,
    ProposalStage,
    PseudoMaskStage,
)
from .measurement import Measurement, PairedDifference, paired_difference
from .report import build_run_report, group_runs, latest_panels, write_report
from .results import Results, print_results
from .slurm_jobs import SlurmJobs
from .stages import STAGES, Result, Stage, TestStage, TrainStage
from .verdicts import Verdict, judge, next_steps
from .workflow import Workflow, print_states

__all__ = [
    'AffinityScoreStage',
    'CAMStage',
    'EntropyRankStage',
    'JobStage',
    'Measurement',
    'PairedDifference',
    'Workflow',
    'ProposalStage',
    'PseudoMaskStage',
    'Report',
    'Result',
    'Results',
    'STAGES',
    'SlurmJobs',
    'Stage',
    'TestStage',
    'TrainStage',
    'Verdict',
    'build_run_report',
    'embed_image',
    'group_runs',
    'judge',
    'latest_panels',
    'next_steps',
    'paired_difference',
    'print_results',
    'print_states',
    'write_report',
]
