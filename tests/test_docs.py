"""The pages say what is true: links, flags and messages exist, and the examples run."""

import ast
import importlib.util
import re
import shlex
from pathlib import Path

import mmseg
import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmseg.registry import DATASETS, MODELS

from label_efficient_seg.cli.main import build_parser
from label_efficient_seg.datasets.files.card_keys import KEYS
from label_efficient_seg.datasets.files.class_embeddings import write_class_embeddings
from label_efficient_seg.datasets.files.data_card import read_card
from label_efficient_seg.datasets.toy import toy_root
from label_efficient_seg.engine.launch import build_runner, load_config

from .models import tiny
from .projects.conftest import draw

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [ROOT / 'README.md', *(ROOT / 'docs').rglob('*.md'), *(ROOT / 'configs').rglob('*.md')]
)
# What a page may name in backticks or commands and the repository must then hold.
PATH = re.compile(r'(?<![\w/.$-])((?:configs|tools|splits|docs|requirements)/[\w/.-]+\.\w+)')
# Verbs of shell scripts, and which of their words the verb's positional arguments are.
TOOLS = {
    'tools/dist_train.sh': ('train', [0]),
    'tools/dist_test.sh': ('test', [0, 1]),
    'tools/slurm_train.sh': ('train', [2]),
    'tools/slurm_test.sh': ('test', [2, 3]),
}
# Configs that a page tells its reader to write.
READERS_OWN = ('configs/mine/',)


def blocks(page: str, language: str) -> list[str]:
    """Contents of a page's fenced blocks of one language."""
    text = (ROOT / page).read_text(encoding='utf-8')
    return re.findall(rf'^```{language}\n(.*?)^```', text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_paths_exist(page: Path):
    text = page.read_text(encoding='utf-8')
    links = re.findall(r'\]\(([^)#\s]+)[^)]*\)', text)
    missing = [
        link for link in links if not re.match(r'\w+:', link) and not (page.parent / link).exists()
    ]
    missing += [
        path
        for path in PATH.findall(text)
        if not path.startswith(READERS_OWN) and not (ROOT / path).exists()
    ]
    assert missing == []


def named_tests(page: str) -> list[tuple[str, str]]:
    """File and name of every test that a page names; a name alone is one of the file before it."""
    found, file = [], ''
    text = (ROOT / page).read_text(encoding='utf-8')
    for path, name in re.findall(r'`((?:[\w/]*test_\w+\.py)?)(?:::(test_\w+))?`', text):
        file = path or file
        if path or name:
            found.append((file, name))
    return found


@pytest.mark.parametrize(('page', 'least'), [('docs/safety.md', 80), ('docs/faithfulness.md', 15)])
def test_tests_that_a_page_names_exist(page, least):
    sources = {
        str(path.relative_to(ROOT / 'tests')): path.read_text(encoding='utf-8')
        for path in (ROOT / 'tests').rglob('test_*.py')
    }
    named = named_tests(page)
    assert len(named) >= least
    for file, name in named:
        # Beside the module that it tests, a file is named without its folder.
        found = [text for path, text in sources.items() if f'/{path}'.endswith(f'/{file}')]
        assert any(f'def {name}(' in text if name else True for text in found), (file, name)


def commands() -> list[tuple[Path, list[str]]]:
    """Every call of ``les``, or of what is the same, in a shell block: its words after ``les``."""
    found = []
    for page in PAGES:
        for block in blocks(str(page.relative_to(ROOT)), 'shell'):
            for line in block.replace('\\\n', ' ').splitlines():
                words = shlex.split(line, comments=True)
                if 'les' in words:
                    found.append((page, words[words.index('les') + 1 :]))
                for tool in [word for word in words if word.startswith('tools/')]:
                    verb, used = TOOLS[tool]
                    words = words[words.index(tool) + 1 :]
                    found.append((page, [verb, *(words[index] for index in used), *words[4:]]))
    return found


def test_commands_are_understood(capsys):
    calls = commands()
    assert len(calls) > 40
    parser, _ = build_parser()
    for page, words in calls:
        try:
            # An ellipsis stands for more words, and a variable for options of the config.
            parser.parse_args([word for word in words if word != '...' and word[0] != '$'])
        except SystemExit:
            pytest.fail(f'{page.name}: les {shlex.join(words)}: {capsys.readouterr().err}')


def test_configs_named_without_suffix_exist():
    names = {str(p.relative_to(ROOT / 'configs').with_suffix('')) for p in ROOT.glob('configs/*/*')}
    for page in PAGES:
        named = re.findall(
            r'(?<![\w/])((?:advsemi|affinitynet|deconvnet|intrada|sign|toy)/\w[\w-]+)',
            page.read_text(encoding='utf-8'),
        )
        assert {n for n in named if not n.endswith('/README')} <= names, page


def texts() -> set[str]:
    """String literals of the package and its tools without docstrings; f-strings without values."""
    found = set()
    for path in [*ROOT.glob('label_efficient_seg/**/*.py'), *ROOT.glob('tools/**/*.py')]:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding='utf-8'))))
        docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
        for node in nodes:
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            if node not in docstrings:
                found.add(''.join(str(p.value) for p in parts if isinstance(p, ast.Constant)))
    return found


