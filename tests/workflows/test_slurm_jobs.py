"""Stages as jobs of submitit's local executor, which starts them as Slurm would."""

import pytest

from label_efficient_seg.workflows import Workflow
from tests.workflows.fake_stage import fake, meanwhile, wait_for

submitit = pytest.importorskip('submitit')

from label_efficient_seg.workflows import SlurmJobs  # noqa: E402

CHAIN = [fake('a', value=1), fake('b', 'a', value=10)]


def jobs(**options) -> SlurmJobs:
    return SlurmJobs('gpu', options, gpus=0, cluster='local', seconds=0.05)


def test_jobs_keep_the_order_of_the_stages(tmp_path, capsys):
    workflow = Workflow(CHAIN, tmp_path)
    workflow.run(slurm=jobs(cpus_per_task=6))
    assert [node.folder.record['metrics']['mIoU'] for node in workflow.nodes] == [1, 11]
    log = (tmp_path / 'b_seed0' / 'console.log').read_text()
    assert log.startswith('starts at 0, 6 threads') and 'counting: 4/4' in log
    assert len(list((tmp_path / 'b_seed0' / 'slurm').glob('*_log.err'))) == 1
    assert '[b seed 0] mIoU 11 fake' in capsys.readouterr().out
    assert {state.name for state in Workflow(CHAIN, tmp_path).states().values()} == {'finished'}


def test_a_job_that_fails_is_named_with_the_end_of_its_log(tmp_path):
    workflow = Workflow([fake('bad', fail=True), CHAIN[0]], tmp_path)
    with pytest.raises(RuntimeError, match=r'failed as job \d+') as error:
        workflow.run(slurm=jobs())
    assert 'bad_seed0/console.log' in str(error.value)
    assert str(error.value).endswith('it was told to fail')


def test_nothing_is_submitted_after_an_interruption(tmp_path):
    hold = tmp_path / 'hold'
    hold.touch()
    slurm = jobs()
    workflow = Workflow([fake('a', hold=hold), fake('b', 'a')], tmp_path / 'runs')
    with meanwhile(lambda: wait_for(tmp_path / 'runs/a_seed0/pid'), slurm.stop, hold.unlink):
        with pytest.raises(RuntimeError):
            workflow.run(slurm=slurm)
    assert [s.name for s in workflow.states().values()] == ['interrupted', 'missing']
    with pytest.raises(RuntimeError, match='was not submitted: interrupted'):
        slurm.run(['true'], tmp_path / 'log', print, {})


def test_options_of_sbatch(tmp_path, monkeypatch):
    given = {}
    monkeypatch.setattr(
        submitit.AutoExecutor, 'update_parameters', lambda self, **k: given.update(k)
    )
    slurm = SlurmJobs('gpu', {'gpus-per-node': 2, 'account': 'lab'}, gpus=1, cluster='local')
    slurm.run(['true'], tmp_path / 'log', print, {})
    assert given['slurm_additional_parameters'] == dict(
        partition='gpu', gpus_per_node=2, account='lab', time='24:00:00', cpus_per_task=4
    )


def test_without_slurm_it_says_so():
    with pytest.raises(ValueError, match='there is no Slurm here'):
        SlurmJobs('gpu')
