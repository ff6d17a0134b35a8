"""Released DeepLabv2 weights against a plain rendering of the released networks."""

import hashlib
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config, ConfigDict
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from label_efficient_seg.converters import convert_deeplabv2, convert_deeplabv2_file
from tests.converters.released_deeplabv2 import CLASSES, RELEASES, Head, Released, released

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / 'configs' / '_base_' / 'models' / 'deeplabv2_r101-d8.py'
UNUSED_TENSORS = dict(advent=0, adaptsegnet=8, advsemi=4)


def ours(model: dict, weights: dict[str, Tensor]) -> EncoderDecoder:
    cfg = dict(model, type='EncoderDecoder', test_cfg=dict(mode='whole'))
    segmentor = MODELS.build(ConfigDict(cfg))
    segmentor.load_state_dict(weights, strict=True)
    return segmentor.eval()


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())


@torch.no_grad()
@pytest.mark.parametrize('size', [(64, 96), (65, 97), (63, 50)])
@pytest.mark.parametrize('variant', RELEASES)
def test_scores_equal_those_of_the_release(variant, size):
    reference = released(variant)
    conversion = convert_deeplabv2(reference.state_dict(), 'ours', variant)
    segmentor = ours(conversion.model, conversion.weights)
    images = torch.randn(2, 3, *size)
    main, auxiliary = reference(images)
    features = segmentor.extract_feat(images)
    assert main.std() > 0.1
    torch.testing.assert_close(segmentor.decode_head(features), main, rtol=0, atol=1e-5)
    assert segmentor.with_auxiliary_head == (auxiliary is not None)
    if auxiliary is not None:
        assert auxiliary.std() > 0.1
        found = segmentor.auxiliary_head(features)
        torch.testing.assert_close(found, auxiliary, rtol=0, atol=1e-5)
    # At image size, as the releases evaluate.
    expected = F.interpolate(main, size, mode='bilinear', align_corners=True)
    metas = [dict(img_shape=size, ori_shape=size, pad_shape=size)] * 2
    found = segmentor.encode_decode(images, metas)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize('variant', RELEASES)
def test_colors_come_in_the_order_of_the_release(variant):
    reference = released(variant)
    segmentor = ours(*_model_and_weights(reference, variant))
    # As OpenCV reads it: blue above, red below.
    image = np.full((64, 96, 3), 20, np.uint8)
    image[:32, :, 0], image[32:, :, 2] = 230, 250
    centered = image.astype(np.float64) - (104.00698793, 116.66876762, 122.67891434)
    if variant == 'advsemi':
        centered = centered[:, :, ::-1]
    scores = {}
    for name, array in (('right', centered), ('swapped', centered[:, :, ::-1])):
        batch = torch.from_numpy(array.copy()).permute(2, 0, 1)[None].float()
        small = reference(batch)[0]
        scores[name] = F.interpolate(small, (64, 96), mode='bilinear', align_corners=True)[0]
    size = dict(img_shape=(64, 96), ori_shape=(64, 96), pad_shape=(64, 96))
    data = dict(
        inputs=[torch.from_numpy(image).permute(2, 0, 1)],
        data_samples=[SegDataSample(metainfo=size)],
    )
    found = segmentor.test_step(data)[0].seg_logits.data
    scale = scores['right'].abs().max()
    assert (found - scores['right']).abs().max() < 1e-5 * scale
    assert (found - scores['swapped']).abs().max() > 0.05 * scale


def _model_and_weights(reference, variant):
    conversion = convert_deeplabv2(reference.state_dict(), 'ours', variant)
    return conversion.model, conversion.weights


