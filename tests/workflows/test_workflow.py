"""What runs, what runs again and what does not, with stages that take milliseconds."""

import fcntl
import os
import re
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest

from label_efficient_seg.workflows import Workflow, print_states
from tests.workflows.fake_stage import TOOL, fake, kill, meanwhile, wait_for

# The shape of a comparison of methods with common initial weights, one of them in two steps.
STAGES = [
    fake('pretrain', value=100, per_seed=False),
    fake('baseline', 'pretrain', value=1),
    fake('first', 'pretrain', value=2),
    fake('second', 'first', 'pretrain', value=10),
]
# With seed s: baseline 101 + s, first 102 + s, second 10 + s + 102 + s + 100.
VALUES = {0: (100, 101, 102, 212), 1: (100, 102, 103, 214), 5: (100, 106, 107, 222)}
CHAIN = [fake('a', value=1), fake('b', 'a', value=10), fake('c', 'b', value=100)]


def change(stages: list[dict], name: str, **settings) -> list[dict]:
    """The stages with other settings of one of them."""
    return [{**stage, **settings} if stage['name'] == name else stage for stage in stages]


def states(workflow: Workflow, again: str | None = None) -> dict[str, str]:
    return {node.label: state.name for node, state in workflow.states(again).items()}


def metrics(workflow: Workflow) -> dict[str, float]:
    nodes = [n for n, state in workflow.states().items() if state.name == 'finished']
    return {node.label: node.folder.record['metrics']['mIoU'] for node in nodes}


def starts(work_dir: Path) -> dict[str, list[str]]:
    """What each stage wrote when it started, over all attempts."""
    return {
        log.parent.name: [line for line in log.read_text().splitlines() if 'starts' in line]
        for log in work_dir.glob('*/console.log')
    }


def test_seeds_share_a_stage_and_have_the_others_to_themselves(tmp_path, capsys):
    workflow = Workflow(STAGES, tmp_path, seeds=[0, 1, 5])
    workflow.run(jobs=3)
    expected = {'pretrain': 100}
    for seed, (_, *values) in VALUES.items():
        expected |= {f'{n} seed {seed}': v for n, v in zip(workflow.names[1:], values, strict=True)}
    assert metrics(workflow) == expected
    assert {p.name for p in tmp_path.iterdir() if p.is_dir()} == {'pretrain'} | {
        f'{name}_seed{seed}' for name in workflow.names[1:] for seed in VALUES
    }
    output = capsys.readouterr()
    assert re.search(r'\[second seed 5\] mIoU 222 fake \(\d:\d\d\)\n', output.out)
    # Each stage counts 8 steps.
    assert 'iterations of 10 stages: 80/80 in' in output.err


def test_stages_may_be_listed_in_any_order(tmp_path):
    workflow = Workflow([STAGES[3], STAGES[2], STAGES[0]], tmp_path)
    assert workflow.names == ['pretrain', 'first', 'second']
    workflow.run()
    assert metrics(workflow)['second seed 0'] == VALUES[0][3]


def test_threads_do_not_depend_on_what_else_runs(tmp_path, monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr('label_efficient_seg.workflows.processes.usable_cores', lambda: 8)
    Workflow(STAGES, tmp_path, seeds=[0, 1]).run(jobs=2)
    assert {tuple(lines) for lines in starts(tmp_path).values()} == {('starts at 0, 4 threads',)}


def test_nothing_is_repeated(tmp_path):
    workflow = Workflow(STAGES, tmp_path)
    workflow.run()
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob('*/*')}
    Workflow(STAGES, tmp_path).run()
    assert {p: p.stat().st_mtime_ns for p in tmp_path.glob('*/*')} == before
    # Another seed runs with the same shared stage.
    more = Workflow(STAGES, tmp_path, seeds=[0, 1])
    more.run()
    assert all(p.stat().st_mtime_ns == time for p, time in before.items())
    assert metrics(more)['second seed 1'] == VALUES[1][3]


