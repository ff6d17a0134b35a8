"""Turn a trained method into a plain MMSeg model that needs none of this package."""

import copy
import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from torch import nn

from ..core.atomic import write_atomically
from ..core.errors import ExistingFileError, UserError
from ..core.weights import load_checkpoint, save_checkpoint
from .published_config import PACKAGE, component, inference_pipeline, types, write_config
from .trained_model import build_trained_model, without_pretraining

# Where this package is absent: argv has its name, config, weights, and a file for the input and
# then the scores.
TRIAL = """import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] == sys.argv[1]:
            raise ModuleNotFoundError(f'No module named {name!r}')

sys.meta_path.insert(0, Absent())
import torch
from mmseg.apis import init_model

probe = torch.load(sys.argv[4])
model = init_model(sys.argv[2], sys.argv[3], device='cpu')
torch.manual_seed(0)
with torch.no_grad():
    torch.save(model.encode_decode(probe['inputs'], probe['metas']), sys.argv[4])
"""


def publish(
    cfg: Config,
    checkpoint: str,
    out_dir: str | Path,
    file_format: str = 'pth',
    teacher: bool = False,
) -> Path:
    """Write a plain MMSeg config and checkpoint, and check that they predict the same.

    The config has ``EncoderDecoder`` and what inference needs; discriminators, losses, optimizers
    and training data are dropped. Networks that MMSeg does not have are copied, with what they
    import, as a small package beside the config. The folder can be moved as a whole.

    A new process that cannot import this package loads the folder and must predict the scores of
    the trained model, up to rounding, before the folder gets its name.

    Args:
        cfg (Config): The training config.
        checkpoint (str): A checkpoint of it.
        out_dir (str | Path): New folder to write to.
        file_format (str): ``'pth'`` or ``'safetensors'``.
        teacher (bool): Publish the averaged teacher of the model in its place.

    Returns:
        Path: The config. The weights lie beside it under the same name.

    Raises:
        FileExistsError: If the folder exists and is not empty.
        ValueError: If checkpoint and config do not match, a weight is NaN or infinite, or a plain
            ``EncoderDecoder`` cannot give the model's predictions.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    _check_publishable(cfg.model)
    out_dir = Path(out_dir)
    if out_dir.exists() and any(out_dir.iterdir()):
        raise ExistingFileError(f'{str(out_dir)!r} exists and is not empty; choose a new folder')
    loaded = load_checkpoint(checkpoint)
    model = build_trained_model(cfg.model, loaded, checkpoint)
    if teacher:
        model = _teacher(model)

    plain = _plain_model(cfg.model)
    segmentor = MODELS.build(copy.deepcopy(plain))
    weights = {
        k: v.contiguous() for k, v in model.state_dict().items() if k in segmentor.state_dict()
    }
    meta = dict(dataset_meta=_plain_meta(loaded.get('meta', {}).get('dataset_meta') or {}))
    if 'classes' not in meta['dataset_meta']:
        raise UserError(
            f'{checkpoint!r} does not say which classes it has (meta.dataset_meta); '
            'publish a checkpoint that training wrote'
        )

    name = Path(cfg.filename).stem if cfg.filename else 'segmentor'
    temporary = out_dir.with_name(f'.{out_dir.name}.tmp')
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        config, weights_file = temporary / f'{name}.py', temporary / f'{name}.{file_format}'
        write_config(config, cfg, plain, meta, file_format)
        _write_weights(weights_file, weights, meta)
        _check_trial(model, config, weights_file, _input_size(cfg))
        if out_dir.exists():
            out_dir.rmdir()
        temporary.rename(out_dir)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return out_dir / f'{name}.py'


def _teacher(model: nn.Module) -> nn.Module:
    if getattr(model, 'teacher', None) is None:
        raise UserError(
            f'this {type(model).__name__} has no teacher to publish; publish the model itself, '
            'without --teacher'
        )
    return model.teacher.network


def _check_publishable(model: Mapping) -> None:
    for name in types(model):
        if reason := getattr(component(name), 'not_publishable', None):
            raise UserError(
                f'a model with {name} cannot be published: its prediction needs {reason}, '
                'which a plain EncoderDecoder of MMSeg lacks; use it where this package is '
                'installed, with les test or init_model(config, checkpoint)'
            )
    segmentor = component(model['type'])
    if not (isinstance(segmentor, type) and issubclass(segmentor, EncoderDecoder)):
        raise UserError(
            f'a model of type {model["type"]} cannot be published: it is no EncoderDecoder of MMSeg'
        )


def _plain_model(model: dict) -> dict:
    """The arguments that MMSeg's own segmentor takes, without losses and pre-training."""
    names = inspect.signature(EncoderDecoder.__init__).parameters
    model = without_pretraining({k: v for k, v in model.items() if k in names})
    stages = _as_list(model['decode_head'])
    for head in [*stages, *_as_list(model.get('auxiliary_head'))]:
        head.pop('loss_decode', None)
    if len(stages) > 1:
        return dict(type='CascadeEncoderDecoder', num_stages=len(stages), **model)
    return dict(type='EncoderDecoder', **model)