@torch.no_grad()
@pytest.mark.parametrize('variant', RELEASES)
def test_there_and_back(variant):
    reference = released(variant)
    source = reference.state_dict()
    converted = convert_deeplabv2(source, 'ours', variant)
    official = convert_deeplabv2(converted.weights, 'official', variant)
    assert_same(convert_deeplabv2(official.weights, 'ours', variant).weights, converted.weights)
    assert official.model == converted.model

    unused = [f'conv2d_list.{branch}.' for branch in range(RELEASES[variant][0], 4)]
    lost = {name for name in source if any(part in name for part in unused)}
    assert len(lost) == UNUSED_TENSORS[variant]
    for name in lost:
        assert any(name in note for note in converted.notes)
        assert any(name in note and 'zeros' in note for note in official.notes)
    expected = {n: torch.zeros_like(t) if n in lost else t for n, t in source.items()}
    assert_same(official.weights, expected)
    # Zeros change nothing, also in code that was corrected to sum all branches.
    images = torch.randn(1, 3, 65, 64)
    before = reference(images)
    reference.load_state_dict(official.weights)
    for module in reference.children():
        if isinstance(module, Head):
            module.summed = 4
    for found, score in zip(reference(images), before, strict=True):
        assert score is None or torch.equal(found, score)


@pytest.mark.parametrize('variant', RELEASES)
def test_resnet_101_fits_the_base_config(variant):
    with torch.device('meta'):
        source = Released(variant, 64, (3, 4, 23, 3), classes=19).state_dict()
        conversion = convert_deeplabv2(source, 'ours', variant)
        cfg = Config.fromfile(BASE)
        cfg.merge_from_dict(dict(model=conversion.model))
        expected = MODELS.build(cfg.model).state_dict()
    assert cfg.model.backbone.depth == 101 and 'base_channels' not in cfg.model.backbone
    assert conversion.model['decode_head']['num_classes'] == 19
    assert conversion.model['decode_head']['dilations'] == (6, 12, 18, 24)[: RELEASES[variant][0]]
    shapes = {name: tensor.shape for name, tensor in conversion.weights.items()}
    assert shapes == {name: tensor.shape for name, tensor in expected.items()}
    back = convert_deeplabv2(conversion.weights, 'official', variant).weights
    assert {n: t.shape for n, t in back.items()} == {n: t.shape for n, t in source.items()}
    assert all(t is source[n] for n, t in back.items() if t.is_meta)
    assert sum(not t.is_meta for t in back.values()) == UNUSED_TENSORS[variant]


def test_one_level_of_advent_has_no_auxiliary_head():
    source = {n: t for n, t in released('advent').state_dict().items() if 'layer5' not in n}
    conversion = convert_deeplabv2(source, 'ours')
    assert 'auxiliary_head' not in conversion.model and not conversion.notes
    ours(conversion.model, conversion.weights)
    assert_same(convert_deeplabv2(conversion.weights, 'official').weights, source)


def test_absent_batch_counters_become_zero():
    source = released('advsemi').state_dict()
    old = {n: t for n, t in source.items() if not n.endswith('num_batches_tracked')}
    expected = convert_deeplabv2(source, 'ours', 'advsemi').weights
    found = convert_deeplabv2(old, 'ours', 'advsemi').weights
    counters = {name for name in expected if name.endswith('num_batches_tracked')}
    assert counters and all(found[name] == 0 for name in counters)
    assert_same({n: found[n] for n in found if n not in counters},
                {n: expected[n] for n in expected if n not in counters})  # fmt: skip


def test_discriminators_are_left_out_by_name():
    weights = convert_deeplabv2(released('advent').state_dict(), 'ours').weights
    weights['discriminator.main.convs.0.weight'] = torch.zeros(1)
    conversion = convert_deeplabv2(weights, 'official')
    assert_same(conversion.weights, released('advent').state_dict())
    assert conversion.notes == [
        'left out, no part of the segmentor: discriminator.main.convs.0.weight'
    ]


