"""The command lines, in this process."""

import signal
from pathlib import Path

import pytest

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.workflows import Workflow

CONFIG = 'advsemi/deeplabv2_r18_toy_supervised'
STAGES = """
custom_imports = dict(imports=['tests.workflows.fake_stage'], allow_failed_imports=False)
title = 'A title'
stages = [
    dict(name='one', type='FakeStage', value=30, per_seed=False),
    dict(name='two', type='FakeStage', value=1, inputs=['{one.value}']),
    dict(name='three', type='FakeStage', value=3, inputs=['{one.value}']),
]
results = ['two', 'three']
"""


@pytest.fixture
def tool(monkeypatch, capsys, tmp_path, les):
    """Runs a verb in a folder with a workflow; gives its output."""
    monkeypatch.chdir(tmp_path)
    Path('workflow_fake.py').write_text(STAGES)
    handler = signal.getsignal(signal.SIGTERM)

    def run(*words: str) -> str:
        assert les(*words) == 0
        return capsys.readouterr().out

    yield run
    signal.signal(signal.SIGTERM, handler)


def folders() -> list[str]:
    work_dir = Path('work_dirs/workflow_fake')
    return sorted(path.name for path in work_dir.glob('*') if path.is_dir())


def test_run_workflow(tool):
    run = ('run', 'workflow_fake.py', '--seeds', '0', '1')
    assert tool(*run, '--dry-run').count(' missing ') == 5 and folders() == []
    output = tool(*run, '--only', 'one', 'two', '--jobs', '2')
    assert '[two seed 1] mIoU 32' in output and 'three' not in output
    assert folders() == ['one', 'two_seed0', 'two_seed1']
    report = Path(tool(*run).splitlines()[-1])
    assert report == Path('work_dirs/workflow_fake/report.html') and 'A title' in report.read_text()
    assert tool(*run, '--dry-run', '--from', 'two').count('asked for again') == 2
    assert tool(*run, '--from', 'two').count(' mIoU 3') == 2
    assert 'two_seed1.stale-1' in folders() and 'three_seed1.stale-1' not in folders()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (('workflow_fake.py', '--only', 'too'), "there is no stage 'too'; did you mean 'two'?"),
        (('workflow_fake.py', '--only', 'two'), 'needs one, which is missing'),
        (('advsemi/workflow_toi',), "did you mean 'advsemi/workflow_toy'"),
        ((f'{resource_root()}/configs/{CONFIG}.py',), 'is no workflow'),
    ],
)
def test_faults_are_one_line(tool, les, capsys, words, message):
    assert les('run', *words) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1 and message in errors[0]


def test_compare_is_a_workflow_of_independent_trainings(tool, monkeypatch):
    made = []
    monkeypatch.setattr(Workflow, 'run', lambda self, *args: made.append((self, *args)))
    tool(
        'compare', 'folder', f'base={CONFIG}', f'other={CONFIG}', '--seeds', '4', '5',
        '--jobs', '3', '--title', 'Two', '--cfg-options', 'train_cfg.max_iters=7',
    )  # fmt: skip
    ((workflow, jobs),) = made
    assert jobs == 3 and (workflow.work_dir, workflow.title) == (Path('folder'), 'Two')
    assert [n.label for n in workflow.nodes] == [
        'base seed 4', 'other seed 4', 'base seed 5', 'other seed 5',
    ]  # fmt: skip
    assert not any(node.inputs for node in workflow.nodes)
    command = f'les train {CONFIG} --work-dir folder/other_seed5 --resume --cfg-options'
    options = ['train_cfg.max_iters=7', 'randomness.seed=5']
    assert workflow.nodes[-1].command() == [*command.split(), *options]
    assert '<title>Two</title>' in Path('folder/report.html').read_text()
