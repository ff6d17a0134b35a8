from .html_report import Report, embed_image
from .job_stage import (
    AffinityScoreStage,
    CAMStage,
    EntropyRankStage,
    JobStage,
    ProposalStage,
    PseudoMaskStage,
)
from .report import build_run_report, group_runs, latest_panels, write_report
from .results import class_table, paired_difference, print_results, result_table
from .stages import STAGES, Result, Stage, TestStage, TrainStage
from .workflow import Workflow, print_states

__all__ = [
    'AffinityScoreStage',
    'CAMStage',
    'EntropyRankStage',
    'JobStage',
    'Workflow',
    'ProposalStage',
    'PseudoMaskStage',
    'Report',
    'Result',
    'STAGES',
    'Stage',
    'TestStage',
    'TrainStage',
    'build_run_report',
    'class_table',
    'embed_image',
    'group_runs',
    'latest_panels',
    'paired_difference',
    'print_results',
    'print_states',
    'result_table',
    'write_report',
]