def test_all_faults_are_named():
    source = dict(released('advent').state_dict())
    source['layer7.weight'] = torch.zeros(1)
    source['backbone.conv1.weight'] = source['conv1.weight']
    source['layer5.conv2d_list.3.bias'] = torch.zeros(CLASSES + 1)
    source['layer4.1.bn2.bias'] = 'text'
    del source['layer3.5.conv3.weight'], source['layer6.conv2d_list.2.bias']
    before = dict(source)
    with pytest.raises(ValueError) as error:
        convert_deeplabv2(source, 'ours')
    for part in (
        'missing: layer3.5.conv3.weight, layer6.conv2d_list.2.bias;',
        'unknown: layer7.weight, backbone.conv1.weight;',
        f'layer5.conv2d_list.3.bias is ({CLASSES + 1},) instead of ({CLASSES},)',
        'layer4.1.bn2.bias is str instead of (32,)',
    ):
        assert part in str(error.value)
    assert source == before


def without_block(source: dict) -> dict:
    return {name: tensor for name, tensor in source.items() if not name.startswith('layer3.5.')}


@pytest.mark.parametrize(
    ('variant', 'change', 'to', 'message'),
    [
        ('advent', without_block, 'ours', r'\(3, 4, 5, 3\) blocks instead of .*\(ResNet-101\)'),
        ('advent', lambda _: {}, 'ours', r'\(0, 0, 0, 0\) blocks'),
        ('advent', lambda s: {**s, 'conv1.weight': [1, 2, 3, 4]}, 'ours', ': conv1.weight$'),
        ('advent', lambda s: {**s, 3: torch.zeros(1)}, 'ours', 'unknown: 3$'),
        # Only some names begin with `module.`.
        ('advent', lambda s: {**s, 'module.bn1.bias': 0}, 'ours', 'unknown: module.bn1.bias$'),
        # Another variant than the file's.
        ('advsemi', dict, 'advent', 'layer6 and layer5.*missing.*: layer6.conv2d_list.0.weight$'),
        ('advent', dict, 'advsemi', 'with layer5,.*unknown: layer6.conv2d_list.0.weight'),
        # The wrong direction.
        ('advent', dict, 'official', r'with decode_head and auxiliary_head.*0\) blocks'),
        ('advent', dict, 'theirs', "to='theirs' must be 'ours' or 'official'"),
    ],
)
def test_other_networks_are_refused(variant, change, to, message):
    source = change(released(variant).state_dict())
    if to in RELEASES:
        variant, to = to, 'ours'
    with pytest.raises(ValueError, match=message):
        convert_deeplabv2(source, to, variant)


@pytest.mark.parametrize(
    ('source', 'target', 'message'),
    [
        # Official code would not compute the branches 18 and 24, or sum two that are not there.
        ('advent', 'adaptsegnet', r'\(6, 12\); unknown: decode_head.convs.2.weight'),
        ('adaptsegnet', 'advent', r'\(6, 12, 18, 24\); missing: decode_head.convs.2.weight'),
        ('adaptsegnet', 'advsemi', 'unknown: auxiliary_head.convs.0.weight'),
    ],
)
def test_models_that_a_release_cannot_compute_are_refused(source, target, message):
    weights = convert_deeplabv2(released(source).state_dict(), 'ours', source).weights
    with pytest.raises(ValueError, match=message):
        convert_deeplabv2(weights, 'official', target)


@pytest.fixture
def tool(les):
    return partial(les, 'convert')


