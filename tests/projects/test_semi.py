"""`les new semi`, from a data card to a report."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from label_efficient_seg import api
from label_efficient_seg.core.config_variables import read_config
from label_efficient_seg.core.errors import ExistingFileError, UserError
from label_efficient_seg.datasets.files.splits import read_split
from label_efficient_seg.projects import plan
from label_efficient_seg.projects.project import Project
from label_efficient_seg.projects.stages import dict_text

from .conftest import draw, train


def new(card: Path, name: str = 'out', **options) -> Path:
    return api.new('semi', card, out=card.parent / name, **{**dict(iterations=4), **options})


def test_from_a_card_to_a_report(card, network, les, capsys, monkeypatch):
    monkeypatch.chdir(card.parent)
    assert les('new', 'semi', 'data.yaml', '--network', network, '--iterations', '2', '--out',
               'out') == 0  # fmt: skip
    printed = capsys.readouterr().out
    assert 'crop_size' in printed and 'les run out' in printed
    assert les('check', 'out') == 0
    assert capsys.readouterr().out.count('no findings') == 3
    assert les('report', 'out') == 1
    assert 'les run out makes them' in capsys.readouterr().err
    assert les('predict', 'out', 'images', '--out', 'masks') == 1
    assert 'no training of unimatch yet; les run out' in capsys.readouterr().err
    # What `les run` starts in a process of its own, which takes seconds.
    assert les('run', 'out', '--dry-run') == 0
    assert 'oracle' in capsys.readouterr().out
    train('out/unimatch.py', 'out/runs/unimatch_seed0')
    assert Path('out/runs/unimatch_seed0/iter_2.pth').is_file()
    photo = next(Path('images').iterdir())
    assert les('predict', 'out', photo, '--out', 'masks') == 0
    with Image.open(f'masks/masks/{photo.stem}.png') as mask, Image.open(photo) as image:
        assert mask.size == image.size


def test_lists_are_drawn_once_and_with_a_checksum(card, network):
    folder = new(card, network=network)
    val, labeled = (read_split(folder / f'{name}.txt') for name in ('val', 'labeled'))
    train = read_split(folder / 'train.txt')
    assert (len(val), len(labeled), len(train)) == (2, 2, 8)
    assert set(labeled) <= set(train) and not set(val) & set(train)
    assert set(train) | set(val) == {str(index) for index in range(10)}
    # Each class is in both.
    assert all(any(int(name) % 2 for name in part) for part in (val, labeled))
    summary = json.loads((folder / 'split.json').read_text())
    assert summary['labeled']['images'] == 2 and len(summary['val']['sha256']) == 64
    other = new(card, 'again', network=network)
    assert (other / 'labeled.txt').read_text() == (folder / 'labeled.txt').read_text()


def test_lists_of_the_card_are_used_in_place(card, network):
    for name, ids in dict(train='0 1 2 3', labeled='0 1', val='8 9').items():
        (card.parent / f'{name}.txt').write_text(ids.replace(' ', '\n'))
    text = card.read_text().replace('1/4', 'labeled.txt').replace('val: 2', 'val: val.txt')
    card.write_text(text + 'train: train.txt\n')
    folder = new(card, network=network)
    assert not list(folder.glob('*.txt'))
    cfg = read_config(folder / 'unimatch.py')
    assert cfg.train_dataloader.unlabeled.dataset.ann_file.endswith('out/../train.txt')
    # The command line comes before the card.
    folder = new(card, 'three', network=network, labeled=3)
    assert len(read_split(folder / 'labeled.txt')) == 3


def test_configs(card, network):
    folder = new(card, network=network, method='advsemi', iterations=400)
    files = {'common', 'baseline', 'advsemi', 'oracle', 'workflow'}
    assert {path.stem for path in folder.glob('*.py')} == files
    cfg = {name: read_config(folder / f'{name}.py') for name in ('oracle', 'advsemi')}
    assert set(cfg['oracle'].train_dataloader) == {'labeled'}
    assert set(cfg['advsemi'].train_dataloader) == {'labeled', 'unlabeled'}
    streams = {name: cfg[name].train_dataloader.labeled.dataset for name in cfg}
    assert streams['oracle'].ann_file.endswith('train.txt')
    assert streams['advsemi'].ann_file.endswith('labeled.txt')
    for part in cfg.values():
        assert part.val_evaluator.subsets['IoU_bar'] == ['bar']
        assert part.model.decode_head.num_classes == 3
        assert part.train_cfg.max_iters == 400
        assert part.crop_size == (57, 57)  # of 64
        assert [step.type for step in streams['advsemi'].pipeline].count('RandomCrop') == 1
    # The optimizer and the schedule of the user's config, in proportion.
    assert cfg['advsemi'].optim_wrapper.segmentor == cfg['oracle'].optim_wrapper
    assert cfg['oracle'].optim_wrapper.optimizer == dict(type='AdamW', lr=1e-3,
                                                             weight_decay=0.02)  # fmt: skip
    assert [s.end for s in cfg['oracle'].param_scheduler] == [4, 400]
    assert cfg['advsemi'].model.semi_start == 100
    assert cfg['advsemi'].model.discriminator.network.strides == (2, 2, 1, 1, 1)
    assert 'SyncBN' not in str(cfg['oracle'].model)


def test_unimatch_v2_has_a_teacher(card, network):
    cfg = read_config(new(card, network=network, method='unimatch_v2') / 'unimatch_v2.py')
    assert (cfg.model.teacher_momentum, cfg.model.complementary) == (0.97, True)
    assert cfg.val_cfg.type == 'TeacherValLoop'


def test_fixmatch_has_one_view(card, network):
    cfg = read_config(new(card, network=network, method='fixmatch') / 'fixmatch.py')
    assert (cfg.model.type, cfg.model.data_preprocessor['views']) == ('WeakToStrong', 1)
    assert cfg.model.get('feature_dropout', 0) == 0


def test_no_oracle_where_masks_are_missing(card, network):
    for index in range(4):
        (card.parent / f'masks/{index}.png').unlink()
    card.write_text(card.read_text().replace('labeled: 1/4\n', ''))
    folder = new(card, network=network)
    assert not (folder / 'oracle.py').exists()
    assert len(read_split(folder / 'labeled.txt')) == 4  # all that have a mask and are not in val
    assert Config.fromfile(folder / 'workflow.py').results == ['baseline', 'unimatch']


@pytest.mark.parametrize('name', ['deeplabv3plus_r50', 'deeplabv2_r101'])
def test_shipped_networks(card, name):
    cfg = read_config(new(card, network=name, weights='none') / 'unimatch.py')
    assert cfg.model.decode_head.num_classes == 3
    assert cfg.model.backbone.init_cfg is None
    assert 'SyncBN' not in str(cfg.model)
    assert max(cfg.model.decode_head.get('dilations', [0])) <= 5  # of 8 features


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(method='unimach'), "method 'unimach' is unknown; did you mean 'unimatch'?"),
        (dict(method='mic'), "'mic' is one of les new adapt; les new semi has unimatch, unimatch"),
        (dict(network='deeplabv3plus_r5'), "did you mean 'deeplabv3plus_r50'?"),
        (dict(weights='no.pth'), "weights 'no.pth' do not exist"),
        (dict(budget='1d', iterations=None), "budget '1d' is no time"),
        (dict(iterations=1), 'iterations must be at least 2'),
        (dict(labeled=8), 'labeled: 8 of the 8 images with masks leaves one part empty'),
    ],
)
def test_wrong_arguments(card, network, options, message):
    with pytest.raises(UserError, match=message):
        new(card, **{**dict(network=network), **options})
    assert not (card.parent / 'out').exists()


@pytest.mark.parametrize(
    ('before', 'after', 'message'),
    [
        ('val: 2\n', '', 'has no val: images with masks'),
        ('labeled: 1/4\n', '', 'all 8 training images are labeled.*--labeled 1/8'),
        ('val: 2', 'val: list.txt', "val list '.*list.txt' has 'x', but .* has no such image"),
        ('1/4', 'labeled.txt', "labeled image '0' is not in train|image '0' is in val and"),
    ],
)
def test_parts_that_do_not_fit(card, network, before, after, message):
    (card.parent / 'list.txt').write_text('x\n')
    (card.parent / 'labeled.txt').write_text('0\n')
    (card.parent / 'train.txt').write_text('1\n2\n')
    text = card.read_text().replace(before, after)
    if 'labeled.txt' in text:
        text += 'train: train.txt\n'
    card.write_text(text)
    with pytest.raises(UserError, match=message):
        new(card, network=network)


@pytest.mark.parametrize(
    ('background', 'square', 'message'),
    [
        (0, 255, "show 'background' only, so nothing can be learned.* label_map of a data card"),
        (255, 255, r'hold nothing but void \(255\), so nothing can be learned'),
    ],
)
def test_masks_that_teach_nothing(tmp_path, network, background, square, message):
    draw(tmp_path, {0: background, 1: square, 2: square}, 6)
    card = tmp_path / 'data.yaml'
    card.write_text('images: images\nmasks: masks\nclasses: [background, square]\nval: 2\n')
    with pytest.raises(UserError, match=message):
        new(card, network=network, labeled=2)
    card.write_text(card.read_text() + 'tags: masks\n')
    with pytest.raises(UserError, match=message):
        api.new('weak', card, out=tmp_path / 'weak', network=network, iterations=2)


def test_a_folder_is_not_written_over(card, network):
    new(card, network=network)
    with pytest.raises(ExistingFileError, match='exists and is not empty'):
        new(card, network=network)


@pytest.mark.parametrize('name', ["it's mine", 'back\\slash'])
def test_a_folder_that_no_config_can_name(tmp_path, name):
    with pytest.raises(UserError, match='has .* in its name, which no config can name.*rename it'):
        Project(tmp_path / name)


def test_a_config_in_such_a_folder(tmp_path):
    config = tmp_path / "it's mine" / 'a.py'
    config.parent.mkdir()
    config.write_text("work_dir = '{{ fileDirname }}/runs'\n")
    with pytest.raises(UserError, match="it's mine' has ' in its name, which no config"):
        read_config(config)
    config.write_text('work_dir = "{{ fileDirname }}/runs"\n')
    assert read_config(config).work_dir == f'{config.parent}/runs'


def test_sizes_are_those_of_the_images(tmp_path):
    sizes = plan.choose_sizes(Project(tmp_path / 'a'), np.array([[90, 200]] * 3), False)
    assert (sizes.scale, sizes.crop) == ((200, 200), (89, 89))
    sizes = plan.choose_sizes(Project(tmp_path / 'b'), np.array([[4000, 3000]]), True)
    assert (sizes.scale, sizes.crop) == ((1024, 1024), (513, 513))


@pytest.mark.parametrize('crop', [321, 161, 113, 65, 33])
def test_discriminators_see_enough(crop):
    strides = plan.discriminator_strides(crop)
    for stride in strides:
        crop = (crop + 1) // stride if stride == 2 else crop
    assert crop >= 8
    assert len(strides) == 5


def test_dilations_of_the_papers_stay_at_their_crops():
    assert plan.reduced_dilations(dict(dilations=(6, 12, 18, 24)), 321) is None
    assert plan.reduced_dilations(dict(dilations=(1, 12, 24, 36)), 513) is None
    assert plan.reduced_dilations(dict(dilations=(6, 12, 18, 24)), 161) == (3, 6, 9, 12)
    assert plan.reduced_dilations(dict(dilations=(6, 12, 18, 24)), 161, 16) == (2, 3, 5, 6)
    assert plan.reduced_dilations({}, 161) is None


@pytest.mark.parametrize(
    ('number', 'rounded'), [(3, 20), (57, 57), (999, 990), (1234, 1200), (98765, 98000)]
)
def test_round_down(number, rounded):
    assert plan.round_down(number) == rounded


def test_budgets():
    assert plan.Budget.read('10min', None).seconds == 600
    assert plan.Budget.read('1.5h', None).seconds == 5400
    assert plan.Budget.read('paper', None).paper
    assert plan.Budget.read('1h', 30).iterations == 30


def test_text_of_nested_dicts():
    value = dict(a=1, b=dict(c='x' * 60, d=(1, 2), e={'f.g': 3}))
    text = dict_text(value)
    assert eval(text) == value  # noqa: S307
    assert max(map(len, text.splitlines())) < 80
