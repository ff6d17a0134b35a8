"""Private names and messages of the stack: these tests fail first when it changes."""

import pickle
from fractions import Fraction

import pytest
import torch
from mmengine.runner import CheckpointLoader

from label_efficient_seg.core import stack_internals


def refusal(path) -> Exception:
    with pytest.raises((pickle.UnpicklingError, RuntimeError)) as error:
        torch.load(path, weights_only=True)
    return error.value


def test_what_pytorch_refused(tmp_path):
    torch.save(dict(a=Fraction(1, 2)), tmp_path / 'a.pth')
    error = refusal(tmp_path / 'a.pth')
    assert stack_internals.refusal_reason(error) == (
        'Unsupported global: GLOBAL fractions.Fraction was not an allowed global by default.'
    )
    assert not stack_internals.is_unsupported_format(error)


def test_formats_that_pytorch_refuses(tmp_path):
    torch.jit.script(torch.nn.Linear(1, 1)).save(tmp_path / 'a.pth')
    error = refusal(tmp_path / 'a.pth')
    assert stack_internals.is_unsupported_format(error)
    assert stack_internals.refusal_reason(error).startswith('Cannot use safe loading with Torch')


@pytest.mark.parametrize(
    ('kind', 'name'),
    [
        ('torchvision', 'resnet50'),
        ('modelzoo', 'vgg16_bn'),
        ('open-mmlab', 'resnet50_v1c'),
        ('openmmlab', 'detectron2/resnet101_caffe'),
        ('mmcls', 'vgg16'),
    ],
)
def test_lists_of_weights(kind, name):
    assert stack_internals.zoo_urls(kind)[name].startswith('https://')


def test_files_beside_a_list_of_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path))
    (tmp_path / 'open_mmlab.json').write_text('{"mine": "my/net.pth"}')
    assert stack_internals.zoo_urls('open-mmlab')['mine'] == str(tmp_path / 'my' / 'net.pth')


def test_schemes_of_checkpoints():
    """A scheme that MMEngine adds would be read by its own loader."""
    assert set(CheckpointLoader._schemes) == {
        '',
        'http://',
        'https://',
        'modelzoo://',
        'torchvision://',
        'open-mmlab://',
        'openmmlab://',
        'mmcls://',
        'pavi://',
        r'(\S+\:)?s3://',
        r'(\S+\:)?petrel://',
    }
