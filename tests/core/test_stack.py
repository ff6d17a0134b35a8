import subprocess
import sys

import pytest

from label_efficient_seg.core.stack import check_stack, installed_versions

TORCH = {'torch': '2.11.0+cu130'}
MAINTAINED = {
    'onedl-mmengine': '0.10.12',
    'onedl-mmcv': '2.3.6',
    'onedl-mmsegmentation': '1.4.2',
}
UPSTREAM = {'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmsegmentation': '1.2.2'}


def failure(found: dict[str, str]) -> str:
    with pytest.raises(ImportError) as error:
        check_stack(found)
    return str(error.value)


def command(message: str) -> str:
    (line,) = [line for line in message.splitlines() if 'fix with:' in line]
    return line.split('fix with:')[1].strip()


@pytest.mark.parametrize(
    'stack',
    [
        MAINTAINED,
        MAINTAINED | {'onedl-mmpretrain': '1.3.6'},
        MAINTAINED | {'onedl-mmengine': '0.10.13', 'onedl-mmcv': '2.3.7rc1'},
        UPSTREAM,
        UPSTREAM | {'mmpretrain': '1.2.0', 'mmengine': '0.10.8'},
    ],
)
def test_fitting_stack_passes(stack):
    check_stack(TORCH | stack)


def test_this_environment_passes():
    found = installed_versions()
    assert 'torch' in found
    check_stack()


def test_nothing_installed_recommends_the_maintained_stack():
    message = failure({})
    assert 'found:     none' in message
    for name in ('torch', *MAINTAINED):
        assert f'{name} is missing' in message
    assert command(message) == (
        'pip install "torch>=2.0" "torchvision" && pip install "onedl-mmengine>=0.10.12,<0.11" '
        '"onedl-mmcv>=2.3,<2.4" "onedl-mmsegmentation>=1.4,<1.5"'
    )
    assert 'mmsegmentation>=1.2.2,<1.3' in message  # the other stack is offered as well


def test_one_wrong_version_is_named_and_only_it_is_replaced():
    message = failure(TORCH | MAINTAINED | {'onedl-mmcv': '2.2.9'})
    assert 'onedl-mmengine 0.10.12, onedl-mmcv 2.2.9' in message
    assert 'wrong:     onedl-mmcv 2.2.9 is not >=2.3,<2.4\n' in message
    assert command(message) == 'pip install "onedl-mmcv>=2.3,<2.4"'


def test_upstream_mmcv_is_fixed_with_its_build_requirements():
    message = failure(TORCH | UPSTREAM | {'mmcv': '2.2.0'})
    assert 'mmcv 2.2.0 is not >=2.1,<2.2' in message
    assert command(message) == (
        'pip install "setuptools<81" wheel ninja psutil ftfy regex && '
        'MMCV_WITH_OPS=1 pip install --no-build-isolation "mmcv>=2.1,<2.2"'
    )


def test_incomplete_upstream_stays_upstream():
    message = failure(TORCH | {'mmengine': '0.10.7', 'mmcv': '2.1.0'})
    assert 'wrong:     mmsegmentation is missing\n' in message
    assert command(message) == 'pip install "mmsegmentation>=1.2.2,<1.3"'


def test_old_torch():
    message = failure({'torch': '1.13.1'} | MAINTAINED)
    assert 'torch 1.13.1 is not >=2.0' in message
    assert command(message) == 'pip install "torch>=2.0" "torchvision"'


@pytest.mark.parametrize('stray', [UPSTREAM, {'mmcv': '2.1.0'}, {'mmpretrain': '1.2.0'}])
def test_both_stacks_are_removed_before_one_is_installed(stray):
    message = failure(TORCH | MAINTAINED | stray)
    assert 'write the same folders' in message
    removal, installation = command(message).split(' && ')
    assert removal.split()[:3] == ['pip', 'uninstall', '-y']
    assert set(removal.split()[3:]) == {*MAINTAINED, *stray}
    assert installation.startswith('pip install "onedl-mmengine>=0.10.12,<0.11" "onedl-mmcv')
    assert ('onedl-mmpretrain>=1.3.6,<1.4' in installation) == ('mmpretrain' in stray)


def test_variant_of_upstream_mmcv_is_replaced():
    message = failure(
        TORCH | {'mmengine': '0.10.7', 'mmsegmentation': '1.2.2', 'mmcv-lite': '2.1.0'}
    )
    removal, _, installation = command(message).split(' && ')
    assert removal == 'pip uninstall -y mmengine mmsegmentation mmcv-lite'
    assert '"mmengine>=0.10.7,<0.11" "mmcv>=2.1,<2.2" "mmsegmentation>=1.2.2,<1.3"' in installation


def test_import_stops_at_the_check_before_the_stack_is_touched():
    script = (
        'import importlib.metadata as metadata, sys\n'
        'def missing(name): raise metadata.PackageNotFoundError(name)\n'
        'metadata.version = missing\n'
        'try:\n'
        '    import label_efficient_seg\n'
        'except ImportError as error:\n'
        '    print(error)\n'
        'print("touched:", sorted({"torch", "mmengine", "mmcv", "mmseg"} & set(sys.modules)))\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, check=True
    )
    assert 'fix with:  pip install "torch>=2.0"' in result.stdout
    assert result.stdout.endswith('touched: []\n')
