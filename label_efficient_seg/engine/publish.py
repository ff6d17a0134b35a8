"""Turn a trained method into a plain MMSeg model that needs none of this package."""

import ast
import inspect
import json
import pprint
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.apis import init_model
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS

from ..core.atomic import write_atomically
from ..core.digests import text_digest
from ..core.errors import ExistingFileError, UserError
from ..core.weights import load_checkpoint, save_checkpoint

SAFETENSORS_LOADER = '''

import json

from mmengine.runner import CheckpointLoader


@CheckpointLoader.register_scheme(r'.*\\.safetensors$', force=True)
def load_from_safetensors(filename, map_location=None):
    """Load weights, and the classes that stand in the file's metadata."""
    from safetensors import safe_open
    with safe_open(filename, framework='pt', device=str(map_location or 'cpu')) as file:
        state_dict = {key: file.get_tensor(key) for key in file.keys()}
        meta = json.loads(file.metadata()['meta'])
    return dict(state_dict=state_dict, meta=meta)
'''

# Parts of a prediction that a plain ``EncoderDecoder`` has no place for, by registered type.
NOT_PLAIN = {
    'AffinityNet': 'class activation maps, which it refines',
    'CAMSegmentor': 'class activation maps and a threshold',
    'EnsembleSegmentor': 'several networks',
    'ProposalEncoderDecoder': 'proposals and the CRF',
    'SIGN': 'the spatial information module and the classifier of the features',
    'WordProjectionHead': 'the word vectors of the classes and the class split',
}


def publish(cfg: Config, checkpoint: str, out_dir: str | Path, file_format: str = 'pth') -> Path:
    """Write a plain MMSeg config and checkpoint, and check that they predict the same.

    The config has ``EncoderDecoder`` and what inference needs; discriminators, losses, optimizers
    and training data are dropped. Networks that MMSeg does not have are copied as a source file
    beside the config, which imports it, so the folder can be moved as a whole.

    Args:
        cfg (Config): The training config.
        checkpoint (str): A checkpoint of it.
        out_dir (str | Path): New folder to write to.
        file_format (str): ``'pth'`` or ``'safetensors'``.

    Returns:
        Path: The config. The weights lie beside it under the same name.

    Raises:
        FileExistsError: If the folder exists and is not empty.
        ValueError: If checkpoint and config do not match, or a network cannot stand alone.
    """
    _check_plain(cfg.model)
    out_dir = Path(out_dir)
    if out_dir.exists() and any(out_dir.iterdir()):
        raise ExistingFileError(f'{str(out_dir)!r} exists and is not empty; choose a new folder')
    loaded = load_checkpoint(checkpoint)
    model = MODELS.build(_without_pretraining(cfg.model))
    _load_strictly(model, loaded.get('state_dict', loaded), checkpoint)

    plain = _plain_model(cfg.model)
    segmentor = EncoderDecoder(**{k: v for k, v in plain.items() if k != 'type'})
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
    modules = _own_modules(plain) + (SAFETENSORS_LOADER if file_format == 'safetensors' else '')
    temporary = out_dir.with_name(f'.{out_dir.name}.tmp')
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        _write_config(temporary / f'{name}.py', cfg, plain, meta, modules)
        _write_weights(temporary / f'{name}.{file_format}', weights, meta)
        _check(model, temporary / f'{name}.py', temporary / f'{name}.{file_format}')
        if out_dir.exists():
            out_dir.rmdir()
        temporary.rename(out_dir)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return out_dir / f'{name}.py'


def _check_plain(model: dict) -> None:
    for name in _types(model):
        component = MODELS.get(name)
        for known, parts in NOT_PLAIN.items():
            if isinstance(component, type) and issubclass(component, MODELS.get(known)):
                raise UserError(
                    f'a model with {name} cannot be published: its prediction needs {parts}, '
                    'which a plain EncoderDecoder of MMSeg lacks; use it where this package is '
                    'installed, with tools/test.py or init_model(config, checkpoint)'
                )


def _plain_model(model: dict) -> dict:
    """The arguments that ``EncoderDecoder`` itself takes, without losses and pre-training."""
    names = inspect.signature(EncoderDecoder.__init__).parameters
    model = _without_pretraining({k: v for k, v in model.items() if k in names})
    heads = [model['decode_head'], *_as_list(model.get('auxiliary_head'))]
    for head in heads:
        head.pop('loss_decode', None)
    return dict(type='EncoderDecoder', **model)


def _as_list(value: Any) -> list:
    return value if isinstance(value, list) else [value] if value else []