@pytest.mark.parametrize('killed', ['a', 'b', 'c'])
def test_a_killed_stage_is_resumed_and_ends_with_the_same_metrics(tmp_path, killed):
    undisturbed, hold = Workflow(CHAIN, tmp_path / 'undisturbed'), tmp_path / 'hold'
    undisturbed.run()
    work_dir = tmp_path / 'killed'
    workflow = Workflow(change(CHAIN, killed, hold=hold), work_dir)
    hold.touch()
    with meanwhile(lambda: kill(work_dir / f'{killed}_seed0')):
        with pytest.raises(RuntimeError, match=f'was killed by SIGKILL; see .*{killed}_seed0'):
            workflow.run(jobs=2)
    order = 'abc'.index(killed)
    expected = ['finished'] * order + ['interrupted'] + ['missing'] * (2 - order)
    assert list(states(workflow).values()) == expected
    hold.unlink()
    workflow.run(jobs=2)
    assert (
        metrics(workflow)
        == metrics(undisturbed)
        == {'a seed 0': 1, 'b seed 0': 11, 'c seed 0': 111}
    )
    begun = [line.split(',')[0] for line in starts(work_dir)[f'{killed}_seed0']]
    assert begun == ['starts at 0', 'starts at 2']
    assert not list(work_dir.glob('*stale*'))


def test_an_interruption_ends_all_stages_and_the_next_run_resumes_them(tmp_path):
    hold = tmp_path / 'hold'
    hold.touch()
    workflow = Workflow([fake('a', hold=hold), fake('b', hold=hold), fake('c')], tmp_path)
    folders = [tmp_path / 'a_seed0', tmp_path / 'b_seed0']
    with meanwhile(
        *(lambda f=f: wait_for(f / 'pid') for f in folders),
        lambda: os.kill(os.getpid(), signal.SIGINT),
    ):
        with pytest.raises(KeyboardInterrupt):
            workflow.run(jobs=2)
    for folder in folders:
        with pytest.raises(ProcessLookupError):
            os.kill(int((folder / 'pid').read_text()), 0)
    assert list(states(workflow).values()) == ['interrupted', 'interrupted', 'missing']
    hold.unlink()
    workflow.run(jobs=2)
    for folder in folders:
        assert starts(tmp_path)[folder.name][1].startswith('starts at 2')
    assert set(states(workflow).values()) == {'finished'}


def test_a_failure_is_said_at_once_and_what_runs_ends(tmp_path, capsys):
    hold = tmp_path / 'hold'
    hold.touch()
    stages = [fake('bad', fail=True), fake('slow', hold=hold), fake('after', 'bad')]
    workflow = Workflow(stages, tmp_path)
    log = tmp_path / 'bad_seed0' / 'console.log'
    with meanwhile(lambda: wait_for(log, 'told to fail'), hold.unlink):
        with pytest.raises(RuntimeError, match='status 1; see .*bad_seed0.console.log') as error:
            workflow.run(jobs=2)
    assert 'fake_tool.py' in str(error.value) and str(error.value).endswith('it was told to fail')
    assert '[bad seed 0] failed, see ' in capsys.readouterr().out
    assert list(states(workflow).values()) == ['interrupted', 'finished', 'missing']
    repaired = Workflow(change(stages, 'bad', fail=False), tmp_path)
    repaired.run()
    assert metrics(repaired)['after seed 0'] == 2


def test_a_changed_stage_and_what_depends_on_it_run_again(tmp_path):
    Workflow(STAGES, tmp_path).run()
    workflow = Workflow(change(STAGES, 'first', value=3), tmp_path)
    assert list(states(workflow).values()) == ['finished', 'finished', 'stale', 'stale']
    whys = [state.why for state in workflow.states().values()]
    assert whys[2:] == ['its config or settings changed', 'made from another run of first']
    workflow.run()
    assert metrics(workflow)['second seed 0'] == VALUES[0][3] + 1
    # Nothing was lost.
    for name, value in (('first', 102.0), ('second', 212.0)):
        old = tmp_path / f'{name}_seed0.stale-1'
        assert float((old / 'value.txt').read_text()) == value and (old / 'stage.json').exists()
    assert len(list(tmp_path.glob('*stale*'))) == 2


def test_an_interrupted_stage_that_changed_begins_anew(tmp_path):
    hold = tmp_path / 'hold'
    hold.touch()
    with meanwhile(lambda: kill(tmp_path / 'b_seed0')), pytest.raises(RuntimeError):
        Workflow(change(CHAIN, 'b', hold=hold), tmp_path).run()
    workflow = Workflow(change(CHAIN, 'b', value=20), tmp_path)
    assert list(states(workflow).values()) == ['finished', 'stale', 'missing']
    workflow.run()
    assert metrics(workflow)['c seed 0'] == 121
    assert (tmp_path / 'b_seed0.stale-1' / 'counter').read_text() == '2'


