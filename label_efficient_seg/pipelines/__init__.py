from .affinity_scores import AffinityScores
from .cam_inference import CAMInference
from .cam_stages import AffinityScoreStage, CAMStage
from .entropy_rank_stage import EntropyRankStage
from .entropy_ranking import EntropyRanking
from .pipeline import Pipeline
from .pipeline_report import print_results, print_states, result_table, write_report
from .proposal_stage import ProposalStage
from .proposals import ProposalMaking
from .pseudo_mask_stage import PseudoMaskStage
from .pseudo_masks import PseudoMasks
from .stages import STAGES, Result, Stage, TestStage, TrainStage

__all__ = [
    'STAGES',
    'AffinityScoreStage',
    'AffinityScores',
    'CAMInference',
    'CAMStage',
    'EntropyRankStage',
    'EntropyRanking',
    'Pipeline',
    'ProposalMaking',
    'ProposalStage',
    'PseudoMaskStage',
    'PseudoMasks',
    'Result',
    'Stage',
    'TestStage',
    'TrainStage',
    'print_results',
    'print_states',
    'result_table',
    'write_report',
]
