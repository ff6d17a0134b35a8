"""Every shipped config builds, trains and validates, at reduced size on random data."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS
from PIL import Image
from torch.utils.data import Dataset

from label_efficient_seg.core.config_index import get_config_path, list_configs, list_workflows
from label_efficient_seg.datasets import write_class_maps
from label_efficient_seg.datasets.transforms import bind_transforms
from label_efficient_seg.engine import launch
from label_efficient_seg.workflows import Workflow

CROP = 64
TRAINED = [name for name in list_configs() if 'edeconvnet' not in name]
METHODS = sorted({name.partition('/')[0] for name in TRAINED})
BY_PROPOSALS = {'model.test_cfg.mode': 'proposal', 'model.test_cfg.crf.iterations': 1}
# What a config tests with options, one of each kind.
TESTED = {
    'affinitynet/vgg16_voc_cls': {'model.type': 'CAMSegmentor', 'model.square_root': True},
    'affinitynet/mobilenetv2_voc-animals_cls': {'model.type': 'CAMSegmentor'},
    'deconvnet/deconvnet_vgg16_voc_proposals': BY_PROPOSALS,
    'deconvnet/deconvnet_toy_proposals': BY_PROPOSALS,
    'deconvnet/edeconvnet_vgg16_voc': {'model.crf.iterations': 1},
    'deconvnet/edeconvnet_toy': {},
}
PARTS = ('model', 'optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader')
PARTS += ('val_dataloader', 'test_dataloader', 'test_evaluator', 'custom_hooks')


@DATASETS.register_module()
class RandomPairs(Dataset):
    """Two random images with masks, read through the pipeline of the dataset it stands for.

    Args:
        folder: Where it writes them.
        classes: Their names; values of the masks are indices of them, or 255.
        labeled: Whether samples name the mask.
        pipeline: Of the dataset.
        mask_suffix: Of the masks, or of the scores in their place.
    """

    backend_args = label_map = None

    def __init__(
        self,
        folder: str,
        classes: list,
        labeled: bool,
        pipeline: list[dict],
        mask_suffix: str = '.png',
    ) -> None:
        self.metainfo = dict(classes=classes)
        self.num_classes, self.labeled = len(classes), labeled
        self.folder, self.pipeline = Path(folder), Compose(pipeline)
        self.mask_suffix = mask_suffix
        bind_transforms(self)
        rng = np.random.default_rng(0)
        for index in range(len(self)):
            cv2.imwrite(str(self.folder / f'{index}.png'), rng.integers(0, 256, (90, 120, 3)))
            mask = rng.integers(0, self.num_classes, (90, 120), dtype=np.uint8)
            mask[:9] = 255
            Image.fromarray(mask).save(self.folder / f'{index}_mask.png')
            scores = rng.random((2, 2, 5, 6)).repeat(18, 2).repeat(20, 3)
            path = self.folder / f'{index}_mask.npz'
            write_class_maps(path, [0, self.num_classes - 1], low=scores[0], high=scores[1])

    def full_init(self) -> None:
        pass

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict:
        item = dict(
            img_path=str(self.folder / f'{index}.png'), label_map=None, reduce_zero_label=False,
            seg_fields=[], num_classes=self.num_classes, ignore_index=255,
        )  # fmt: skip
        if self.labeled:
            item['seg_map_path'] = str(self.folder / f'{index}_mask{self.mask_suffix}')
        return self.pipeline(item)


class Recorder(Hook):
    """Keeps the initial weights and what each iteration logs."""

    def before_train(self, runner: Runner) -> None:
        self.start = {key: value.clone() for key, value in runner.model.state_dict().items()}
        self.logged: list[dict] = []

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        self.logged.append(outputs)


def nodes(node: object, name: str = '') -> list[tuple[str, dict]]:
    """All dicts in a config with the names they stand under."""
    found = [(name, node)] if isinstance(node, dict) else []
    children = node.items() if isinstance(node, dict) else ()
    if isinstance(node, (list, tuple)):
        children = ((name, child) for child in node)
    for child_name, child in children:
        found += nodes(child, child_name)
    return found


def shrink_images(pipeline: list) -> None:
    """Let a pipeline resize to small images, and end in small crops."""
    for _, step in nodes(pipeline):
        if 'crop_size' in step:
            step.crop_size = (CROP, CROP)
        if step.get('type') in ('Pad', 'CenterPad'):
            step['size'] = (CROP, CROP)
        if step.get('type') == 'Resize':
            step.update(scale=(CROP, CROP), keep_ratio=False)


def without_boxes(dataset: ConfigDict) -> ConfigDict:
    """Whole images through the pipeline of crops, for their files have no objects."""
    if dataset.type not in ('ObjectCropDataset', 'ProposalCropDataset'):
        return dataset
    images = dataset.dataset
    images.pipeline = [*images.pipeline, *dataset.pipeline]
    return images


def shrink(cfg: Config, folder: Path) -> None:
    """Replace data, pre-training and size of a config; everything else stays."""
    streams = cfg.train_dataloader or {}
    streams = [streams] if 'dataset' in streams else list(streams.values())
    for stream in streams:
        stream.dataset = without_boxes(stream.dataset)
    for stream in (*streams, cfg.get('val_dataloader'), cfg.test_dataloader):
        if stream is None:
            continue
        dataset = stream.dataset
        if dataset.type == 'RareClassDataset':
            dataset = dataset.dataset
        shrink_images(dataset.pipeline)
        load_tags = [x for _, x in nodes(dataset.pipeline) if x.get('type') == 'LoadImageTags']
        for step in load_tags:
            step.tags = 'masks'
        metainfo = dataset.get('metainfo') or DATASETS.get(dataset.type).METAINFO
        stream.update(batch_size=min(2, stream.batch_size), num_workers=0, persistent_workers=False)
        stream.dataset = ConfigDict(
            type='RandomPairs',
            folder=str(folder),
            classes=list(metainfo['classes']),
            labeled=dataset.get('labeled', True) or bool(load_tags),
            pipeline=dataset.pipeline,
            mask_suffix='.' + dataset.get('seg_map_suffix', '.png').rpartition('.')[2],
        )
    for _, node in nodes([cfg.model, cfg.test_dataloader, cfg.get('custom_hooks')]):
        node.pop('init_cfg', None)
        if node.get('type') == 'SyncBN':
            node['type'] = 'BN'
        if node.get('type') == 'LoadProposals':
            node.update(folder=None, num=3)
        if node.get('type') == 'PreciseBNHook':
            node['num_samples'] = 4
    # The schedules end at 0: two iterations that learn, and one that does not.
    if cfg.train_cfg:
        cfg.train_cfg.update(max_iters=3, val_interval=3)
    if isinstance(cfg.get('param_scheduler'), list):
        cfg.param_scheduler = [
            dict(s, begin=0) for s in cfg.param_scheduler if s.type != 'LinearLR'
        ]
    cfg.default_hooks.logger.interval = 1
    cfg.default_hooks.visualization.draw = False
    cfg.log_level, cfg.work_dir, cfg.load_from = 'ERROR', str(folder), None
    cfg.experiment_name = folder.name


def shrink_model(model: ConfigDict) -> None:
    """Few layers and channels, for the networks that configs use."""
    backbone = model.backbone
    if backbone.type == 'TIMMBackbone':  # timm is an extra
        backbone = model.backbone = ConfigDict(
            type='DeepLabV2ResNet', depth=18, norm_cfg=dict(type='BN', requires_grad=True)
        )
        model.decode_head.in_index = 3
    if backbone.type == 'MixVisionTransformer':
        backbone.update(embed_dims=8, num_layers=[1, 1, 1, 1])
        model.decode_head.in_channels = [8, 16, 40, 64]
    if backbone.type == 'HRDABackbone':
        backbone.crop_size, model.test_cfg.stride = (CROP // 2, CROP // 2), (CROP // 2, CROP // 2)
        backbone.backbone.update(embed_dims=8, num_layers=[1, 1, 1, 1])
        for head in (model.decode_head.head, model.decode_head.attention):
            head.update(in_channels=[8, 16, 40, 64], embed_dims=8, channels=8)
    if backbone.type == 'DINOv2':
        shrink_vit(model)
    elif model.type == 'AffinityNet' or backbone.type in (
        'ResNet38',
        'DilatedVGG16',
        'DeconvNetVGG',
    ):
        shrink_width(backbone, model.decode_head)
    elif 'depth' in backbone and backbone.type != 'mmpretrain.VGG':
        backbone.update(depth=50 if backbone.depth >= 50 else 18, base_channels=4, stem_channels=4)
        width = 4 * (32 if backbone.depth == 50 else 8)
        for head in (model.decode_head, model.get('auxiliary_head')):
            if head is not None:
                levels = head.in_index
                several = isinstance(levels, (list, tuple))
                widths = [width // 2 ** (3 - level) for level in (levels if several else [levels])]
                head.in_channels = widths if several else widths[0]
        if 'c1_in_channels' in model.decode_head:
            model.decode_head.c1_in_channels = width // 8
    for head in (model.decode_head, model.get('auxiliary_head')):
        if head is not None and isinstance(head.get('channels'), int):
            # MMSeg's FCN head without convolutions asks for equal ones.
            head.channels = head.in_channels if head.get('num_convs') == 0 else 8
    if backbone.type == 'DeconvNetVGG':
        model.decode_head.channels = backbone.base_channels
    if 'crop_size' in model.get('test_cfg', {}):
        model.test_cfg.crop_size = (CROP, CROP)
    for _, node in nodes(model.get('discriminator')):
        if node.get('type') == 'FCDiscriminator':
            node.channels = 2
    for key in ('adv_start', 'semi_start'):
        if key in model:
            model[key] = 1
    if 'mask_block' in model:
        model.mask_block = 8
    if model.type == 'SIGN':
        model.update(feature_channels=8, interval=1)
        model.spatial_information.context_channels = 4
        model.generator.update(hidden_channels=(8,), dropout=(0.1,))
        model.discriminator.channels = 8


def shrink_vit(model: ConfigDict) -> None:
    """Few blocks and channels, and patches that divide the crops."""
    model.backbone.update(
        embed_dims=8, depth=4, num_heads=2, out_indices=(0, 1, 2, 3), patch_size=16, image_size=CROP
    )
    model.data_preprocessor.update(size_divisor=16, test_cfg=dict(size_divisor=16))
    model.decode_head.update(in_channels=8, level_channels=(4, 4, 4, 4))


def shrink_width(backbone: ConfigDict, head: ConfigDict) -> None:
    """Few channels, for backbones whose widths are multiples of the first layer's."""
    if backbone.type != 'DilatedMobileNetV2':
        factor, channels = backbone.get('base_channels', 64) // 4, head.in_channels
        several = isinstance(channels, (list, tuple))
        head.in_channels = [c // factor for c in channels] if several else channels // factor
        backbone.base_channels = 4
    if 'depth' in backbone:
        backbone.stem_channels = 4


def shrink_members(members: list[ConfigDict], folder: Path) -> None:
    """Small members of an ensemble with random weights."""
    for index, member in enumerate(members):
        path = folder / f'member_{index}.py'
        cfg = load_small(member.config, folder, member.pop('cfg_options', None))
        cfg.dump(path)
        torch.save(MODELS.build(cfg.model).state_dict(), path.with_suffix('.pth'))
        member.update(config=str(path), checkpoint=str(path.with_suffix('.pth')))


ADVENT_LOGS = {
    f'discriminator.loss_{domain}_{level}'
    for domain in ('source', 'target')
    for level in ('main', 'aux')
}
MAIN_LOSS = {'mmpretrain.ImageClassifier': 'loss_cls', 'AffinityNet': 'loss_different'}
METHOD_LOGS = {
    'AdvSemiSeg': {
        'labeled.loss_adv', 'unlabeled.loss_adv', 'unlabeled.loss_semi',
        'discriminator.loss_real', 'discriminator.loss_fake',
    },
    'ADVENT': {'target.loss_adv_main', 'target.loss_adv_aux', *ADVENT_LOGS},
    'IntraDA': {'hard.loss_adv_main', 'hard.loss_adv_aux', 'discriminator.loss_easy_main'},
    'AffinityNet': {'loss_background', 'loss_foreground'},
    'MinEnt': {'target.loss_entropy_main', 'target.loss_entropy_aux'},
    'WeakToStrong': {
        'unlabeled.loss_strong', 'unlabeled.loss_feature', 'unlabeled.confident_ratio',
    },
    'MixedSelfTraining': {'mixed.loss_ce', 'target.weight'},
    'SIGN': {
        'decode.loss_kl', 'generator.loss_mmd', 'generator.loss_adv', 'discriminator.loss_real',
        'discriminator.loss_fake', 'discriminator.loss_cls_real',
    },
}  # fmt: skip


def load_small(name: str, folder: Path, options: dict | None = None) -> Config:
    folder.mkdir(exist_ok=True)
    cfg = launch.load_config(name, cfg_options=options)
    shrink(cfg, folder)
    if cfg.model.type == 'SIGN' and cfg.optim_wrapper.segmentor.optimizer.type == 'SGD':
        # Through random weights and a sigmoid, gradients are too small for the rates of configs.
        cfg.optim_wrapper.segmentor.optimizer.lr = 0.01
    if 'members' in cfg.model:
        shrink_members(cfg.model.members, folder)
    elif 'head' in cfg.model:
        shrink_width(cfg.model.backbone, cfg.model.head)
    else:
        shrink_model(cfg.model)
    return cfg


def outline(node: object) -> object:
    """What a config is made of, without its numbers and names of files."""
    if isinstance(node, dict):
        return {key: value if key == 'type' else outline(value) for key, value in node.items()}
    return [outline(value) for value in node] if isinstance(node, (list, tuple)) else None


def kinds(names: list[str], folder: Path) -> dict[str, Config]:
    """Small configs that differ in more than numbers, by name."""
    found, seen = {}, []
    for name in names:
        cfg = load_small(name, folder / name.replace('/', '_'))
        kind = outline([cfg.get(key) for key in PARTS])
        if kind not in seen:
            seen.append(kind)
            found[name] = cfg
    return found


@pytest.mark.parametrize('method', METHODS)
def test_configs_train(method, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    names = [name for name in TRAINED if name.startswith(f'{method}/')]
    for name, cfg in kinds(names, tmp_path).items():
        runner = launch.build_runner(cfg)
        recorder = Recorder()
        runner.register_hook(recorder)
        runner.train()
        check_training(name, cfg, runner, recorder)


def check_training(name: str, cfg: Config, runner: Runner, recorder: Recorder) -> None:
    """All losses are logged, and all that should learn has moved."""
    assert len(recorder.logged) == 3, name
    expected = {'loss', MAIN_LOSS.get(cfg.model.type, 'decode.loss_ce')}
    expected |= METHOD_LOGS.get(cfg.model.type, set())
    # The transfer step of SIGN has turns in which other losses are, and its encoder never moves.
    transfer = cfg.model.get('step') == 'transfer'
    if transfer:
        expected = {'discriminator.loss_transfer'}
    if cfg.model.type in ('ADVENT', 'IntraDA') and 'aux' not in cfg.model.discriminator:
        expected = {key for key in expected if not key.endswith('_aux')}
    if cfg.model.get('lambda_entropy_aux') == 0:
        expected.discard('target.loss_entropy_aux')
    if cfg.model.get('lambda_adv') == 0:
        expected.discard('generator.loss_adv')
    if cfg.model.get('complementary'):  # UniMatch V2
        expected.discard('unlabeled.loss_feature')
    if cfg.model.get('auxiliary_head'):
        expected.add('aux.loss_ce')
    assert expected <= recorder.logged[1].keys(), name
    state = runner.model.state_dict()
    moved = {key for key, value in state.items() if not value.equal(recorder.start[key])}
    trainable = {key for key, value in runner.model.named_parameters() if value.requires_grad}
    parts = ('generator', 'discriminator') if transfer else ('',)
    assert {key for key in trainable if key.startswith(parts)} <= moved, name
    assert not transfer or all(key.startswith(parts) for key in moved), name
    sample = next(iter(Runner.build_dataloader(cfg.test_dataloader)))
    assert sample['inputs'][0].shape[0] == 3 and 'gt_sem_seg' in sample['data_samples'][0], name


@pytest.mark.parametrize('name', TESTED)
def test_config_tests(name, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    cfg = load_small(name, tmp_path, TESTED[name])
    launch.prepare_test(cfg, 'none.pth')
    cfg.load_from = None  # random weights
    metrics = launch.build_runner(cfg).test()
    assert 0 <= metrics['mIoU'] <= 100


WORKFLOW_VARIABLES = {
    'affinitynet/workflow_voc': dict(NETWORK=['vgg16']),
    'deconvnet/workflow_voc-animals': dict(NETWORK=['vgg16']),
    'intrada/workflow_cityscapes': dict(SOURCE=['synthia', 'synscapes']),
    'sign/workflow_context': dict(DATASET=['coco-stuff']),
}


@pytest.mark.parametrize('method', METHODS)
def test_workflows_have_stages_that_fit_together(method, tmp_path, monkeypatch):
    for name in list_workflows():
        if not name.startswith(f'{method}/'):
            continue
        settings = [(None, None)]
        for variable, values in WORKFLOW_VARIABLES.get(name, {}).items():
            settings += [(variable, value) for value in values]
        for variable, value in settings:
            if variable:
                monkeypatch.setenv(variable, value)
            # Names, types, references, configs and options are checked before anything runs.
            workflow = Workflow.from_file(name, tmp_path)
            assert workflow.title and workflow.introduction
            assert value is None or value in str(workflow.title)
            assert {state.name for state in workflow.states().values()} == {'missing'}
    assert not list(tmp_path.iterdir())


def test_bases_stand_before_imports():
    # MMEngine 0.10.7 decides by what comes first which kind of config a file is.
    importing = 0
    for path in Path(get_config_path(TRAINED[0])).parents[1].rglob('*.py'):
        lines = path.read_text().splitlines()
        imports = [i for i, line in enumerate(lines) if line.startswith(('import ', 'from '))]
        importing += bool(imports)
        assert not imports or any(line.startswith('_base_ = ') for line in lines[: imports[0]]), (
            path
        )
    assert importing


# Their last rate is not 0, as released: steps, or a poly schedule that training leaves half way.
NOT_TO_ZERO = ('deconvnet/deconvnet_vgg16_voc_', 'intrada/deeplabv2_r101_', 'sign/deeplabv2_r101_')


def test_schedules_end_at_zero_unless_the_release_differs():
    for name in TRAINED:
        cfg = Config.fromfile(get_config_path(name))
        schedulers = cfg.param_scheduler
        if schedulers is None:  # a constant rate
            continue
        if isinstance(schedulers, dict):
            schedulers = [scheduler for part in schedulers.values() for scheduler in part]
        length = cfg.train_cfg.max_iters
        to_zero = all(
            s.type == 'PolyLR' and s.get('eta_min', 0) == 0 and s.get('end', length) == length
            for s in schedulers
            if s.type != 'LinearLR'  # a warm-up
        )
        released = name.startswith(NOT_TO_ZERO)
        assert to_zero != released, name
