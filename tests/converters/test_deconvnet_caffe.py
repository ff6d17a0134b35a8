"""DeconvNet's released weights against a plain rendering of the released network."""

import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import Tensor

from label_efficient_seg.converters import convert_deconvnet, read_caffe_blobs
from tests.models.plain_deconvnet import LAYERS, scores_of

ROOT = Path(__file__).resolve().parents[2]
CLASSES = 5


def norm_of(layer: str) -> str:
    """The release's name of the batch norm after a layer."""
    if layer == 'fc6-deconv':
        return 'fc6-deconv-bn'
    return layer.replace('conv', 'bn') if 'conv' in layer else f'bn{layer}'


def released(narrow: int = 32, kernel_size: int = 2) -> dict[str, Tensor]:
    """Blobs as the release names and shapes them, narrower and with a smaller fc6."""
    torch.manual_seed(0)
    blobs, inputs = {}, 3
    for layer, channels, _ in LAYERS:
        is_last = layer == 'seg-score-voc'
        channels = CLASSES if is_last else channels // narrow
        kernel = {'fc6': kernel_size, 'fc6-deconv': kernel_size, 'fc7': 1}.get(layer, 3)
        kernel = 1 if is_last else kernel
        ends = (inputs, channels) if 'deconv' in layer else (channels, inputs)
        # Keeps the spread of what goes through; unpooled maps are three quarters zeros.
        seen = inputs * (1 if layer == 'fc6-deconv' else kernel**2)
        gain = 8 if layer.startswith('deconv') and layer.endswith('_1') else 2
        blobs[f'{layer}/0'] = torch.randn(*ends, kernel, kernel) * (gain / seen) ** 0.5
        blobs[f'{layer}/1'] = 0.1 * torch.randn(1, 1, 1, channels)
        if not is_last:
            blobs[f'{norm_of(layer)}/0'] = 0.5 + torch.rand(1, channels, 1, 1)
            blobs[f'{norm_of(layer)}/1'] = 0.1 * torch.randn(1, channels, 1, 1)
        inputs = channels
    return blobs


def released_scores(blobs: dict[str, Tensor], images: Tensor) -> Tensor:
    def layer(x: Tensor, name: str) -> Tensor:
        convolve = F.conv_transpose2d if 'deconv' in name else F.conv2d
        padding = 0 if name.startswith(('fc', 'seg')) else 1
        x = convolve(x, blobs[f'{name}/0'], blobs[f'{name}/1'].flatten(), padding=padding)
        if name == 'seg-score-voc':
            return x
        scale, shift = blobs[f'{norm_of(name)}/0'], blobs[f'{norm_of(name)}/1']
        return F.relu(x * scale + shift)

    return scores_of(layer, images)


def save(path: Path, blobs: dict[str, Tensor]) -> None:
    arrays = {name: blob.numpy() for name, blob in blobs.items()}
    if path.suffix == '.npz':
        np.savez(path, **arrays)
        return
    h5py = pytest.importorskip('h5py')
    with h5py.File(path, 'w') as file:
        for name, array in arrays.items():
            file[f'data/{name}'] = array


def test_the_releases_names():
    # As its script of the batch norms lists them.
    names = {norm_of(layer) for layer, *_ in LAYERS[:-1]}
    assert {'bn1_1', 'bn5_3', 'bnfc6', 'bnfc7', 'fc6-deconv-bn', 'debn5_1', 'debn1_2'} <= names
    assert len(names) == 29


