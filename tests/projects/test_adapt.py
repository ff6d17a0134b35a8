"""`les new adapt`: two cards with the same classes."""

from pathlib import Path

import pytest
from mmengine.config import Config

from label_efficient_seg import api
from label_efficient_seg.core.config_variables import read_config
from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets.files.splits import read_split
from label_efficient_seg.engine.hooks.start_check import start_faults
from label_efficient_seg.engine.launch import load_config
from label_efficient_seg.projects import trainings
from label_efficient_seg.projects.timing import seconds_per_iteration

from .conftest import draw, train

SOURCE = """\
root: source
images: images
masks: masks
classes: [background, square, bar]
label_map: {4: background, 5: square, 9: bar}
"""


@pytest.fixture
def source(card: Path) -> Path:
    """A card of six images with other values in their masks, beside the target's."""
    draw(card.parent / 'source', {0: 4, 1: 5, 2: 9}, 6)
    path = card.parent / 'source.yaml'
    path.write_text(SOURCE)
    return path


def new(source: Path, card: Path, **options) -> Path:
    options = dict(iterations=2, out=card.parent / 'out') | options
    return api.new('adapt', source, card, **options)


def test_from_two_cards_to_a_training(source, card, network):
    folder = new(source, card, network=network)
    train(str(folder / 'dacs.py'), str(folder / 'run'))
    assert (folder / 'run/iter_2.pth').is_file()


def test_configs(source, card, network):
    folder = new(source, card, network=network, method='advent')
    assert len(read_split(folder / 'source.txt')) == 6
    assert len(read_split(folder / 'train.txt')) == 8
    names = ['source_only', 'adabn', 'advent', 'oracle']
    workflow = Config.fromfile(folder / 'workflow.py')
    assert [stage.name for stage in workflow.stages] == workflow.results == names
    oracle, advent, adabn = (
        read_config(folder / f'{name}.py') for name in ('oracle', 'advent', 'adabn')
    )
    assert set(advent.train_dataloader) == {'source', 'target'}
    assert not advent.train_dataloader.target.dataset.labeled
    assert set(oracle.train_dataloader) == {'source'}
    dataset = oracle.train_dataloader.source.dataset
    assert (dataset.labeled, dataset.card) == (True, advent.target_card)
    assert set(advent.model.discriminator) == {'main'}  # of a network with one head
    assert (adabn.model.lambda_adv_main, advent.model.lambda_adv_main) == (0, 0.01)
    assert adabn.train_dataloader == advent.train_dataloader


def test_frozen_batch_norm_cannot_adapt(source, card, network):
    folder = new(source, card, network='deeplabv2_mobilenetv2', weights='none')
    assert Config.fromfile(folder / 'workflow.py').results == ['source_only', 'dacs', 'oracle']
    assert 'adabn' not in (folder / 'README.md').read_text()


def test_a_network_with_two_heads_has_two_discriminators(source, card):
    folder = new(source, card, network='deeplabv3plus_r50', weights='none', method='advent')
    assert set(read_config(folder / 'advent.py').model.discriminator) == {'main', 'aux'}


@pytest.mark.parametrize('method', ['mic', 'minent', 'intrada'])
def test_trainings_of_each_method_can_start(source, card, network, method):
    folder = new(source, card, network=network, method=method)
    for name in (method, *['adabn'] * (method == 'minent')):
        options = {}
        if name == 'intrada':  # what its ranking would leave
            options = {
                'train_dataloader.easy.dataset.ann_file': str(folder / 'train.txt'),
                'train_dataloader.easy.dataset.data_prefix': None,
                'train_dataloader.hard.dataset.ann_file': str(folder / 'train.txt'),
            }
        cfg = load_config(str(folder / f'{name}.py'), cfg_options=options)
        assert list(start_faults(cfg)) == []


def test_time_decides_the_iterations(source, card, network, monkeypatch):
    seen = []

    def seconds(config: Path, options: dict) -> float:
        seen.append(config.stem)
        return 0.1

    monkeypatch.setattr(trainings, 'seconds_per_iteration', seconds)
    folder = new(source, card, network=network, iterations=None, budget='10min')
    assert seen == ['source_only', 'adabn', 'dacs']
    # 0.8 of 600 s for four trainings, two of which are alike.
    assert read_config(folder / 'dacs.py').train_cfg.max_iters == 1200


def test_iterations_of_one_and_of_two_streams_are_measured(source, card, network):
    folder = new(source, card, network=network)
    for name in ('source_only', 'dacs'):
        assert seconds_per_iteration(folder / f'{name}.py') > 0


@pytest.mark.parametrize(
    ('before', 'after', 'message'),
    [
        ('square, bar]', 'bar, square]', "class 1 is 'bar' in .* and 'square' in"),
        ('masks: masks\n', '', 'has no masks; the source needs them'),
        ('masks: masks\n', 'masks: images\n', 'no image has a mask'),
    ],
)
def test_sources_that_do_not_fit(source, card, network, before, after, message):
    source.write_text(source.read_text().replace(before, after))
    with pytest.raises(UserError, match=message):
        new(source, card, network=network)
    assert not (card.parent / 'out').exists()


def test_words(les, capsys):
    assert les('new', 'adapt', 'one.yaml', '--out', 'x') == 2
    assert 'adapt takes 2 data cards' in capsys.readouterr().err
    assert les('new', 'adapt', 'a.yaml', 'b.yaml', '--labeled', '3', '--out', 'x') == 2
    assert 'adapt has no --labeled' in capsys.readouterr().err
