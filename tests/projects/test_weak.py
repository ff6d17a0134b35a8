"""`les new weak`: tags of whole images."""

import csv
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from label_efficient_seg import api
from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets.files.splits import read_split
from label_efficient_seg.engine.hooks.start_check import start_faults
from label_efficient_seg.engine.launch import load_config
from label_efficient_seg.projects import trainings
from label_efficient_seg.projects.timing import seconds_per_iteration

STAGES = [
    *('cls', 'cam', 'baseline', 'scores', 'affinity', 'masks', 'segmentor'),
    *('cam_par', 'segmentor_par', 'oracle'),
]


@pytest.fixture
def tagged(card: Path) -> Path:
    """The card with tags of its images in a table: every second one also shows a bar."""
    rows = [(str(index), 'square; bar' if index % 2 else 'square') for index in range(10)]
    with open(card.parent / 'tags.csv', 'w', newline='') as file:
        csv.writer(file).writerows([('image', 'classes'), *rows])
    card.write_text(card.read_text() + 'tags: tags.csv\n')
    return card


def new(card: Path, network: str, **options) -> Path:
    return api.new('weak', card, out=card.parent / 'out', network=network,
                   **{**dict(iterations=8), **options})  # fmt: skip


def test_trainings_can_start(tagged, network, les, capsys):
    folder = new(tagged, network)
    workflow = Config.fromfile(folder / 'workflow.py')
    assert [stage.name for stage in workflow.stages] == STAGES
    assert workflow.results == ['baseline', 'segmentor', 'segmentor_par', 'oracle',
                                'masks.mIoU_cam', 'masks.mIoU_walk']  # fmt: skip
    assert workflow.method == 'segmentor'
    refined = {s.name: s.refinement for s in workflow.stages if 'refinement' in s}
    assert refined == dict(scores='par', masks='none', cam_par='par')  # small photos
    capsys.readouterr()
    assert les('check', folder) == 0
    printed = capsys.readouterr().out
    assert printed.count('no findings') == 2
    assert 'affinity' not in printed and '\noracle\n' in printed
    cfg = load_config(str(folder / 'affinity.py'))
    cfg.train_dataloader = None  # scores are missing until other stages have run
    assert list(start_faults(cfg)) == []


def test_sizes_fit_small_images(tagged, network):
    folder = new(tagged, network)
    cfg = {name: load_config(str(folder / f'{name}.py')) for name in ('cls', 'cam', 'affinity')}
    assert (cfg['cls'].model.head.num_classes, cfg['cls'].model.head.in_channels) == (2, 64)
    assert set(cfg['cls'].train_dataloader) == {'tagged'}
    assert not cfg['cls'].train_dataloader.tagged.dataset.labeled
    assert cfg['cam'].model.type == 'CAMSegmentor'
    assert cfg['cam'].test_dataloader.dataset.labeled
    affinity = cfg['affinity']
    assert (affinity.model.stride, affinity.affinity_crop) == (4, (56, 56))
    assert affinity.model.backbone.out_indices == (1, 2, 3)
    assert affinity.model.decode_head.in_channels == (16, 32, 64)
    assert affinity.train_cfg.max_iters == 5
    assert affinity.get('val_cfg') is None


def test_time_is_measured_before_there_are_pseudo_masks(tagged, network, monkeypatch):
    seen = []

    def seconds(config: Path, options: dict) -> float:
        seen.append(config.stem)
        return seconds_per_iteration(config, options) and 0.1

    monkeypatch.setattr(trainings, 'seconds_per_iteration', seconds)
    folder = new(tagged, network, iterations=None, budget='2min')
    assert seen == ['cls', 'segmentor']
    # 0.8 of 120 s; eight images in batches of four, read 25 times by jobs, three passes of which
    # take as long as an iteration; trainings of 1, 1, 0.6, 1, 1 and 1 times the length.
    expected = (0.8 * 120 - 25 * 2 / 3 * 0.1) / (5.6 * 0.1)
    length = load_config(str(folder / 'cls.py')).train_cfg.max_iters
    assert expected - 10 < length <= expected


def test_images_without_a_tag_are_left_out(tagged, network, capsys):
    table = tagged.parent / 'tags.csv'
    table.write_text(table.read_text().replace('4,square', '4,background'))
    for index in (0, 1):  # nor has every image a mask
        (tagged.parent / f'masks/{index}.png').unlink()
    folder = new(tagged, network)
    train = read_split(folder / 'train.txt')
    assert len(train) == 7 and '4' not in train
    assert '1 without a tag left out' in capsys.readouterr().out
    assert not (folder / 'oracle.py').exists()
    assert not load_config(str(folder / 'cam.py')).test_dataloader.dataset.labeled
    assert Config.fromfile(folder / 'workflow.py').results == [
        'baseline',
        'segmentor',
        'segmentor_par',
    ]


def test_tags_from_masks(card, network):
    card.write_text(card.read_text() + 'tags: masks\n')
    cfg = load_config(str(new(card, network) / 'cls.py'))
    assert cfg.train_dataloader.tagged.dataset.labeled
    init_default_scope('mmseg')
    assert list(start_faults(cfg)) == []


@pytest.mark.parametrize(
    ('before', 'after', 'message'),
    [
        ('tags: tags.csv\n', '', 'has no tags, from which weak supervision learns'),
        ('background', 'ground', "first class is 'ground', but with tags it is what no tag names"),
        ('square, bar]', 'square, bar, disc]', "no training image has the tag 'disc'"),
        ('masks: masks\n', '', 'has no masks; images of the validation need them'),
    ],
)
def test_cards_that_do_not_fit(tagged, network, before, after, message):
    text = tagged.read_text().replace(before, after)
    text = text.replace('"#0000ff": bar}', '"#0000ff": bar, "#00ff00": disc}' * ('disc' in text)
                        or '"#0000ff": bar}')  # fmt: skip
    tagged.write_text(text)
    with pytest.raises(UserError, match=message):
        new(tagged, network)
    assert not (tagged.parent / 'out').exists()