def test_options_for_all_stages_count_as_settings(tmp_path):
    Workflow(CHAIN, tmp_path).run()
    workflow = Workflow(CHAIN, tmp_path, cfg_options=dict(value=7))
    assert set(states(workflow).values()) == {'stale'}
    workflow.run()
    assert metrics(workflow)['c seed 0'] == 21


def test_from_runs_a_stage_and_its_dependents_again(tmp_path):
    workflow = Workflow(STAGES, tmp_path, seeds=[0, 1])
    workflow.run()
    assert [n for n, s in states(workflow, again='first').items() if s == 'stale'] == [
        'first seed 0', 'second seed 0', 'first seed 1', 'second seed 1',
    ]  # fmt: skip
    assert set(states(workflow).values()) == {'finished'}
    expected = metrics(workflow)
    workflow.run(again='first')
    assert metrics(workflow) == expected
    assert {p.name for p in tmp_path.glob('*stale*')} == {
        f'{name}_seed{seed}.stale-1' for name in ('first', 'second') for seed in (0, 1)
    }
    with pytest.raises(ValueError, match="no stage 'frist'; did you mean 'first'"):
        workflow.run(again='frist')


def test_from_and_then_a_kill_goes_on_without_from(tmp_path):
    hold = tmp_path / 'hold'
    workflow = Workflow(change(CHAIN, 'a', hold=hold), tmp_path)
    workflow.run()
    hold.touch()
    with meanwhile(lambda: kill(tmp_path / 'a_seed0')), pytest.raises(RuntimeError):
        workflow.run(again='a')
    hold.unlink()
    assert list(states(workflow).values()) == ['interrupted', 'stale', 'stale']
    workflow.run()
    assert [f'{n}_seed0.stale-1' for n in 'abc'] == sorted(p.name for p in tmp_path.glob('*stale*'))


def test_a_removed_input_is_made_again_with_what_depends_on_it(tmp_path):
    workflow = Workflow(STAGES, tmp_path)
    workflow.run()
    shutil.rmtree(tmp_path / 'first_seed0')
    assert list(states(workflow).values()) == ['finished', 'finished', 'missing', 'stale']


def test_only_runs_what_is_named(tmp_path):
    workflow = Workflow(STAGES, tmp_path)
    with pytest.raises(
        ValueError, match='second seed 0 needs first seed 0, which is missing.*--only'
    ):
        workflow.run(only=['pretrain', 'second'])
    assert not [p for p in tmp_path.iterdir() if p.is_dir()]
    workflow.run(only=['pretrain', 'first'])
    assert list(states(workflow).values()) == ['finished', 'missing', 'finished', 'missing']
    workflow.run(only=['second'])
    assert list(states(workflow).values()) == ['finished', 'missing', 'finished', 'finished']
    workflow.run(again='first', only=['first'])
    assert list(states(workflow).values()) == ['finished', 'missing', 'finished', 'stale']
    with pytest.raises(ValueError, match="no stage 'third'"):
        workflow.run(only=['third'])


def test_a_moved_folder_stays_finished_and_resumes(tmp_path):
    hold = tmp_path / 'hold'
    hold.touch()
    with meanwhile(lambda: kill(tmp_path / 'here/b_seed0')), pytest.raises(RuntimeError):
        Workflow(change(CHAIN, 'b', hold=hold), tmp_path / 'here').run()
    shutil.move(tmp_path / 'here', tmp_path / 'there')
    workflow = Workflow(CHAIN, tmp_path / 'there')
    assert list(states(workflow).values()) == ['finished', 'interrupted', 'missing']
    workflow.run()
    assert metrics(workflow)['c seed 0'] == 111


def test_an_output_that_has_gone_is_named(tmp_path):
    Workflow(CHAIN[:1], tmp_path).run()
    (tmp_path / 'a_seed0' / 'value.txt').unlink()
    with pytest.raises(FileNotFoundError, match='a_seed0/value.txt, which a had .*--from a'):
        Workflow(CHAIN, tmp_path).run()


