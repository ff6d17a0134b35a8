"""How uncertain the predictions are; needs no labels."""

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS

from ..core.errors import UserError
from ..ops import entropy_map


@METRICS.register_module()
class EntropyMetric(BaseMetric):
    """Mean entropy of the predictions, in [0, 1]: the mean over pixels, then over images.

    It chooses a checkpoint where the target has no labels: put it beside or in the place of
    ``IoUMetric`` and set ``default_hooks.checkpoint`` to ``save_best='entropy', rule='less'``. A
    network that is sure of a wrong class has a low entropy too, so compare checkpoints of one
    training, not methods.

    The mean is over the pixels of the original image, to which MMSeg brings the scores. With
    test-time augmentation MMSeg keeps the scores of one view only; they say little.

    Args:
        collect_device (str): As of MMEngine's ``BaseMetric``.
        prefix (str, optional): As of MMEngine's ``BaseMetric``.
    """

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Remember the mean entropy of each image.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Predictions, with ``seg_logits`` of shape (C, H, W).

        Raises:
            ValueError: If a prediction has no scores, or those of a single class.
        """
        for sample in data_samples:
            if 'seg_logits' not in sample:
                raise UserError(
                    f"the prediction of '{sample.get('img_path')}' has no seg_logits, from which "
                    'EntropyMetric takes the entropy'
                )
            logits = sample['seg_logits']['data']
            if len(logits) < 2:
                raise UserError(
                    'EntropyMetric needs the softmax scores of at least two classes, but the model '
                    'predicts one, as heads with a sigmoid do; take EntropyMetric out of the '
                    'evaluators'
                )
            self.results.append(entropy_map(logits[None]).mean().item())

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        """Mean over all images."""
        return dict(entropy=float(np.mean(results)))
