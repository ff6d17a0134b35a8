"""SIGN's configs against those of CaGNet, on which its release builds."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import MultiStepLR
from mmseg.registry import TRANSFORMS

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.engine.optimizers import MultiOptimWrapperConstructor

# (iterations, generator, discriminator): from where, every how many iterations, and to what share.
SCHEDULES = {
    'voc_training': (40000, (10000, 5000, 0.71), (10000, 5000, 0.71)),
    'voc_transfer': (6000, (3000, 1000, 0.1), (3000, 1000, 0.1)),
    'voc_self-training': (10000, (5000, 1000, 0.3), (5000, 1000, 0.3)),
    'context_training': (40000, (10000, 10000, 0.3), (10000, 10000, 0.3)),
    'context_transfer': (10000, (5000, 1000, 0.3), (5000, 1000, 0.3)),
    'context_self-training': (10000, (5000, 1000, 0.3), (5000, 1000, 0.3)),
    'coco-stuff_training': (40000, (10000, 5000, 0.3), (10000, 10000, 0.3)),
    'coco-stuff_transfer': (6000, (3000, 2000, 0.3), (3000, 2000, 0.3)),
    'coco-stuff_self-training': (10000, (5000, 1000, 0.3), (5000, 1000, 0.3)),
}


def load(name):
    return Config.fromfile(resource_root() / 'configs' / 'sign' / f'deeplabv2_r101_{name}.py')


def rates(schedulers, iterations):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    built = [MultiStepLR(optimizer, **{k: v for k, v in cfg.items() if k != 'type'})
             for cfg in schedulers]  # fmt: skip
    found = []
    for _ in range(iterations):
        found.append(optimizer.param_groups[0]['lr'])
        for scheduler in built:
            scheduler.step()
    return np.array(found)


@pytest.mark.parametrize('name', SCHEDULES)
def test_rates_are_those_of_the_release_in_every_iteration(name):
    cfg = load(name)
    iterations, *released = SCHEDULES[name]
    assert cfg.train_cfg.max_iters == iterations
    for part, (start, step, factor) in zip(('generator', 'discriminator'), released, strict=True):
        expected = [
            1.0 if i < start else factor ** ((i - start) // step + 1) for i in range(iterations)
        ]
        assert {scheduler.type for scheduler in cfg.param_scheduler[part]} == {'MultiStepLR'}
        found = rates(cfg.param_scheduler[part], iterations)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_weights_of_the_losses_and_scales_are_those_of_the_release():
    steps = {name: load(name).model for name in SCHEDULES}
    assert all(m.scales == (1.0, 0.75, 0.5) for m in steps.values())
    real = {n: (m.get('lambda_real', 1), m.get('lambda_fake', 0)) for n, m in steps.items()}
    for name, weights in real.items():
        expected = (1, 0) if name.endswith('_training') else (0.75, 0.25)
        assert weights == ((0.5, 0.5) if name == 'coco-stuff_self-training' else expected), name
    for name, model in steps.items():
        of_g, of_d = model.get('lambda_adv', 1), model.get('lambda_adv_discriminator', 1)
        assert (of_g, of_d) == ((0, 1) if name == 'context_self-training' else (1, 1)), name
        if name.endswith('self-training'):
            assert model.teacher == 'frozen'


def test_crops_are_cut_from_images_padded_to_513_in_the_middle():
    sizes = {}
    for name in ('voc_training', 'voc_self-training', 'coco-stuff_self-training'):
        pipeline = load(name).train_dataloader.labeled.dataset.pipeline
        steps = [step for step in pipeline if step.type in ('Resize', 'RandomScale', 'CenterPad',
                                                            'RandomCrop', 'Pad')]  # fmt: skip
        assert [s.type for s in steps] == ['Resize', 'RandomScale', 'CenterPad', 'RandomCrop']
        assert steps[0].scale == (513, 513) and steps[2].size == (513, 513)
        sizes[name] = steps[3].crop_size
        image, mask = np.full((300, 200, 3), 7, np.uint8), np.zeros((300, 200), np.uint8)
        results = dict(img=image, gt_seg_map=mask, seg_fields=['gt_seg_map'])
        padded = TRANSFORMS.build(steps[2])(results)
        assert padded['img'].shape == (513, 513, 3) and padded['gt_seg_map'][106, 156] == 0
        assert (
            padded['gt_seg_map'][105].min() == 255
            and (padded['img'][0, 0] == (104, 117, 123)).all()
        )
    assert sizes == {
        'voc_training': (368, 368),
        'voc_self-training': (328, 328),
        'coco-stuff_self-training': (368, 368),
    }


def test_learning_rates_of_the_spatial_information_module():
    cfg = load('voc_training')
    model, conv = torch.nn.Module(), lambda: torch.nn.Conv2d(1, 1, 1)
    model.backbone, model.decode_head = torch.nn.Module(), torch.nn.Module()
    model.backbone.conv1 = conv()
    model.decode_head.convs = torch.nn.ModuleList([conv()])
    model.spatial_information = torch.nn.Module()
    for block in ('positional', 'contextual'):
        part = torch.nn.Module()
        part.convs, part.scales, part.merge = torch.nn.ModuleList([conv()]), conv(), conv()
        model.spatial_information.add_module(block, part)
    wrapper = MultiOptimWrapperConstructor(dict(segmentor=cfg.optim_wrapper.segmentor))(model)
    names = {id(p): name for name, p in model.named_parameters()}
    found = {
        names[id(group['params'][0])]: group['lr'] / 2.5e-4
        for group in wrapper['segmentor'].optimizer.param_groups
    }
    for name, rate in found.items():
        expected = 1 if 'backbone' in name or '.scales.' in name else 5
        if name.startswith('decode_head'):
            expected = 20 if name.endswith('bias') else 10
        assert rate == pytest.approx(expected), name