def test_two_workflows_do_not_run_in_one_folder(tmp_path):
    workflow = Workflow(CHAIN, tmp_path)
    with open(tmp_path / '.lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(RuntimeError, match=f'is running in {tmp_path}'):
            workflow.run()
    workflow.run()


def test_dry_run_shows_state_reason_and_command(tmp_path, capsys):
    Workflow(CHAIN[:1], tmp_path).run()
    capsys.readouterr()
    workflow = Workflow(change(CHAIN, 'a', value=2), tmp_path)
    print_states(workflow)
    lines = [' '.join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == 'stage seed state why command'
    folder = tmp_path / 'a_seed0'
    assert lines[1] == f'a 0 stale its config or settings changed python {TOOL} {folder} 2'
    assert lines[2] == f"b 0 missing python {TOOL} {tmp_path}/b_seed0 10 '{{a.value}}'"
    print_states(workflow, processes=2)
    assert 'torch.distributed' not in capsys.readouterr().out  # not distributed
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == ['a_seed0']


def test_dry_run_of_some_stages_shows_what_their_run_would_do(tmp_path, capsys):
    workflow = Workflow(CHAIN, tmp_path)
    print_states(workflow, only=['a'])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ['stage', 'a']
    for function in (partial(print_states, workflow), workflow.run):
        with pytest.raises(ValueError, match='needs a .* would not run; add a to --only'):
            function(only=['b'])
        with pytest.raises(ValueError, match="no stage 'd'"):
            function(only=['d'])


@pytest.mark.parametrize(
    ('stages', 'message'),
    [
        (
            [fake('a'), fake('b', 'c')],
            r"'b' refers to {c.value}, but no stage is called 'c'; there are a, b",
        ),
        ([fake('pretrain'), fake('b', 'petrain')], "did you mean 'pretrain'"),
        ([fake('a', 'a')], "a circle of inputs: 'a' needs 'a'"),
        ([fake('a', 'b'), fake('b', 'a')], "'a' needs 'b'"),
        ([fake('a'), fake('a')], "two are called 'a'"),
        (
            [fake('a'), fake('b', 'a.file')],
            'refers to {a.file}, but a FakeStage leaves value',
        ),
        ([fake('a'), fake('b', 'a', per_seed=False)], "'a' is run for each seed and 'b' only once"),
        ([fake('a', typo=1)], "stage 'a': .*unexpected keyword argument 'typo'"),
        ([fake('a_seed1')], 'does not end in _seed and a number'),
        ([fake('a/b')], "letters, digits, _ and -.*got 'a/b'"),
        ([dict(type='FakeStage')], "a stage needs a name .* got ''"),
        (
            [dict(name='a', type='Train')],
            "unknown type 'Train'; did you mean 'TrainStage'",
        ),
        ([dict(name='a', type='TrainStage', config='x', checkpoint='best')], 'criterion'),
    ],
)
def test_faults_are_found_before_anything_runs(tmp_path, stages, message):
    stages = [dict(stage) for stage in stages]
    with pytest.raises(ValueError, match=message):
        Workflow(stages, tmp_path)
    assert not list(tmp_path.iterdir())


def test_unknown_configs_and_results_are_found_before_anything_runs(tmp_path):
    with pytest.raises(FileNotFoundError, match="no config 'advsemi/gone'"):
        Workflow([dict(name='a', type='TrainStage', config='advsemi/gone')], tmp_path)
    with pytest.raises(ValueError, match="no stage 'd'; there are a, b, c"):
        Workflow(CHAIN, tmp_path, results=['d'])
    (tmp_path / 'workflow_empty.py').write_text('stage = []\n')
    with pytest.raises(ValueError, match='workflow_empty.py is no workflow'):
        Workflow.from_file(str(tmp_path / 'workflow_empty.py'))


def test_files_may_have_dotted_keys_and_own_variables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / 'workflow_two.py'
    file.write_text(
        "introduction = 'text'\n"
        "weights = {'model.backbone.init_cfg.checkpoint': '{a.value}'}\n"
        "stages = [dict(name='a', type='FakeStage', per_seed=False),\n"
        "          dict(name='b', type='TrainStage', cfg_options=weights,\n"
        "               config='advsemi/deeplabv2_r18_toy_semi')]\n"
    )
    workflow = Workflow.from_file(str(file), seeds=[3])
    assert workflow.work_dir == Path('work_dirs/workflow_two')
    assert (workflow.introduction, workflow.results) == ('text', ['a', 'b'])
    assert 'model.backbone.init_cfg.checkpoint={a.value}' in workflow.nodes[1].command()
