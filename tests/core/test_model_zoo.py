"""Weights by URL and by name, from a server that is a folder."""

import os
import re
from pathlib import Path

import pytest
import torch
from mmengine.runner import CheckpointLoader

from label_efficient_seg.core import model_zoo
from label_efficient_seg.core.errors import FileError, UserError


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.target,)


@pytest.fixture
def server(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    (tmp_path / 'server').mkdir()
    return tmp_path / 'server'


def test_a_download_is_kept_and_read(server):
    torch.save(dict(w=torch.ones(2)), server / 'a-1.pth')
    url = (server / 'a-1.pth').as_uri()
    assert model_zoo.load_url(url)['w'].tolist() == [1, 1]
    (server / 'a-1.pth').unlink()
    assert model_zoo.load_url(url)['w'].tolist() == [1, 1]


def test_a_download_runs_no_code(server):
    torch.save(dict(w=Payload(server / 'it_ran')), server / 'a-1.pth')
    with pytest.raises(UserError, match='holds more than tensors'):
        model_zoo.load_url((server / 'a-1.pth').as_uri())
    assert not (server / 'it_ran').exists()


def test_without_a_connection_the_place_for_the_file_is_named(server):
    with pytest.raises(FileError, match=re.escape(str(server.parent / 'cache'))):
        model_zoo.load_url((server / 'none.pth').as_uri())


def test_names_in_a_list(server, monkeypatch):
    torch.save(
        dict(state_dict={'backbone.w': torch.ones(2), 'head.w': torch.ones(1)}), server / 'a'
    )
    monkeypatch.setattr(model_zoo, 'zoo_urls', lambda kind: {'net': (server / 'a').as_uri()})
    assert CheckpointLoader.load_checkpoint('mmcls://net')['state_dict'].keys() == {'w'}
    found = CheckpointLoader.load_checkpoint('open-mmlab://net')['state_dict']
    assert found.keys() == {'backbone.w', 'head.w'}
    with pytest.raises(UserError, match="the list of torchvision has no 'nte'"):
        CheckpointLoader.load_checkpoint('torchvision://nte')


@pytest.mark.parametrize('name', ['s3://a/b.pth', 'cluster:s3://a', 'petrel://a', 'pavi://a'])
def test_storages_of_companies_are_refused(name):
    with pytest.raises(UserError, match='download the file and name its local path'):
        CheckpointLoader.load_checkpoint(name)


@pytest.mark.parametrize('name', ['https://a/b.pth', 'modelzoo://a', 'openmmlab://a', 'a.pth'])
def test_no_loader_of_mmengine_is_left(name):
    loader = CheckpointLoader._get_checkpoint_loader(name)
    assert loader.__module__.startswith('label_efficient_seg.')