def test_messages_of_the_troubleshooting_page_exist():
    page = (ROOT / 'docs/troubleshooting.md').read_text(encoding='utf-8')
    own, _ = page.split('Messages of PyTorch and of the system')
    quoted = [
        message
        for cell in re.findall(r'^\| (`.*?) \| ', own, re.MULTILINE)
        for message in re.findall(r'`([^`]+)`', cell)
    ]
    assert len(quoted) > 20
    known = texts()

    def exists(message: str) -> bool:
        pattern = re.compile('.*'.join(map(re.escape, message.split('...'))), re.DOTALL)
        return any(pattern.search(text.replace('`', '')) for text in known)

    assert [message for message in quoted if not exists(message)] == []
    assert not exists('FCDiscriminator halves its input five times')


def trainable(folder: Path) -> list[Path]:
    """The configs of a folder without its workflows."""
    return [path for path in folder.glob('*.py') if not path.name.startswith('workflow_')]


def test_model_index():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))
    for file in index['Import']:
        content = yaml.safe_load((ROOT / file).read_text(encoding='utf-8'))
        collections = {collection['Name'] for collection in content['Collections']}
        described = set()
        for model in content['Models']:
            assert model['In Collection'] in collections
            assert (ROOT / model['Config']).is_file()
            described.add(ROOT / model['Config'])
        assert described == set(trainable((ROOT / file).parent))


def test_every_config_is_in_the_table_of_its_folder():
    for folder in {path.parent for path in ROOT.glob('configs/[!_]*/*.py')}:
        table = (folder / 'README.md').read_text(encoding='utf-8')
        assert [p.name for p in trainable(folder) if f'({p.name})' not in table] == []


def shrink(cfg: Config, work_dir: Path) -> Config:
    """Make a training fast: small networks and crops, two iterations, no validation."""
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        cfg.pop(key)
    cfg.work_dir = str(work_dir)
    cfg.train_cfg.update(max_iters=2, val_interval=1000)
    cfg.model.discriminator.network.channels = 2
    cfg.model.update(semi_start=1, pretrained=None)
    cfg.model.backbone.update(depth=18, base_channels=4, stem_channels=4, init_cfg=None)
    cfg.model.decode_head.in_channels = 32
    for stream in cfg.train_dataloader.values():
        stream.update(batch_size=2, num_workers=0, persistent_workers=False)
        for transform in stream.dataset.pipeline:
            if transform.type in ('RandomCrop', 'Pad'):
                transform.update({'size' if transform.type == 'Pad' else 'crop_size': (64, 64)})
            if transform.type == 'RandomResize':
                transform.scale = (128, 128)
    return cfg


def train(cfg: Config) -> torch.nn.Module:
    """Train, and see that the discriminator moved."""
    runner = build_runner(cfg)
    before = [p.detach().clone() for p in runner.model.discriminator.parameters()]
    model = runner.train()
    after = list(model.discriminator.parameters())
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    return model


MMSEG = Path(mmseg.__file__).parent / '.mim' / 'configs'
FCN = """_base_ = [
    '{0}/models/fcn_r50-d8.py', '{0}/datasets/pascal_voc12.py',
    '{0}/default_runtime.py', '{0}/schedules/schedule_20k.py'
]
crop_size = (512, 512)
model = dict(
    data_preprocessor=dict(size=crop_size),
    decode_head=dict(num_classes=21), auxiliary_head=dict(num_classes=21))
"""


def readme_config(base: Path, folder: Path) -> Config:
    """What the README makes of a config."""
    (text,) = blocks('README.md', 'python')
    file = folder / 'semi.py'
    file.write_text(re.sub(r"(?<=_base_ = )'[^']*'", repr(str(base)), text))
    return load_config(str(file))


def test_readme_turns_an_mmseg_config_into_a_semi_supervised_one(tmp_path):
    base = tmp_path / 'fcn.py'
    base.write_text(FCN.format(MMSEG / '_base_'))
    plain, cfg = Config.fromfile(base), readme_config(base, tmp_path)
    assert (plain.model.type, cfg.model.type) == ('EncoderDecoder', 'AdvSemiSeg')
    assert plain.val_dataloader == cfg.val_dataloader

    cfg = shrink(cfg, tmp_path / 'run')
    cfg.model.auxiliary_head.in_channels = 16
    cfg.model.data_preprocessor.size = (64, 64)
    lists = dict(labeled='train_1_8_labeled', unlabeled='train_1_8_unlabeled')
    for name, stream in cfg.train_dataloader.items():
        stream.dataset.update(
            data_root=toy_root(),
            img_suffix='.png',
            ann_file=f'ImageSets/Segmentation/{lists[name]}.txt',
        )
    assert 'seg_map_path' not in cfg.train_dataloader.unlabeled.dataset.data_prefix
    train(cfg)


