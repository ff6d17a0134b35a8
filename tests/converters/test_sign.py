"""Released SIGN networks, with random weights, against a plain rendering of the release."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.datasets import COCOStuffDataset, PascalContextDataset, PascalVOCDataset
from mmseg.registry import MODELS

from label_efficient_seg.converters import convert_sign, convert_sign_file
from label_efficient_seg.converters.sign_checkpoints import released_classes
from label_efficient_seg.ops import positional_encoding

WIDTH, FEATURES, WORDS, CONTEXT, SHARED = 4, 8, 600, 6, 10
HIDDEN = (14, 12, 11, 10, 9)
BLOCKS = (3, 4, 6, 3)


def released_weights(classes, seed=0):
    """Names and shapes of the release's state dict, with a narrow ResNet-50."""
    generator, state = torch.Generator().manual_seed(seed), {}

    def conv(name, o, i, k, bias=False):
        state[f'{name}.weight'] = torch.randn(o, i, k, k, generator=generator) / (i * k * k) ** 0.5
        if bias:
            state[f'{name}.bias'] = torch.randn(o, generator=generator) * 0.1

    def conv_bn(name, o, i, k):
        conv(f'{name}.conv', o, i, k)
        for part, low in (('weight', 0.5), ('bias', -0.5), ('running_mean', -0.5)):
            state[f'{name}.bn.{part}'] = torch.rand(o, generator=generator) + low
        state[f'{name}.bn.running_var'] = torch.rand(o, generator=generator) + 0.5
        state[f'{name}.bn.num_batches_tracked'] = torch.tensor(3)

    back = 'back.scale'
    conv_bn(f'{back}.layer1.conv1', WIDTH, 3, 7)
    inputs = WIDTH
    for stage, count in enumerate(BLOCKS):
        middle = WIDTH * 2**stage
        for block in range(1, count + 1):
            name = f'{back}.layer{stage + 2}.block{block}'
            conv_bn(f'{name}.reduce', middle, inputs, 1)
            conv_bn(f'{name}.conv3x3', middle, middle, 3)
            conv_bn(f'{name}.increase', 4 * middle, middle, 1)
            if block == 1:
                conv_bn(f'{name}.proj', 4 * middle, inputs, 1)
            inputs = 4 * middle
    for index in range(4):
        conv(f'{back}.aspp.stages.c{index}', FEATURES, inputs, 3, bias=True)
    for block, scales, channels in (('contextual', 'fc_1', 1), ('positional', 'fc_2', 2)):
        conv(f'{back}.{block}1.conv', CONTEXT, channels * FEATURES, 3)
        conv(f'{back}.{block}2.conv', CONTEXT, CONTEXT, 3)
        conv(f'{back}.{block}3.conv', CONTEXT, CONTEXT, 3)
        conv(f'{back}.{scales}.conv', 3, 3 * CONTEXT, 3)
        conv(f'{back}.{block}pool.conv', FEATURES, 3 * CONTEXT, 1)
    conv(f'{back}.contextuallocalmu.conv', FEATURES, FEATURES, 3)
    conv(f'{back}.contextuallocalsigma.conv', FEATURES, FEATURES, 3)
    for index, (o, i) in enumerate(
        zip((*HIDDEN, FEATURES), (WORDS + FEATURES, *HIDDEN), strict=True)
    ):
        conv(f'gen.mlp.{index}' + ('.conv' if index < 5 else ''), o, i, 1, bias=True)
    conv('dis.fc.conv', SHARED, FEATURES, 1, bias=True)
    conv('dis.pred', 1, SHARED, 1, bias=True)
    conv('dis.cls', classes + 1, SHARED, 1, bias=True)
    state['Em_all.weight'] = F.normalize(torch.randn(classes, WORDS, generator=generator))
    state['Em_vis.weight'] = torch.zeros(256, WORDS)
    return state


