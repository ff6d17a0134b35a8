"""Released weights of UniMatch, UniMatch V2, DAFormer and HRDA against plain renderings of them."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS

from label_efficient_seg.converters import convert_self_training, convert_weights
from tests.converters.released_self_training import CLASSES, RELEASES, released

SIZES = {
    'unimatch': [(65, 97)],
    'unimatch-v2': [(70, 70), (42, 84)],
    'daformer': [(64, 96)],
    'hrda': [(64, 64), (96, 160)],
}
DROPPED = {'unimatch': 0, 'unimatch-v2': 5}


@pytest.fixture(scope='module', params=RELEASES)
def release(request):
    return request.param


@pytest.fixture(scope='module')
def kind(release):
    return 'daformer' if release == 'hrda' else release


@pytest.fixture(scope='module')
def reference(release):
    return released(release)


def build(model: dict):
    if model['backbone']['type'] == 'HRDABackbone':  # windows are not in a checkpoint
        model = dict(model, backbone=dict(model['backbone'], crop_size=(64, 64)))
    return MODELS.build(ConfigDict(model, type='EncoderDecoder', test_cfg=dict(mode='whole')))


@torch.no_grad()
def test_scores_equal_those_of_the_release(release, kind, reference):
    conversion = convert_self_training(reference.state_dict(), kind)
    segmentor = build(conversion.model).eval()
    segmentor.load_state_dict(conversion.weights, strict=True)
    assert segmentor.num_classes == CLASSES
    for size in SIZES[release]:
        images = torch.randn(2, 3, *size)
        expected = reference(images)
        metas = [dict(img_shape=size, ori_shape=size, pad_shape=size)] * 2
        found = segmentor.encode_decode(images, metas)
        assert expected.std() > 0.01
        # The release's MiT has a layer norm with another epsilon than MMSeg's.
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.std())


def test_a_file_becomes_a_checkpoint_of_the_config_that_is_printed(
    release, kind, reference, tmp_path, monkeypatch
):
    weights = {f'module.{name}': tensor for name, tensor in reference.state_dict().items()}
    if kind == 'daformer':
        parts = ('model', 'ema_model', 'imnet_model')
        names = reference.state_dict()
        weights = {f'{part}.{name}': names[name] * 1 for part in parts for name in names}
    torch.save(dict(model=weights, epoch=3), tmp_path / 'source.pth')
    # As in a new process.
    monkeypatch.setattr(DefaultScope, 'get_current_instance', classmethod(lambda cls: None))
    conversion = convert_weights(kind, tmp_path / 'source.pth', tmp_path / 'x.pth')
    monkeypatch.undo()
    load_checkpoint(build(conversion.model), str(tmp_path / 'x.pth'), strict=True)
    divisors = {'unimatch-v2': 14, 'hrda': 8}
    divisor = conversion.model['data_preprocessor'].get('test_cfg', {}).get('size_divisor')
    assert divisor == divisors.get(release)
    left_out = sum(int(note.split('(')[1].split()[0]) for note in conversion.notes)
    own = len(reference.state_dict())
    assert left_out == (2 * own if kind == 'daformer' else DROPPED[kind])
    assert all(note.startswith('left out, ') for note in conversion.notes)


def test_other_weights_are_refused_by_name(kind, reference):
    weights = dict(reference.state_dict())
    last = next(name for name in weights if 'norm' in name or 'bn' in name)
    missing = {name: tensor for name, tensor in weights.items() if name != last}
    with pytest.raises(ValueError, match=f'not those of a segmentor that {kind} released'):
        convert_self_training(missing, kind)
    with pytest.raises(ValueError, match='unknown: stranger'):
        convert_self_training({**weights, 'stranger': torch.zeros(1)}, kind)
    with pytest.raises(ValueError, match='nothing was converted; (missing|the third stage has 0)'):
        convert_self_training({}, kind)


def test_keys_without_queries_are_named():
    weights = released('daformer').state_dict()
    missing = next(name for name in weights if name.endswith('.attn.kv.weight'))
    weights = {name: tensor for name, tensor in weights.items() if name != missing}
    with pytest.raises(ValueError, match=r'missing: .*\.attn\.kv\.weight'):
        convert_self_training(weights, 'daformer')


def test_kinds_and_directions():
    with pytest.raises(ValueError, match="no converter 'unimach'; did you mean 'unimatch'"):
        convert_weights('unimach', 'x.pth', 'y.pth')
    with pytest.raises(ValueError, match="unimatch are converted to ours only, not to 'official'"):
        convert_weights('unimatch', 'x.pth', 'y.pth', to='official')