@pytest.mark.parametrize(
    ('name', 'kind', 'rate'),
    [
        ('segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512', torch.optim.AdamW, 6e-5),
        ('convnext/convnext-tiny_upernet_8xb2-amp-160k_ade20k-512x512', torch.optim.AdamW, 1e-4),
        ('ocrnet/ocrnet_hr18s_4xb4-20k_voc12aug-512x512', torch.optim.SGD, 0.01),
    ],
)
def test_readme_keeps_optimizer_and_schedule(name, kind, rate, tmp_path):
    plain = Config.fromfile(MMSEG / f'{name}.py')
    cfg = readme_config(MMSEG / f'{name}.py', tmp_path)
    assert cfg.param_scheduler.segmentor == plain.param_scheduler
    assert cfg.train_cfg == dict(plain.train_cfg, type='StreamIterTrainLoop')

    groups = []
    for one in (plain, cfg):
        one.model.backbone.init_cfg = one.model.pretrained = None
        # Of mixed precision, which needs a GPU, only the wrapper differs.
        wrapper = getattr(one.optim_wrapper, 'segmentor', one.optim_wrapper)
        wrapper.type = 'OptimWrapper'
        wrapper.pop('loss_scale', None)
        model = MODELS.build(one.model)
        built = build_optim_wrapper(model, one.optim_wrapper)
        optimizer = getattr(built, 'optim_wrappers', dict(segmentor=built))['segmentor'].optimizer
        assert type(optimizer) is kind
        assert optimizer.defaults['lr'] == rate
        names = {id(p): n for n, p in model.named_parameters()}
        groups.append(
            {
                names[id(p)]: {k: v for k, v in group.items() if k not in ('params', 'param_names')}
                for group in optimizer.param_groups
                for p in group['params']
            }
        )
    assert groups[0] == groups[1]
    assert len({group['lr'] for group in groups[0].values()}) > 1 or kind is torch.optim.SGD


NEW = 'les new (weak|zero) '


def test_card_of_the_pages_with_their_commands(tmp_path, monkeypatch, les, capsys):
    card, *domains, tags, vectors = blocks('docs/custom-data.md', 'yaml')
    (short,) = blocks('README.md', 'yaml')
    assert yaml.safe_load(card) == yaml.safe_load(short)
    monkeypatch.chdir(tmp_path)
    Path('data.yaml').write_text(card)
    draw(tmp_path / 'data/cracks', {0: 0, 1: 1, 2: 2}, 16)
    lines = [line for block in blocks('docs/custom-data.md', 'shell') for line in block.split('\n')]
    commands = [shlex.split(line, comments=True)[1:] for line in lines if 'les new semi' in line]
    assert len(commands) == 3
    for words in commands[:2]:
        assert les(*words, '--iterations', '4', '--weights', 'none') == int(
            '--labeled' not in words
        )
    assert 'all 13 training images are labeled' in capsys.readouterr().err
    assert les('check', 'cracks') == 0
    rows = [f'{index},crack' + '; joint' * (index % 2) for index in range(16)]
    Path('data/cracks/tags.csv').write_text('image,classes\n' + '\n'.join(rows))
    names = yaml.safe_load(card)['classes']
    write_class_embeddings('data/cracks/vectors.npz', names, np.eye(3))
    Path('data.yaml').write_text(card + tags + vectors)
    others = [shlex.split(line, comments=True)[1:] for line in lines if re.match(NEW, line)]
    assert [words[1] for words in others] == ['weak', 'zero', 'zero']
    for words in others[:2]:
        assert les(*words, '--iterations', '4', '--weights', 'none') == 0
    draw(tmp_path / 'day', {0: 0, 1: 13, 2: 11}, 4)
    draw(tmp_path / 'night', {0: 0, 1: 1, 2: 2}, 4)
    Path('val.txt').write_text('0\n1\n')
    for name, domain in zip(('day', 'night'), domains, strict=True):
        Path(f'{name}.yaml').write_text(domain)
        assert read_card(f'{name}.yaml').classes == ('road', 'car', 'person')
    table = (ROOT / 'docs/custom-data.md').read_text(encoding='utf-8')
    assert all(f'\n| `{key}` |' in table for key in KEYS)
    for source in ast.parse(blocks('docs/custom-data.md', 'python')[0]).body:
        Path('labeled.txt').write_text('1\n')
        Path('train.txt').write_text('1\n2\n')
        cfg = eval(ast.unparse(source))  # noqa: S307
        assert len(DATASETS.build(cfg)) == 1


def test_method_of_the_mixing_page_trains(tmp_path):
    (source,) = [b for b in blocks('docs/mixing-into-mmseg.md', 'python') if 'class ' in b]
    file = tmp_path / 'output_adaptation.py'
    file.write_text(source)
    spec = importlib.util.spec_from_file_location('output_adaptation', file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cfg = tiny.model_cfg(type='OutputAdaptation')
    cfg.pop('semi_start')
    model = MODELS.build(cfg)
    log = model.train_step(tiny.batches(), tiny.build_optimizers(model))
    assert {'decode.loss_ce', 'unlabeled.loss_adv', 'discriminator.loss'} <= log.keys()
    assert all(torch.isfinite(value) for value in log.values())
