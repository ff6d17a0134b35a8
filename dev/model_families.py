"""Which of MMSegmentation's model families the methods train: prints a Markdown table.

    python dev/model_families.py [FAMILY ...]

Of each family below ``mmseg/.mim/configs`` one config is built, with small transformers, small
crops and no pretrained weights, as AdvSemiSeg and as WeakToStrong with a teacher. Both train two
iterations on noise. Their supervised losses are compared with those of MMSegmentation's own
segmentor of the same weights, on the same batch and with the same random numbers. What AdvSemiSeg
trained is published, and loaded in a new process that cannot import this package.
"""

import argparse
import copy
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import mmcv
import mmseg
import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub, MMLogger
from mmengine.optim import OptimWrapperDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.models.decode_heads import cc_head, point_head
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import register_all_modules
from torch import nn

import label_efficient_seg  # noqa: F401 - registers the components
from label_efficient_seg.core.errors import UserError
from label_efficient_seg.core.weights import save_checkpoint
from label_efficient_seg.datasets.transforms import PackStrongViews
from label_efficient_seg.engine.optimizers import MultiOptimWrapperConstructor
from label_efficient_seg.engine.publish import publish

CONFIGS = Path(mmseg.__file__).parent / '.mim/configs'
METHODS: dict[str, dict] = dict(
    AdvSemiSeg=dict(
        discriminator=dict(
            type='SegDiscriminator', network=dict(type='FCDiscriminator', channels=4)
        ),
        semi_start=0,
    ),
    WeakToStrong=dict(teacher_momentum=0.9),
)
# Crops of networks whose pooling asks for large maps.
SIZES = dict(lraspp=512)
# Names of the smallest networks of a family, the most wanted last.
SMALL = ('r50', 'hr18', 'r18', '-base', '-b', '-t_', 'tiny', '-s', 'mit-b0', 'slim', 'svt-s')


def families() -> dict[str, list[Path]]:
    """Configs by family, those of the smallest network last."""
    found: dict[str, list[Path]] = {}
    for path in sorted(CONFIGS.glob('[!_]*/*.py')):
        found.setdefault(path.parent.name, []).append(path)
    for paths in found.values():
        paths.sort(key=lambda path: [name in path.name for name in SMALL][::-1])
    return found


def small_model(path: Path, size: int) -> ConfigDict:
    """The model of a config without pretrained weights and dropout, for crops of one size."""
    model = Config.fromfile(path).model.to_dict()
    preprocessor = model.get('data_preprocessor') or dict(type='SegDataPreProcessor')
    model['data_preprocessor'] = dict(
        type='SegDataPreProcessor',
        mean=preprocessor.get('mean'),
        std=preprocessor.get('std'),
        bgr_to_rgb=True,
        size=(size, size),
        seg_pad_val=255,
    )
    if isinstance(model.get('test_cfg'), dict) and model['test_cfg'].get('mode') == 'slide':
        model['test_cfg'] = dict(mode='whole')
    _shrink(model, size)
    return ConfigDict(model)


def _shrink(node: object, size: int) -> None:
    if isinstance(node, list):
        for child in node:
            _shrink(child, size)
    if not isinstance(node, dict):
        return
    for key in ('pretrained', 'init_cfg'):
        node.pop(key, None)
    # Networks on one GPU normalise over its own batch.
    if node.get('type') == 'SyncBN':
        node['type'] = 'BN'
    if 'img_size' in node and node.get('type') != 'SwinTransformer':
        node['img_size'] = (size, size)
    if isinstance(node.get('num_layers'), int) and 'out_indices' in node:
        levels = node['out_indices'] if isinstance(node['out_indices'], (list, tuple)) else [0]
        node['num_layers'], node['out_indices'] = len(levels), tuple(range(len(levels)))
    for child in node.values():
        _shrink(child, size)