WRAPPERS = dict(
    bare=lambda weights: weights,
    state_dict=lambda weights: dict(state_dict=weights, epoch=3),
    model=lambda weights: dict(model=weights, optimizer={}),
    module=lambda weights: {f'module.{name}': tensor for name, tensor in weights.items()},
)


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('wrapper', WRAPPERS)
def test_the_tool_converts_there_and_back(tool, tmp_path, capsys, wrapper, zipped):
    weights = released('advsemi').state_dict()
    source, middle, back = (tmp_path / name for name in ('a.pth', 'new/b.pth', 'c.pth'))
    torch.save(WRAPPERS[wrapper](weights), source, _use_new_zipfile_serialization=zipped)

    tool('advsemi', source, middle, '--to', 'ours')
    *_, printed = capsys.readouterr().out.partition('model = ')
    printed, _, name = printed.rstrip().rpartition('\n')
    assert name == str(middle) and os.listdir(middle.parent) == ['b.pth']
    checkpoint = torch.load(middle, weights_only=True)
    assert checkpoint['meta'] == dict(
        source='a.pth',
        source_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        variant='advsemi',
        model=Config.fromstring(f'model = {printed}', '.py').model.to_dict(),
    )
    assert checkpoint['meta']['model']['decode_head']['dilations'] == (6, 12)
    expected = convert_deeplabv2(weights, 'ours', 'advsemi')
    assert_same(checkpoint['state_dict'], expected.weights)
    assert checkpoint['meta']['model'] == expected.model

    tool('advsemi', middle, back, '--to', 'official')
    assert 'zeros' in capsys.readouterr().out
    found = torch.load(back, weights_only=True)
    released('advsemi').load_state_dict(found, strict=True)
    expected = convert_deeplabv2(expected.weights, 'official', 'advsemi')
    assert_same(found, expected.weights)


def test_old_files_that_were_saved_on_a_gpu_are_read(tool, tmp_path):
    weights = released('advent').state_dict()
    torch.save(weights, tmp_path / 'a.pth', _use_new_zipfile_serialization=False)
    content = (tmp_path / 'a.pth').read_bytes()
    # What pickles from before PyTorch 1.6 say about tensors on a GPU.
    for cpu, gpu in (
        (b'ctorch\nFloatStorage\n', b'ctorch.cuda\nFloatStorage\n'),
        (b'X\3\0\0\0cpu', b'X\6\0\0\0cuda:0'),
    ):
        assert content.count(cpu) == 1
        content = content.replace(cpu, gpu)
    (tmp_path / 'a.pth').write_bytes(content)
    tool('advent', tmp_path / 'a.pth', tmp_path / 'b.pth', '--to', 'ours')
    found = torch.load(tmp_path / 'b.pth', weights_only=True)['state_dict']
    assert_same(found, convert_deeplabv2(weights, 'ours').weights)


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.target,)


@pytest.mark.parametrize('fault', ['absent', 'truncated', 'malicious', 'other network'])
def test_nothing_is_written_when_the_tool_fails(tool, tmp_path, capsys, fault):
    source, payload = tmp_path / 'a.pth', tmp_path / 'it_ran'
    weights = released('advent').state_dict()
    if fault == 'malicious':
        torch.save(dict(state_dict=weights, extra=Payload(payload)), source)
    elif fault == 'other network':
        torch.save(dict(weight=torch.zeros(1)), source)
    elif fault == 'truncated':
        torch.save(weights, source)
        source.write_bytes(source.read_bytes()[:-500])
    assert tool('advent', source, tmp_path / 'b.pth', '--to', 'ours') == 1
    message = capsys.readouterr().err
    assert message.startswith('error: ') and str(source) in message and 'Traceback' not in message
    expected = dict(
        absent='does not exist',
        truncated='damaged or incomplete',
        malicious='--trust-checkpoint',
    )
    assert expected.get(fault, 'nothing was') in message
    assert os.listdir(tmp_path) == ([] if fault == 'absent' else ['a.pth'])

    if fault == 'malicious':  # who trusts it runs it
        tool('advent', source, tmp_path / 'b.pth', '--to', 'ours', '--trust-checkpoint')
        assert payload.exists() and (tmp_path / 'b.pth').is_file()


def test_the_target_is_a_pth_file(tmp_path):
    torch.save(released('advent').state_dict(), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r"a \.pth file, got the name '.*b.safetensors'"):
        convert_deeplabv2_file(tmp_path / 'a.pth', tmp_path / 'b.safetensors', 'ours')
    assert os.listdir(tmp_path) == ['a.pth']