class Release:
    """What the released code computes from its state dict, in evaluation."""

    def __init__(self, state):
        self.s = {name: t.double() for name, t in state.items()}

    def conv(self, name, x, **kwargs):
        return F.conv2d(x, self.s[f'{name}.weight'], self.s.get(f'{name}.bias'), **kwargs)

    def conv_bn(self, name, x, **kwargs):
        x = self.conv(f'{name}.conv', x, **kwargs)
        mean, var, weight, bias = (
            self.s[f'{name}.bn.{part}'][:, None, None]
            for part in ('running_mean', 'running_var', 'weight', 'bias')
        )
        return (x - mean) / (var + 1e-5).sqrt() * weight + bias

    def block(self, kind, scales, u):
        maps = []
        for index, dilation in ((1, 1), (2, 2), (3, 5)):
            u = self.conv(f'back.scale.{kind}{index}.conv', u, padding=dilation, dilation=dilation)
            u = u.relu()
            maps.append(u)
        weights = self.conv(f'back.scale.{scales}.conv', torch.cat(maps, 1), padding=1)
        weights = weights.relu().sigmoid()
        mixed = torch.cat([m * weights[:, i : i + 1] for i, m in enumerate(maps)], 1)
        return self.conv(f'back.scale.{kind}pool.conv', mixed).relu()

    def features(self, images):
        """The feature and the latent code of each pixel."""
        x = self.conv_bn('back.scale.layer1.conv1', images.double(), stride=2, padding=3).relu()
        x = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
        for stage, (count, stride, dilation) in enumerate(
            zip(BLOCKS, (1, 2, 1, 1), (1, 1, 2, 4), strict=True), 2
        ):
            for index in range(1, count + 1):
                name, step = f'back.scale.layer{stage}.block{index}', stride if index == 1 else 1
                y = self.conv_bn(f'{name}.reduce', x, stride=step).relu()
                y = self.conv_bn(f'{name}.conv3x3', y, padding=dilation, dilation=dilation).relu()
                y = self.conv_bn(f'{name}.increase', y)
                if index == 1:
                    x = self.conv_bn(f'{name}.proj', x, stride=step)
                x = (x + y).relu()
        h = 0
        for index, rate in enumerate((6, 12, 18, 24)):
            h = h + self.conv(f'back.scale.aspp.stages.c{index}', x, padding=rate, dilation=rate)
        code = positional_encoding(*h.shape[1:], 512).to(h).expand_as(h)
        h = h + self.block('positional', 'fc_2', torch.cat([h.sigmoid(), code], 1))
        context = self.block('contextual', 'fc_1', h.sigmoid())
        z = self.conv('back.scale.contextuallocalmu.conv', context, padding=1)
        return (h + h * z.sigmoid()).sigmoid(), z

    def classify(self, x):
        return self.conv('dis.cls', self.conv('dis.fc.conv', x).relu())

    def judge(self, x):
        return self.conv('dis.pred', self.conv('dis.fc.conv', x).relu())

    def generate(self, words, z):
        x = torch.cat([words.double(), z], 1)
        for index in range(5):
            x = F.leaky_relu(self.conv(f'gen.mlp.{index}.conv', x), 0.2)
        return self.conv('gen.mlp.5', x).sigmoid()


def our_model(conversion):
    init_default_scope('mmseg')
    model = MODELS.build(ConfigDict(dict(conversion.model, test_cfg=dict(mode='whole'))))
    model.load_state_dict(conversion.weights, strict=True)
    return model.double().eval()


def context_vectors(folder):
    names = np.array(PascalContextDataset.METAINFO['classes'])
    vectors = np.random.default_rng(0).normal(size=(len(names), WORDS)).astype(np.float32)
    np.savez(folder / 'words.npz', vectors=vectors, names=names)
    return str(folder / 'words.npz')


DATASETS = {
    'voc': PascalVOCDataset,
    'context': PascalContextDataset,
    'coco-stuff': COCOStuffDataset,
}


