"""The config of a published model, and the package of networks beside it."""

import pprint
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmseg.registry import MODELS, TRANSFORMS

from ..core.digests import digest
from ..core.errors import UserError
from .module_copies import copy_modules

PACKAGE = __name__.partition('.')[0]
# What a folder may need beside its own files.
STACK = ('mmseg', 'mmengine', 'mmcv', 'mmpretrain', 'torch', 'torchvision')

SAFETENSORS_LOADER = '''import json

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


def write_config(path: Path, cfg: Config, model: dict, meta: dict, file_format: str) -> None:
    """Write the config, and beside it the networks that MMSeg does not have.

    Args:
        path (Path): File to write.
        cfg (Config): The training config, of which the test pipeline is taken.
        model (dict): Config of the plain model.
        meta (dict): With ``dataset_meta``.
        file_format (str): That of the weights; ``'safetensors'`` brings a loader.
    """
    transforms = inference_pipeline(cfg.test_dataloader.dataset)
    pipeline = [dict(t, type=_plain_transform(t['type']).__name__) for t in transforms]
    parts = [component(name) for name in types(model)]
    parts += [_plain_transform(transform['type']) for transform in transforms]
    modules = {module for part in parts if (module := _module_outside(part))}
    own = {module for module in modules if module.partition('.')[0] == PACKAGE}
    imports, others = sorted(modules - own), sorted({m.partition('.')[0] for m in modules - own})
    lines = [f'# Published from {path.stem!r}; needs {" and ".join(["MMSegmentation", *others])}.']
    if own or file_format == 'safetensors':
        package = _write_package(path, own, file_format)
        model = _by_path(model, package)
        imports += sorted(module.replace(PACKAGE, package, 1) for module in own)
        imports += [f'{package}.safetensors_loader'] * (file_format == 'safetensors')
        # `import os` would make MMEngine take the file for a config of its other kind.
        lines += [
            'import sys',
            '',
            'this_file = sys._getframe().f_code.co_filename',
            "sys.path.insert(0, sys.modules['os'].path.dirname(this_file))",
            'del this_file',
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
    if imports:
        values['custom_imports'] = dict(imports=imports, allow_failed_imports=False)
    for key, value in values.items():
        text = pprint.pformat(Config(dict(v=value)).to_dict()['v'], sort_dicts=False)
        # MMEngine replaces what stands in double braces, in strings as well.
        lines.append(f'{key} = {text}'.replace('{{', '{\\x7b'))
    path.write_text('\n'.join(lines) + '\n', encoding='utf-8')


def types(node: Any) -> Iterator[str]:
    """All registered types in a config."""
    if isinstance(node, dict):
        if isinstance(node.get('type'), str):
            yield node['type']
        for value in node.values():
            yield from types(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from types(value)


def component(name: str) -> Any:
    """What a type in a model's config stands for, or None if it is no network."""
    try:
        return MODELS.get(name)
    except RuntimeError:  # such as a sampler of pixels, which has a registry of its own
        return None


def inference_pipeline(dataset: Mapping) -> list[dict]:
    """Transforms of a dataset, or of the first one inside a wrapper such as ConcatDataset."""
    while 'pipeline' not in dataset:
        inner = [dataset.get('dataset'), *dataset.get('datasets', ())]
        dataset = next((child for child in inner if child), None)
        if dataset is None:
            raise UserError('test_dataloader has no dataset with a pipeline, which inference needs')
    return dataset['pipeline']


def _plain_transform(name: str) -> type:
    """MMSeg's class in the place of this package's that extends it."""
    parents = TRANSFORMS.get(name).__mro__
    plain = next(parent for parent in parents if parent.__module__.partition('.')[0] != PACKAGE)
    if plain is BaseTransform:
        raise UserError(
            f'the test pipeline has {name}, which MMSegmentation lacks; publish with a test '
            'pipeline of transforms that it has'
        )
    return plain


def _module_outside(part: Any) -> str | None:
    """Module of a class that does not come with the stack."""
    module = getattr(part, '__module__', None) or STACK[0]
    return None if module.partition('.')[0] in STACK else module


def _write_package(path: Path, modules: set[str], file_format: str) -> str:
    """Copy modules beside a config, under a name that no other model has."""
    files = copy_modules(sorted(modules))
    if file_format == 'safetensors':
        files['safetensors_loader.py'] = SAFETENSORS_LOADER
    package = re.sub(r'\W', '_', f'{path.stem}_{digest(files)[:8]}')
    for file, source in files.items():
        target = path.with_name(package) / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source, encoding='utf-8')
    return package


def _by_path(node: Any, package: str) -> Any:
    """A copy of a model's config that names this package's classes by their copies' paths."""
    if isinstance(node, dict):
        node = {key: _by_path(value, package) for key, value in node.items()}
        part = component(node['type']) if isinstance(node.get('type'), str) else None
        module = _module_outside(part) or ''
        if part is not None and module.partition('.')[0] == PACKAGE:
            node['type'] = f'{module.replace(PACKAGE, package, 1)}.{part.__name__}'
        return node
    if isinstance(node, (list, tuple)):
        return type(node)(_by_path(value, package) for value in node)
    return node