def make_batch(model: dict, size: int, number: int, seed: int, views: bool = False) -> dict:
    """Noise as a dataloader yields it: labels of coarse blocks, some of them ignored."""
    head = model['decode_head']
    head = head[-1] if isinstance(head, list) else head
    random = np.random.RandomState(seed)
    inputs, samples = [], []
    for _ in range(number):
        image = random.randint(0, 256, (size, size, 3)).astype(np.uint8)
        labels = np.kron(random.randint(0, head['num_classes'], (4, 4)), np.ones([size // 4] * 2))
        labels[: size // 8] = 255
        if views:
            mask = np.zeros((size, size), np.uint8)
            packed = PackStrongViews()(dict(img=image, gt_seg_map=mask, img_shape=(size, size)))
            inputs.append(packed['inputs'])
            samples.append(packed['data_samples'])
            continue
        inputs.append(torch.from_numpy(image.transpose(2, 0, 1).copy()))
        sample = SegDataSample(metainfo=dict(img_shape=(size, size)))
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(labels).long()[None])
        # Only some heads read it.
        sample.gt_edge_map = PixelData(data=(sample.gt_sem_seg.data == 0).long())
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def unlabeled_batch(labeled: dict) -> dict:
    """The images of a batch, of which each pixel is valid."""
    batch = copy.deepcopy(labeled)
    for sample in batch['data_samples']:
        sample.gt_sem_seg.data.zero_()
    return batch


def method_config(model: dict, method: str) -> ConfigDict:
    """The model of a config as a method trains it."""
    cfg = ConfigDict(copy.deepcopy(model), type=method, **copy.deepcopy(METHODS[method]))
    if method == 'WeakToStrong':
        cfg['data_preprocessor']['type'] = 'StrongViewsPreProcessor'
    return cfg


def build(model: dict, method: str) -> tuple[nn.Module, nn.Module]:
    """A model as a method trains it, and MMSegmentation's own with the same weights."""
    torch.manual_seed(0)
    trained = MODELS.build(method_config(model, method))
    trained.init_weights()
    plain = MODELS.build(copy.deepcopy(model))
    for module in [*trained.modules(), *plain.modules()]:
        # A cascade of MMSegmentation runs its first stage twice.
        if isinstance(module, (nn.Dropout, nn.Dropout2d)):
            module.p = 0.0
    return trained.train(), plain.train()


def build_optimizers(model: nn.Module) -> OptimWrapperDict:
    """An optimizer for the segmentor and, where there is one, for the discriminator."""
    cfg = dict(segmentor=dict(optimizer=dict(type='SGD', lr=1e-3, momentum=0.9)))
    if hasattr(model, 'discriminator'):
        cfg['discriminator'] = dict(optimizer=dict(type='Adam', lr=1e-4))
    return MultiOptimWrapperConstructor(cfg)(model)


def losses_of(
    trained: nn.Module, plain: nn.Module, model: dict, size: int, iterations: int = 2
) -> Iterator[dict]:
    """Train, and give the supervised losses of each iteration with MMSegmentation's own.

    Args:
        trained (nn.Module): A method of :func:`build`.
        plain (nn.Module): MMSegmentation's segmentor of the same weights.
        model (dict): Config of the latter.
        size (int): Height and width of the crops.
        iterations (int): How long.

    Yields:
        dict[str, tuple[float, float]]: Found and expected loss by name.
    """
    optimizers = build_optimizers(trained)
    # A weak-to-strong loss is halved, as the paper has it.
    strong_views = type(trained).__name__ == 'WeakToStrong'
    factor = 2 if strong_views else 1
    for iteration in range(iterations):
        MessageHub.get_current_instance().update_info('iter', iteration)
        labeled = make_batch(model, size, 2, iteration)
        unlabeled = unlabeled_batch(labeled)
        if strong_views:
            unlabeled = make_batch(model, size, 2, 100 + iteration, views=True)
        state = {k: v for k, v in trained.state_dict().items() if k in plain.state_dict()}
        plain.load_state_dict(state)
        torch.manual_seed(iteration)
        batch = plain.data_preprocessor(copy.deepcopy(labeled), True)
        expected = plain.loss(batch['inputs'], batch['data_samples'])
        torch.manual_seed(iteration)
        log = trained.train_step(dict(labeled=labeled, unlabeled=unlabeled), optimizers)
        if not all(torch.isfinite(torch.as_tensor(value)).all() for value in log.values()):
            raise FloatingPointError(f'a loss is not finite: {log}')
        yield {
            name: (factor * float(log[name]), float(value))
            for name, value in expected.items()
            if 'loss' in name
        }


def published(trained: nn.Module, model: dict, size: int) -> str:
    """A cell of the table: whether a new process without this package loads a trained model."""
    load = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    dataset = dict(dataset=dict(pipeline=load))
    cfg = Config(dict(model=model, crop_size=size, test_dataloader=dataset))
    state = dict(state_dict=trained.state_dict(), meta=dict(dataset_meta=dict(classes=['any'])))
    with TemporaryDirectory() as folder:
        checkpoint = Path(folder, 'trained.pth')
        save_checkpoint(checkpoint, state)
        try:
            publish(cfg, str(checkpoint), Path(folder, 'model'))
        except Exception as error:  # of any kind, as another package's
            return _first_clause(error)
    return 'loads'


def cells(model: dict, size: int) -> list[str]:
    """What each method does with a model, whether it can be published, and how losses differ."""
    found, differences, loads = [], [], '-'
    for method in METHODS:
        try:
            trained, plain = build(model, method)
            iterations = list(losses_of(trained, plain, model, size))
        except UserError as error:
            found.append(f'refused: {_first_clause(error)}')
            continue
        except Exception as error:  # of any kind, as another package's
            found.append(f'fails: {" ".join(str(error).split())[:150]}')
            continue
        found.append('trains')
        pairs = [pair for losses in iterations for pair in losses.values()]
        differences += [abs(one - own) / max(abs(own), 1e-6) for one, own in pairs]
        if method == 'AdvSemiSeg':
            loads = published(trained, method_config(model, method), size)
    if found[0].startswith('refused') and len(set(found)) == 1:
        found[1] = 'likewise'
    return [*found, f'{max(differences):.1g}' if differences else '-', loads]


def row(family: str, paths: list[Path], size: int) -> str:
    """A line of the table."""
    path = paths[-1]
    size = next((number for name, number in SIZES.items() if name in path.name), size)
    try:
        model = small_model(path, size)
        MODELS.build(copy.deepcopy(model))
    except Exception as error:  # of any kind, as another package's
        reason = ' '.join(str(error).split()).partition('. ')[0][:150]
        result = [f'MMSegmentation does not build it here: {reason}', '-', '-', '-']
        if kind := _refusal(path):
            result = [f'refused: {kind}', 'likewise', '-', '-']
    else:
        result = cells(model, size)
    return f'| {family} | {len(paths)} | `{path.stem}` | {" | ".join(result)} |'


def _refusal(path: Path) -> str | None:
    model = Config.fromfile(path).model.to_dict()
    try:
        MODELS.build(ConfigDict(model, type='AdvSemiSeg', **METHODS['AdvSemiSeg']))
    except UserError as error:
        return _first_clause(error)
    except Exception:  # the one of MMSegmentation stands in the table
        return None
    return None


def _first_clause(error: Exception) -> str:
    return str(error).partition(';')[0]


def _operator(module: str, name: str) -> Callable:
    """An operator of MMCV in plain PyTorch, whose folder needs compiled ones to be imported."""
    path = Path(mmcv.__file__).parent / 'ops' / f'{module}.py'
    spec = importlib.util.spec_from_file_location(f'mmcv_{module}', path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return getattr(loaded, name)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('family', nargs='*', help='folders of MMSegmentation; all by default')
    parser.add_argument('--size', type=int, default=64, help='height and width of the crops')
    args = parser.parse_args()
    prepare()
    heads = ('family', 'configs', 'config tried', *METHODS)
    heads += ('largest relative difference of a loss', 'published')
    print(f'| {" | ".join(heads)} |\n|{"---|" * len(heads)}')
    for family, paths in families().items():
        if not args.family or family in args.family:
            print(row(family, paths, args.size), flush=True)


def prepare() -> None:
    """Register MMSegmentation's components, and silence what it says about them."""
    warnings.simplefilter('ignore')
    register_all_modules(init_default_scope=False)
    init_default_scope('mmseg')
    MMLogger.get_current_instance().setLevel('ERROR')
    if point_head.point_sample is None:
        point_head.point_sample = _operator('point_sample', 'point_sample')
        cc_head.CrissCrossAttention = _operator('cc_attention', 'CrissCrossAttention')


if __name__ == '__main__':
    main()