@torch.no_grad()
@pytest.mark.parametrize(('dataset', 'number'), [('voc', 20), ('context', 33), ('coco-stuff', 182)])
def test_scores_fakes_and_judgements_equal_those_of_the_release(dataset, number, tmp_path):
    state = released_weights(number)
    release = Release(state)
    words = context_vectors(tmp_path) if dataset == 'context' else None
    model = our_model(convert_sign(state, dataset, words))
    images = torch.randn(2, 3, 65, 81, dtype=torch.float64)
    x, z = release.features(images)
    found = model.encode(model.extract_feat(images))
    torch.testing.assert_close(found.features, x, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.latent, z, rtol=0, atol=1e-6)
    judgement, scores = model.discriminator(found.features)
    torch.testing.assert_close(judgement, release.judge(x), rtol=0, atol=1e-6)

    order, expected = released_classes(dataset), release.classify(x)
    assert len(order) == expected.shape[1] == number + 1
    classes = DATASETS[dataset].METAINFO['classes']
    for index, name in enumerate(classes):
        row = order.index(name) if name in order else number
        torch.testing.assert_close(scores[:, index], expected[:, row], rtol=0, atol=1e-6)
        if row < number:
            word = state['Em_all.weight'][row][None, :, None, None].expand(2, -1, *x.shape[2:])
            label = torch.full((2, *x.shape[2:]), index)
            fake = model.generate(label, z)
            torch.testing.assert_close(fake, release.generate(word, z), rtol=0, atol=1e-6)


def test_order_of_the_classes():
    voc, context, coco = (released_classes(name) for name in DATASETS)
    assert voc[:2] == ['aeroplane', 'bicycle'] and voc[15:] == [
        'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor', None,
    ]  # fmt: skip
    assert context[-5:] == ['cow', 'motorbike', 'sofa', 'cat', None]
    assert context[28] == 'ceiling' and len(context) == 34
    # Of the 182 numbers, 11 are in no label file.
    assert len(coco) == 183 and coco.count(None) == 12
    assert coco[:4] == ['person', 'bicycle', 'car', 'airplane']
    assert coco[155:167] == [
        'motorcycle', 'elephant', 'baseball bat', 'wine glass', 'banana', 'chair', 'keyboard',
        'refrigerator', 'branch', 'light', 'napkin', 'pavement',
    ]  # fmt: skip
    assert coco[167:182] == [
        'cow', 'giraffe', 'suitcase', 'frisbee', 'skateboard', 'carrot', 'scissors', 'cardboard',
        'clouds', 'grass', 'playingfield', 'river', 'road', 'tree', 'wall-concrete',
    ]  # fmt: skip


def test_file_and_wrapped_names(tmp_path):
    state = released_weights(20)
    wrapped = {f'module.{name}': tensor for name, tensor in state.items()}
    torch.save(dict(iteration=6000, state_dict=wrapped), tmp_path / 'released.pth')
    found = convert_sign_file(tmp_path / 'released.pth', tmp_path / 'ours.pth', 'voc')
    expected = convert_sign(state, 'voc').weights
    written = torch.load(tmp_path / 'ours.pth', weights_only=True)
    assert written['meta']['dataset'] == 'voc'
    for name, tensor in expected.items():
        assert torch.equal(written['state_dict'][name], tensor)
        assert torch.equal(found.weights[name], tensor)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda s: s.pop('back.scale.fc_2.conv.weight'), 'missing: .*positional.scales'),
        (lambda s: s.update({'gen.extra': torch.zeros(1)}), 'unknown: gen.extra'),
        (lambda s: s.update({'dis.cls.bias': torch.zeros(34)}), 'instead of'),
        (
            lambda s: s.update({'back.scale.positionallocalmu.conv.weight': torch.zeros(1)}),
            'network_type 2',
        ),
        (
            lambda s: s.update({'back.scale.positional_feedforward0.conv.weight': torch.zeros(1)}),
            'self-attention',
        ),
        (lambda s: [s.pop(n) for n in list(s) if 'positional' in n], 'no positional block'),
    ],
)
def test_other_networks_are_refused(change, message):
    state = released_weights(20)
    change(state)
    with pytest.raises(ValueError, match=message):
        convert_sign(state, 'voc')


def test_context_needs_word_vectors_of_the_release():
    with pytest.raises(ValueError, match='embeddings is'):
        convert_sign(released_weights(33), 'context')


def test_only_datasets_of_the_release_are_known():
    with pytest.raises(ValueError, match="dataset='ade20k' must be one of voc, "):
        convert_sign(released_weights(20), 'ade20k')
