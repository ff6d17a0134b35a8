"""Initial weights of the parts of a model, such as of its backbone."""

import os

from mmengine.model import BaseModule
from torch import nn

from ..core.errors import UserError
from ..core.weights import load_checkpoint


def check_initial_weights(model: nn.Module) -> None:
    """Refuse a file of initial weights of which no tensor fits the part that begins with it.

    MMEngine only warns of what does not fit, so the part would begin with random weights. Parts
    that read formats of their own, and files that are not on this machine, are left alone.

    Args:
        model (nn.Module): Of any parts, whose ``init_cfg`` may name files.

    Raises:
        ValueError: If a file has no tensor of the name and shape of one of its part.
    """
    for part in model.modules():
        init = getattr(part, 'init_cfg', None)
        if not isinstance(init, dict) or init.get('type') != 'Pretrained':
            continue
        path = str(init['checkpoint'])
        if type(part).init_weights is not BaseModule.init_weights or not os.path.isfile(path):
            continue
        loaded = load_checkpoint(path)
        prefix = f'{init["prefix"].rstrip(".")}.' if init.get('prefix') else ''
        found = {
            key.removeprefix('module.').removeprefix(prefix): tensor
            for key, tensor in loaded.get('state_dict', loaded).items()
        }
        names = list(found)
        if hasattr(part, 'rename_weights'):
            part.rename_weights(found)
        expected = {key: tensor.shape for key, tensor in part.state_dict().items() if tensor.ndim}
        if not any(
            getattr(found.get(key), 'shape', None) == shape for key, shape in expected.items()
        ):
            raise UserError(
                f"initial weights '{path}': none of their {len(names)} tensors "
                f'({", ".join(names[:2])}, ...) fits the {type(part).__name__} of the model '
                f'({", ".join(list(expected)[:2])}, ...); les convert --help lists formats that it '
                'can convert'
            )
