"""The command as a whole: its help, and what it imports."""

import re
import subprocess
import sys

import pytest

from label_efficient_seg.cli.main import VERBS
from label_efficient_seg.core.config_index import list_configs, list_workflows
from label_efficient_seg.version import __version__

LISTED = """
import sys
try:
    {start}
except SystemExit as end:
    status = end.code
heavy = {{'torch', 'mmengine', 'mmcv', 'mmseg', 'numpy', 'cv2', 'matplotlib', 'rich'}}
print(status, sorted(heavy & {{name.partition('.')[0] for name in sys.modules}}))
"""


@pytest.mark.parametrize('words', [['--help'], *([verb, '--help'] for verb in VERBS)])
def test_help_has_examples(words, les, capsys):
    assert les(*words) == 0
    verb = words[0] if len(words) == 2 else ''
    text = capsys.readouterr().out
    assert f'  les {verb}' in text
    shipped = {*list_configs(), *list_workflows()}
    methods = '|'.join({name.partition('/')[0] for name in shipped})
    assert {*re.findall(rf'\b(?:{methods})/[a-z0-9][\w-]+', text)} <= shipped


@pytest.mark.parametrize(
    'start',
    [
        # The console script, with all verbs, and the module.
        "import les_cli; les_cli.main(['cams', '--help'])",
        "import les_cli; les_cli.main(['split', 'list.txt'])",
    ],
)
def test_help_and_mistakes_of_typing_wait_for_nothing(start):
    code = LISTED.format(start=start)
    output = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout
    assert output.splitlines()[-1] == ('0 []' if 'help' in start else '2 []')


def test_the_module_is_the_command():
    words = [sys.executable, '-X', 'importtime', '-m', 'label_efficient_seg', '--version']
    process = subprocess.run(words, capture_output=True, text=True)
    assert process.stdout == f'les {__version__}\n'
    assert 'argparse' in process.stderr and 'torch' not in process.stderr


def test_the_command_registers_when_it_is_needed():
    code = """
import les_cli, sys
import label_efficient_seg
assert 'torch' not in sys.modules
label_efficient_seg.register()
from mmseg.registry import MODELS
assert 'AdvSemiSeg' in MODELS and label_efficient_seg.get_config('advsemi/deeplabv2_r18_toy_semi')
"""
    subprocess.run([sys.executable, '-c', code], check=True)


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        ([], 'required: VERB'),
        (['trian'], "invalid choice: 'trian'"),
        (['train', 'a.py', '--cfg-options', 'x'], "'x' is not of the form KEY=VALUE"),
        (['compare', 'out', 'a.py'], "'a.py' is not of the form NAME=CONFIG"),
        (['split', 'list.txt', '--out', 'x'], 'one of the arguments --fraction --count --check'),
        (['convert', 'affinitynet', 'a', 'b'], 'required: --to'),
    ],
)
def test_mistakes_of_typing(words, message, les, capsys):
    assert les(*words) == 2
    assert message in capsys.readouterr().err


def test_errors_are_one_line(les, capsys):
    assert les('train', 'advsemi/deeplabv2_r18_toy_sem') == 1
    assert capsys.readouterr().err.startswith("error: no config 'advsemi/deeplabv2_r18_toy_sem'")