def _without_pretraining(node: Any) -> Any:
    """A copy, as plain dicts, without ``pretrained`` and ``init_cfg`` at any depth."""
    if isinstance(node, dict):
        return {
            k: _without_pretraining(v)
            for k, v in node.items()
            if k not in ('pretrained', 'init_cfg')
        }
    if isinstance(node, (list, tuple)):
        return type(node)(_without_pretraining(v) for v in node)
    return node


def _load_strictly(model: torch.nn.Module, state: dict, checkpoint: str) -> None:
    expected = model.state_dict()
    missing = [name for name in expected if name not in state]
    unknown = [name for name in state if name not in expected]
    differing = [
        f'{name}: {tuple(state[name].shape)} instead of {tuple(tensor.shape)}'
        for name, tensor in expected.items()
        if name in state and state[name].shape != tensor.shape
    ]
    if missing or unknown or differing:
        raise UserError(
            f'{checkpoint!r} is not of this config: {len(missing)} tensors are missing '
            f'{missing[:3]}, {len(unknown)} are unknown {unknown[:3]}, {len(differing)} have '
            f'another shape {differing[:3]}'
        )
    model.load_state_dict(state)
    model.eval()


def _plain_meta(meta: dict) -> dict:
    return {
        key: [list(v) if isinstance(v, (list, tuple)) else v for v in meta[key]]
        for key in ('classes', 'palette')
        if key in meta
    }


def _types(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get('type'), str):
            yield node['type']
        for value in node.values():
            yield from _types(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _types(value)


def _own_modules(model: dict) -> str:
    """Source of this package's networks that a model uses; empty if there is none."""
    package = __name__.partition('.')[0]
    sources = {}
    for name in _types(model):
        component = MODELS.get(name)
        if component is not None and component.__module__.startswith(package + '.'):
            sources[component.__module__] = inspect.getsource(sys.modules[component.__module__])
    for module, source in sources.items():
        _check_standalone(module, source, package)
    # Where this package is installed as well, its own class gives way to the equal copy.
    return '\n\n'.join(
        source.replace('.register_module()', '.register_module(force=True)')
        for source in sources.values()
    )


def _check_standalone(module: str, source: str, package: str) -> None:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (
            node.level or str(node.module).startswith(package)
        ):
            raise UserError(
                f'{module} imports from this package and cannot be published alone; '
                'a published network may import only PyTorch and MMSeg'
            )


def _write_config(path: Path, cfg: Config, model: dict, meta: dict, modules: str) -> None:
    pipeline = [
        dict(t, type=re.sub('^LoadCheckedAnnotations$', 'LoadAnnotations', t['type']))
        for t in cfg.test_dataloader.dataset.pipeline
    ]
    lines = [
        f'# Published from {Path(cfg.filename or "a config").name}; needs MMSegmentation only.'
    ]
    if modules:
        module_name = f'{path.stem}_{text_digest(modules)[:8]}'
        module_name = re.sub(r'\W', '_', module_name)
        path.with_name(f'{module_name}.py').write_text(modules)
        lines += [
            'import sys',
            '',
            "sys.path.insert(0, r'{{ fileDirname }}')",
            f'custom_imports = dict(imports=[{module_name!r}], allow_failed_imports=False)',
        ]
    values = dict(
        default_scope='mmseg',
        model=model,
        test_pipeline=pipeline,
        test_dataloader=dict(
            batch_size=1,
            num_workers=1,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='BaseSegDataset', metainfo=meta['dataset_meta'], pipeline=pipeline),
        ),
        visualizer=dict(
            type='SegLocalVisualizer',
            name='visualizer',
            vis_backends=[dict(type='LocalVisBackend')],
        ),
    )
    lines += [
        f'{key} = {pprint.pformat(Config(dict(v=value)).to_dict()["v"], sort_dicts=False)}'
        for key, value in values.items()
    ]
    path.write_text('\n'.join(lines) + '\n')


def _write_weights(path: Path, weights: dict, meta: dict) -> None:
    if path.suffix == '.safetensors':
        from safetensors.torch import save

        write_atomically(path, save(weights, metadata=dict(meta=json.dumps(meta))))
    else:
        save_checkpoint(path, dict(state_dict=weights, meta=meta))


@torch.no_grad()
def _check(model: torch.nn.Module, config: Path, weights: Path) -> None:
    """Compare with what MMSeg itself loads, on noise."""
    published = init_model(str(config), str(weights), device='cpu')
    inputs = torch.randn(1, 3, 129, 160, generator=torch.Generator().manual_seed(0))
    metas = [dict(ori_shape=(129, 160), img_shape=(129, 160), pad_shape=(129, 160))]
    expected, found = (m.encode_decode(inputs, metas) for m in (model, published))
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
