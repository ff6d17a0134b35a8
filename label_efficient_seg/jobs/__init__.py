from .affinity_scores import AffinityScoreJob, AffinityScoreSettings
from .base import ImageFileJob, Job
from .cams import CAMJob, CAMSettings
from .deconvnet_panels import DeconvNetPanelJob, DeconvNetPanelSettings
from .proposals import ProposalJob, ProposalSettings
from .pseudo_masks import PseudoMaskJob, PseudoMaskSettings
from .ranking import EntropyRankJob, EntropyRankSettings
from .settings import option
from .sign_panels import SIGNPanelJob, SIGNPanelSettings

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
    'ProposalJob',
    'ProposalSettings',
    'PseudoMaskJob',
    'PseudoMaskSettings',
    'SIGNPanelJob',
    'SIGNPanelSettings',
    'option',
]
