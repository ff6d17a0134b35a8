import json
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import setuptools
from mmengine.config import Config

import label_efficient_seg
from label_efficient_seg.core import config_index
from label_efficient_seg.core.stack import MAINTAINED, OPTIONAL, UPSTREAM, check_stack

ROOT = Path(__file__).resolve().parents[1]
PIP = (sys.executable, '-m', 'pip', '--disable-pip-version-check', '--no-input')


def test_every_listed_config_is_found_and_loads():
    names = label_efficient_seg.list_configs()
    assert names == sorted(names) and not any(name.startswith('_base_') for name in names)
    assert not any('workflow_' in name for name in names)
    assert label_efficient_seg.resource_root() == ROOT
    for name in names + label_efficient_seg.list_workflows():
        assert label_efficient_seg.get_config_path(name) == ROOT / 'configs' / f'{name}.py'
        assert isinstance(label_efficient_seg.get_config(f'{name}.py'), Config)


@pytest.fixture
def two_configs(tmp_path, monkeypatch):
    folder = tmp_path / '.mim' / 'configs' / 'method'
    folder.mkdir(parents=True)
    (folder / 'deeplabv2_voc.py').write_text(
        "_base_ = '../_base_/schedule.py'\nlearning_rate = 2\n"
    )
    (folder / 'segformer_camvid.py').write_text('learning_rate = 3\n')
    (folder / 'workflow_voc.py').write_text('stages = []\n')
    (folder.parent / '_base_').mkdir()
    (folder.parent / '_base_' / 'schedule.py').write_text('learning_rate = 1\nmax_iters = 20\n')
    monkeypatch.setattr(config_index, '_PACKAGE', tmp_path)


@pytest.mark.usefixtures('two_configs')
def test_installed_configs_are_preferred_and_inherit():
    assert label_efficient_seg.list_configs() == ['method/deeplabv2_voc', 'method/segformer_camvid']
    assert label_efficient_seg.list_workflows() == ['method/workflow_voc']
    assert label_efficient_seg.get_config_path('method/workflow_voc').is_file()
    cfg = label_efficient_seg.get_config('method/deeplabv2_voc')
    assert (cfg.learning_rate, cfg.max_iters) == (2, 20)


@pytest.mark.usefixtures('two_configs')
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('method/deeplab_voc', r"did you mean 'method/deeplabv2_voc'"),
        ('zzz', r'among the 3 in .*configs; see list_configs\(\)'),
        ('../configs/method/deeplabv2_voc', 'did you mean'),
        ('_base_/schedule', 'no config'),
    ],
)
def test_unknown_config_is_named_with_its_neighbours(name, expected):
    with pytest.raises(FileNotFoundError, match=expected) as error:
        label_efficient_seg.get_config(name)
    assert repr(name) in str(error.value)


def test_metadata_requires_no_stack_and_the_extra_fits_the_check(monkeypatch):
    metadata = {}
    monkeypatch.setattr(setuptools, 'setup', metadata.update)
    runpy.run_path(str(ROOT / 'setup.py'))
    assert not [name for name in metadata['install_requires'] if 'mm' in name]
    expected = {f'{name}{specifier}' for name, specifier in MAINTAINED.items()}
    expected.add(f'onedl-mmpretrain{OPTIONAL["onedl-mmpretrain"]}')
    assert set(metadata['extras_require']['stack']) == expected


@pytest.mark.parametrize(('stack', 'file'), [(MAINTAINED, 'lock.txt'), (UPSTREAM, 'upstream.txt')])
def test_pinned_environments_fit_the_check(stack, file):
    text = ''.join((ROOT / 'requirements' / name).read_text() for name in {'lock.txt', file})
    pins = dict(re.findall(r'^([\w-]+)==([^;\s]+)', text, flags=re.MULTILINE))
    check_stack({name: pins[name] for name in ('torch', *stack)})


def not_packaged(folder: str, names: list[str]) -> set[str]:
    if Path(folder) != ROOT:
        return {'__pycache__'}
    generated = {'build', 'data', 'dist', 'work_dirs'}
    hidden = {name for name in names if name.startswith('.') or name.endswith('.egg-info')}
    return hidden | generated


