"""`les new zero`: masks of some classes, vectors of all."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from label_efficient_seg import api
from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets.files.class_embeddings import write_class_embeddings
from label_efficient_seg.engine.hooks.start_check import start_faults
from label_efficient_seg.engine.launch import load_config

NAMES = ('background', 'square', 'bar')
STAGES = [
    'spnet', 'training', 'gmmn_training', 'gmmn', 'transfer', 'self_training', 'oracle'
]  # fmt: skip


@pytest.fixture
def known(card: Path) -> Path:
    """The card with vectors of its classes, the bar without labels in training."""
    vectors = np.eye(3, 6, dtype=np.float32)
    write_class_embeddings(card.parent / 'vectors.npz', NAMES, vectors)
    text = card.read_text().replace('labeled: 1/4\n', '')
    card.write_text(text + 'unseen: [bar]\nvectors: vectors.npz\n')
    return card


def new(card: Path, network: str, **options) -> Path:
    return api.new('zero', card, out=card.parent / 'out', network=network,
                   **{**dict(iterations=50), **options})  # fmt: skip


def test_trainings_can_start(known, network):
    folder = new(known, network)
    workflow = Config.fromfile(folder / 'workflow.py')
    assert [stage.name for stage in workflow.stages] == STAGES
    assert workflow.results[:3] == ['spnet.hIoU', 'training.hIoU', 'gmmn.hIoU']
    assert workflow.results[-1] == 'oracle.mIoU_unseen' and len(workflow.results) == 18
    init_default_scope('mmseg')
    for name in ('spnet', 'gmmn', 'self_training', 'oracle'):
        assert list(start_faults(load_config(str(folder / f'{name}.py')))) == [], name


def test_unseen_labels_are_hidden_from_all_but_the_oracle(known, network):
    folder = new(known, network)
    hidden = dict(type='HideUnseenClasses', split=dict(unseen=['bar']))
    cfg = {name: load_config(str(folder / f'{name}.py')) for name in STAGES[3:]}
    for name, part in cfg.items():
        pipeline = part.train_dataloader.labeled.dataset.pipeline
        assert (pipeline[0] == hidden) == (name != 'oracle')
        assert part.val_evaluator.split == dict(unseen=['bar'])
        assert part.val_evaluator.classwise
        assert part.train_cfg.max_iters == (20 if name == 'self_training' else 50)
    assert (cfg['transfer'].model.step, cfg['transfer'].model.interval) == ('transfer', 2)
    assert cfg['self_training'].model.teacher == 'frozen'
    assert cfg['gmmn'].model.spatial_information is None


def test_unseen_classes_of_the_command_come_before_the_card(known, network, les, capsys):
    cfg = load_config(str(new(known, network, unseen=['square']) / 'spnet.py'))
    assert cfg.class_split == dict(unseen=['square'])
    head = cfg.model.decode_head
    assert (head.type, head.in_channels, head.num_classes) == ('WordProjectionHead', 64, 3)
    assert cfg.train_dataloader.labeled.dataset.pipeline[0].type == 'HideUnseenClasses'
    assert les('new', 'semi', known, '--unseen', 'bar', '--out', 'x') == 2
    assert 'semi has no --unseen' in capsys.readouterr().err


def test_short_trainings_of_shipped_networks_have_adamw(known):
    folder = new(known, 'deeplabv2_r101', weights='none')
    one, three = (load_config(str(folder / f'{n}.py')).optim_wrapper for n in ('spnet', 'training'))
    assert (
        one
        == three.segmentor
        == dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.01))
    )


def test_no_oracle_without_labels_of_unseen_classes(known, network):
    (known.parent / 'train.txt').write_text('0\n2\n4\n6\n')  # odd ones show a bar
    (known.parent / 'val.txt').write_text('1\n8\n')
    text = known.read_text().replace('val: 2', 'val: val.txt')
    known.write_text(text + 'train: train.txt\n')
    assert not (new(known, network) / 'oracle.py').exists()


@pytest.mark.parametrize(
    ('before', 'after', 'message'),
    [
        ('unseen: [bar]\n', '', '0 of 3 classes are unseen, .* give --unseen'),
        ('vectors: vectors.npz\n', '', 'has no vectors, which say what unseen classes are like'),
        ('vectors.npz', 'voc_fasttext', "'voc_fasttext' has no vector of square, bar"),
        ('val: 2', 'val: val.txt', "unseen class 'bar' is in no mask of the validation"),
    ],
)
def test_cards_that_do_not_fit(known, network, before, after, message):
    (known.parent / 'val.txt').write_text('0\n2\n')
    known.write_text(known.read_text().replace(before, after))
    with pytest.raises(UserError, match=message):
        new(known, network)
    assert not (known.parent / 'out').exists()


def test_misspelt_unseen_class(known, network):
    with pytest.raises(UserError, match="unseen has 'bat', .*did you mean 'bar'"):
        new(known, network, unseen=['bat'])
