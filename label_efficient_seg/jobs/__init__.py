from ..job_settings import (
    AffinityScoreSettings,
    CAMSettings,
    DeconvNetPanelSettings,
    EntropyRankSettings,
    PredictSettings,
    ProposalSettings,
    PseudoMaskSettings,
    SIGNPanelSettings,
    option,
)
from .affinity_scores import AffinityScoreJob
from .base import ImageFileJob, Job
from .cams import CAMJob
from .deconvnet_panels import DeconvNetPanelJob
from .predict import PredictJob
from .proposals import ProposalJob
from .pseudo_masks import PseudoMaskJob
from .ranking import EntropyRankJob
from .sign_panels import SIGNPanelJob

__all__ = [
    'AffinityScoreJob',
    'AffinityScoreSettings',
    'CAMJob',
    'CAMSettings',
    'DeconvNetPanelJob',
    'DeconvNetPanelSettings',
    'EntropyRankJob',
    'EntropyRankSettings',
    'ImageFileJob',
    'Job',
    'PredictJob',
    'PredictSettings',
    'ProposalJob',
    'ProposalSettings',
    'PseudoMaskJob',
    'PseudoMaskSettings',
    'SIGNPanelJob',
    'SIGNPanelSettings',
    'option',
]