@torch.no_grad()
@pytest.mark.parametrize('size', [(64, 96), (65, 97), (63, 50)])
def test_scores_equal_those_of_the_release(size):
    blobs = released()
    conversion = convert_deconvnet(blobs)
    model = MODELS.build(dict(conversion.model, type='EncoderDecoder')).eval()
    model.load_state_dict(conversion.weights, strict=True)
    images = torch.randn(1, 3, *size)
    expected = released_scores(blobs, images)
    assert expected.std() > 0.1
    torch.testing.assert_close(model(images), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('suffix', ['.npz', '.h5'])
def test_the_tool_converts_a_file(les, tmp_path, capsys, suffix):
    source, target = tmp_path / f'a{suffix}', tmp_path / 'new' / 'b.pth'
    blobs = released()
    save(source, blobs)
    assert les('convert', 'deconvnet', source, target) == 0
    printed = capsys.readouterr().out
    assert 'note: images: BGR from 0 to 255' in printed and printed.endswith(f'\n{target}\n')
    checkpoint = torch.load(target, weights_only=True)
    conversion = convert_deconvnet(blobs)
    assert checkpoint['state_dict'].keys() == conversion.weights.keys()
    for name, tensor in checkpoint['state_dict'].items():
        assert torch.equal(tensor, conversion.weights[name])
    same = dict(fc6_kernel_size=2)
    model = dict(
        backbone=dict(type='DeconvNetVGG', base_channels=2, **same),
        decode_head=dict(
            type='DeconvNetHead', in_channels=128, num_classes=CLASSES, channels=2, **same
        ),
    )
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    meta = dict(source=source.name, source_sha256=digest, model=model)
    assert checkpoint['meta'] == meta


def test_the_published_width_has_the_models_config():
    with torch.device('meta'):
        blobs = released(narrow=1, kernel_size=7)
    model = convert_deconvnet(blobs).model
    base = Config.fromfile(ROOT / 'configs' / '_base_' / 'models' / 'deconvnet_vgg16.py').model
    assert model['backbone'] == dict(type=base.backbone.type)
    head = base.decode_head
    assert model['decode_head'] == dict(
        type=head.type, in_channels=head.in_channels, num_classes=CLASSES
    )


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(remove='debn3_2/1'), 'missing: debn3_2/1'),
        (dict(add='bn1_1/2'), 'unknown: bn1_1/2'),
        (dict(shape='deconv2_2/0'), r'of another shape: deconv2_2/0 is \(7, 1\) instead of \(4, 2'),
        (dict(shape='bnfc6/0'), r'of another shape: bnfc6/0 is \(7,\) instead of \(128,\)'),
        (dict(remove='conv1_1/0'), 'missing, or no convolution: conv1_1/0'),
        (dict(shape='fc6/0'), 'missing, or no convolution: fc6/0'),
    ],
)
def test_other_networks_are_refused(change, message):
    blobs = released()
    ((kind, name),) = change.items()
    if kind == 'remove':
        del blobs[name]
    else:
        blobs[name] = torch.zeros(7, 1)
    with pytest.raises(ValueError, match=f'so nothing was converted; {message}'):
        convert_deconvnet(blobs)


def test_h5py_is_asked_for(monkeypatch, tmp_path):
    (tmp_path / 'a.h5').write_bytes(b'x')
    monkeypatch.setitem(sys.modules, 'h5py', None)
    with pytest.raises(ImportError, match=r'a.h5.* needs h5py .* or export an .npz file instead'):
        read_caffe_blobs(tmp_path / 'a.h5')


@pytest.mark.parametrize('shape', [(1 << 32, 2), (1 << 20,)])
def test_hdf5_that_announces_more_than_it_holds(tmp_path, shape):
    h5py = pytest.importorskip('h5py')
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file.create_dataset('data/conv/0', shape, 'f4')  # nothing is written
    with pytest.raises(ValueError, match='conv/0 announces .* bytes, which it does not hold'):
        read_caffe_blobs(tmp_path / 'a.h5')


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / 'a.npz'
    save(path, dict(x=torch.ones(2, 3), y=torch.ones(4)))
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="a.npz' is no file of Caffe's blobs, or damaged"):
            read_caffe_blobs(path)
    at = content.index(np.ones(3, np.float32).tobytes())
    path.write_bytes(content[:at] + b'?' + content[at + 1 :])
    with pytest.raises(ValueError, match="a.npz' is no file of Caffe's blobs, or damaged"):
        read_caffe_blobs(path)
    np.savez(path, x=np.array([None, dict()]))
    with pytest.raises(ValueError, match="a.npz' is no file of Caffe's blobs, or damaged"):
        read_caffe_blobs(path)


@pytest.mark.parametrize('name', ['absent.npz', 'a.caffemodel', 'other.npz'])
def test_nothing_is_written_when_the_tool_fails(les, tmp_path, capsys, name):
    source = tmp_path / name
    if name == 'a.caffemodel':
        source.write_bytes(b'x')
    elif name == 'other.npz':
        np.savez(source, weight=np.ones(3))
    before = os.listdir(tmp_path)
    assert les('convert', 'deconvnet', source, tmp_path / 'b.pth') == 1
    message = capsys.readouterr().err
    assert message.startswith('error: ') and str(source) in message
    assert os.listdir(tmp_path) == before
