from .entropy_rank_stage import EntropyRankStage
from .entropy_ranking import EntropyRanking
from .pipeline import Pipeline
from .pipeline_report import print_results, print_states, result_table, write_report
from .stages import STAGES, Result, Stage, TestStage, TrainStage

__all__ = [
    'STAGES',
    'EntropyRankStage',
    'EntropyRanking',
    'Pipeline',
    'Result',
    'Stage',
    'TestStage',
    'TrainStage',
    'print_results',
    'print_states',
    'result_table',
    'write_report',
]