@pytest.fixture(scope='module')
def built(tmp_path_factory):
    """An sdist of a copy of the checkout, and the wheel that pip builds from that sdist."""
    folder = tmp_path_factory.mktemp('build')
    shutil.copytree(ROOT, folder / 'source', ignore=not_packaged)
    build = 'from setuptools import build_meta; build_meta.build_sdist("..")'
    subprocess.run([sys.executable, '-c', build], cwd=folder / 'source', check=True)
    (sdist,) = folder.glob('*.tar.gz')
    options = ('--no-deps', '--no-build-isolation', '--no-cache-dir', '--wheel-dir', str(folder))
    subprocess.run([*PIP, 'wheel', *options, str(sdist)], check=True)
    (wheel,) = folder.glob('*.whl')
    return sdist, wheel


def shipped_files() -> set[str]:
    folders = ('configs', 'splits', 'tools')
    paths = (path for name in folders for path in (ROOT / name).rglob('*') if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in paths if path.suffix != '.pyc'}


def test_wheel_carries_the_package_configs_splits_and_tools(built):
    wheel = zipfile.ZipFile(built[1])
    names = set(wheel.namelist())
    resources = shipped_files() | {'model-index.yml'}
    assert {name for name in names if '/.mim/' in name} == {
        f'label_efficient_seg/.mim/{name}' for name in resources
    }
    for name in resources:
        content = wheel.read(f'label_efficient_seg/.mim/{name}')
        assert content == (ROOT / name).read_bytes(), name
    package = (path for path in ROOT.glob('label_efficient_seg/**/*') if path.is_file())
    sources = {path.relative_to(ROOT).as_posix() for path in package if path.suffix != '.pyc'}
    assert sources <= names
    assert {name.split('/')[0] for name in names if '.dist-info' not in name} == {
        'label_efficient_seg',
        'les_cli.py',
    }
    notices = {name.rpartition('/')[2] for name in names if '.dist-info/' in name}
    assert {'LICENSE', 'SOURCES.md'} <= notices
    assert 'label_efficient_seg/py.typed' in names


def test_sdist_carries_what_a_checkout_has(built):
    with tarfile.open(built[0]) as archive:
        names = {name.partition('/')[2] for name in archive.getnames()}
    wanted = {'LICENSE', 'Makefile', 'README.md', 'requirements/lock.txt', 'tests/conftest.py'}
    assert wanted | shipped_files() <= names


def test_the_unpacked_wheel_registers_and_finds_its_configs(built, tmp_path):
    zipfile.ZipFile(built[1]).extractall(tmp_path)
    # Into a file, because importing the stack may print.
    script = (
        'import json, os\n'
        'from mmengine.utils import import_modules_from_strings\n'
        'from mmseg.registry import MODELS\n'
        'import_modules_from_strings(["label_efficient_seg"])\n'
        'assert "AdvSemiSeg" in MODELS\n'
        'import label_efficient_seg as package\n'
        'from label_efficient_seg.datasets.files.splits import find_split\n'
        'from label_efficient_seg.engine.launch import load_config\n'
        'names = package.list_configs() + package.list_workflows()\n'
        'files = {name: str(package.get_config_path(name)) for name in names}\n'
        'json.dump([package.__file__, files], open("found.json", "w"))\n'
        'os.chdir("empty")\n'
        'cfg = load_config("child.py")\n'
        'streams = cfg.train_dataloader.labeled, cfg.train_dataloader.unlabeled\n'
        'assert [stream.batch_size for stream in streams] == [3, 3]\n'
        'assert find_split(streams[0].dataset.ann_file).is_file()\n'
    )
    (tmp_path / 'empty').mkdir()
    base = '{{$LABEL_EFFICIENT_SEG_CONFIGS:}}/advsemi/deeplabv2_r101_voc_semi.py'
    (tmp_path / 'empty' / 'child.py').write_text(f"_base_ = '{base}'\nbatch_size = 3\n")
    subprocess.run([sys.executable, '-c', script], cwd=tmp_path, check=True)
    module, configs = json.loads((tmp_path / 'found.json').read_text())
    assert module == str(tmp_path / 'label_efficient_seg' / '__init__.py')
    folder = tmp_path / 'label_efficient_seg' / '.mim' / 'configs'
    names = label_efficient_seg.list_configs() + label_efficient_seg.list_workflows()
    assert names and configs == {name: str(folder / f'{name}.py') for name in names}
