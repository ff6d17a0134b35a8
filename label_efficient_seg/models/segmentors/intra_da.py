from mmseg.registry import MODELS

from .advent import ADVENT


@MODELS.register_module()
class IntraDA(ADVENT):
    """Intra-domain adaptation: :class:`ADVENT` from the easy to the hard images of the target.

    It is the last of three steps. An adapted model ranks the target images by the entropy of its
    predictions; those with the lowest are the stream ``easy``, with its predictions as labels, the
    others the stream ``hard``, without labels. Segmentor and discriminators start afresh.

    Source: Pan et al., Unsupervised Intra-domain Adaptation for Semantic Segmentation through
    Self-Supervision, CVPR 2020.
    """

    streams = ('easy', 'hard')
