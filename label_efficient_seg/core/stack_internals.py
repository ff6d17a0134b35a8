"""What this package uses of the stack beyond its documented interfaces.

Private names and the wording of messages of PyTorch, MMEngine, MMCV and MMSegmentation stand here
and nowhere else. ``tests/core/test_stack_internals.py`` has one test for each, which fails first
when the stack changes.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path

from mmengine.runner import checkpoint as mmengine_checkpoint

# --- PyTorch: messages of torch.load(weights_only=True) ---


def is_unsupported_format(error: Exception) -> bool:
    """Whether PyTorch refuses a file since its format (TorchScript, tar) always runs code."""
    return str(error).startswith('Cannot use ``weights_only=True``')


def refusal_reason(error: Exception) -> str:
    """What PyTorch's restricted unpickler refused, without its advice to switch it off."""
    if not isinstance(error, pickle.UnpicklingError):
        return str(error).partition('. ')[0].replace('``weights_only=True``', 'safe loading')
    text = str(error).partition('\n\nCheck the documentation')[0].strip().splitlines()[-1]
    return text.strip().removeprefix('WeightsUnpickler error: ').partition(' Please use ')[0]


# --- MMEngine: lists of pretrained weights ---


def zoo_urls(kind: str) -> Mapping[str, str]:
    """Names of pretrained weights, and their addresses or files.

    Args:
        kind (str): ``torchvision``, ``modelzoo``, ``open-mmlab``, ``openmmlab`` or ``mmcls``.
    """
    if kind in ('torchvision', 'modelzoo'):
        return mmengine_checkpoint.get_torchvision_models()
    if kind == 'mmcls':
        return mmengine_checkpoint.get_mmcls_models()
    home = Path(mmengine_checkpoint._get_mmengine_home())
    urls = {
        # A list of the user's own may name files beside it.
        name: url if '://' in url else str(home / url)
        for name, url in mmengine_checkpoint.get_external_models().items()
    }
    renamed = mmengine_checkpoint.get_deprecated_model_names()
    return urls | {old: urls[new] for old, new in renamed.items() if new in urls}


def strip_backbone(checkpoint: dict) -> dict:
    """The backbone of a classifier of MMPretrain, under the names that backbones have."""
    state = checkpoint.get('state_dict', checkpoint)
    prefix = 'backbone.'
    return dict(state_dict={k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)})