def _as_list(value: Any) -> list:
    return value if isinstance(value, list) else [value] if value else []


def _plain_meta(meta: dict) -> dict:
    return {
        key: [list(v) if isinstance(v, (list, tuple)) else v for v in meta[key]]
        for key in ('classes', 'palette')
        if key in meta
    }


def _write_weights(path: Path, weights: dict, meta: dict) -> None:
    if path.suffix == '.safetensors':
        from safetensors.torch import save

        write_atomically(path, save(weights, metadata=dict(meta=json.dumps(meta))))
    else:
        save_checkpoint(path, dict(state_dict=weights, meta=meta))


def _input_size(cfg: Config) -> tuple[int, int]:
    """Height and width that the model works on: of its windows, its crops or its test images."""
    for size in (
        (cfg.model.get('test_cfg') or {}).get('crop_size'),
        (cfg.model.get('data_preprocessor') or {}).get('size'),
        _find(cfg.get('train_dataloader'), 'crop_size'),
        cfg.get('crop_size'),
    ):
        if size is not None:
            return (size, size) if isinstance(size, int) else tuple(size)
    scale = _find(inference_pipeline(cfg.test_dataloader.dataset), 'scale')
    return tuple(scale[::-1]) if isinstance(scale, (list, tuple)) else (512, 512)


def _find(node: Any, key: str) -> Any:
    """The first value of a key at any depth, or None."""
    if isinstance(node, dict):
        if node.get(key) is not None:
            return node[key]
        node = list(node.values())
    children = node if isinstance(node, (list, tuple)) else ()
    return next((v for child in children if (v := _find(child, key)) is not None), None)


@torch.no_grad()
def _check_trial(model: nn.Module, config: Path, weights: Path, size: tuple[int, int]) -> None:
    """Compare with what MMSeg itself loads where this package is absent, on noise."""
    inputs = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    metas = [dict(ori_shape=size, img_shape=size, pad_shape=size)]
    with torch.random.fork_rng():
        torch.manual_seed(0)  # SegNeXt's head draws numbers
        expected = model.encode_decode(inputs, metas)
    with TemporaryDirectory() as folder:
        probe = Path(folder) / 'probe.pth'
        torch.save(dict(inputs=inputs, metas=metas), probe)
        arguments = [PACKAGE, config.resolve(), weights.resolve(), probe]
        process = subprocess.run(
            [sys.executable, '-c', TRIAL, *map(str, arguments)],
            cwd=folder, capture_output=True, text=True,
        )  # fmt: skip
        if process.returncode:
            # The first of a chain of errors is the cause of the others.
            cause = re.search(r'^[\w.]+: .*', process.stderr, re.MULTILINE)
            raise UserError(
                'the published model does not run with MMSegmentation alone '
                f'({cause.group() if cause else process.stderr.strip()}); nothing was written'
            )
        found = torch.load(probe)
    difference = (expected - found).abs().max()
    # Weights at another place in memory may be summed in another order. Not <=, so that NaN fails.
    if not difference <= 1e-5 * expected.abs().max():
        raise UserError(
            f'the published model differs from the trained one by {difference:.2e}; nothing was '
            'written'
        )
    print_log(
        f'published model and trained model agree on a test input, up to {difference:.0e}',
        logger='current',
    )
