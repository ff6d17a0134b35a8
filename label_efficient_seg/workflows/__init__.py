from .html_report import Report, embed_image
from .job_stage import (
    AffinityScoreStage,
    CAMStage,
    EntropyRankStage,
    JobStage,
    ProposalStage,
    PseudoMaskStage,
)
from .run_report import build_run_report, group_runs, latest_panels
from .stages import STAGES, Result, Stage, TestStage, TrainStage
from .workflow import Workflow
from .workflow_report import print_results, print_states, result_table, write_report

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
    'embed_image',
    'group_runs',
    'latest_panels',
    'print_results',
    'print_states',
    'result_table',
    'write_report',
]
