"""Command lines of jobs, without running them."""

import runpy
import sys
from fractions import Fraction

import pytest

from label_efficient_seg import jobs
from label_efficient_seg.cli.job import parse
from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.jobs.settings import command_words

TOOLS = {
    'make_cams.py': jobs.CAMJob,
    'make_affinity_scores.py': jobs.AffinityScoreJob,
    'make_pseudo_masks.py': jobs.PseudoMaskJob,
    'make_proposals.py': jobs.ProposalJob,
    'rank_target.py': jobs.EntropyRankJob,
    'sign_panels.py': jobs.SIGNPanelJob,
    'deconvnet_panels.py': jobs.DeconvNetPanelJob,
}
WORDS = ['a.py', '--out', 'folder']


@pytest.mark.parametrize(('tool', 'job'), TOOLS.items())
def test_tools(tool, job, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [tool, '--help'])
    with pytest.raises(SystemExit, match='0'):
        runpy.run_path(str(resource_root() / 'tools' / tool), run_name='__main__')
    shown = capsys.readouterr().out
    assert job.__doc__[:40] in ' '.join(shown.split())
    assert 'Files' not in shown and '`' not in shown
    assert ('--launcher' in shown) == job.distributed
    assert ('--trust-checkpoint' in shown) == ('checkpoint file' in shown)


def test_what_every_command_line_has():
    words = ['--cfg-options', 'model.x=1', 'y=[2,3]', '--launcher', 'slurm', '--local_rank', '1']
    args, _ = parse(jobs.ProposalJob, [*WORDS, *words])
    assert (args.config, args.out, args.launcher) == ('a.py', 'folder', 'slurm')
    assert args.cfg_options == {'model.x': 1, 'y': [2, 3]} and not args.trust_checkpoint
    args, _ = parse(jobs.SIGNPanelJob, ['a.py', 'b.pth', '--out', 'x', '--trust-checkpoint'])
    assert (args.cfg_options, args.launcher, args.trust_checkpoint) == (None, 'none', True)


def test_settings_by_hand():
    words = ['a.py', 'b.pth', '--cams', 'c', '--out', 'x', '--no-crf', '--min-confidence', '0.5']
    found = parse(jobs.PseudoMaskJob, words)[1]
    assert found == jobs.PseudoMaskSettings('b.pth', 'c', 16, False, 0.5)
    words = ['a.py', 'b.pth', '--out', 'x', '--ratio', '2/3', '--normalize-rare']
    found = parse(jobs.EntropyRankJob, [*words, '--rare-classes', 'traffic light', 'bus'])[1]
    assert (found.ratio, found.normalize_rare) == (Fraction(2, 3), True)
    assert found.rare_classes == ['traffic light', 'bus']
    found = parse(jobs.DeconvNetPanelJob, [*words[:4], '--counts', '3', '1'])[1]
    assert found == jobs.DeconvNetPanelSettings('b.pth', 6, [3, 1])


@pytest.mark.parametrize(
    ('job', 'settings'),
    [
        (jobs.CAMJob, jobs.CAMSettings('a.pth')),
        (jobs.CAMJob, jobs.CAMSettings('a.pth', 4.5)),
        (jobs.AffinityScoreJob, jobs.AffinityScoreSettings('/x/cams', 8, 24)),
        (jobs.PseudoMaskJob, jobs.PseudoMaskSettings('a.pth', 'cams', 8, False, 0.25)),
        (jobs.PseudoMaskJob, jobs.PseudoMaskSettings('a.pth', 'cams')),
        (jobs.ProposalJob, jobs.ProposalSettings('edge_boxes', 60)),
        (jobs.EntropyRankJob, jobs.EntropyRankSettings('a.pth', Fraction(1, 3), 'other', True)),
        (
            jobs.EntropyRankJob,
            jobs.EntropyRankSettings('a.pth', 0.5, normalize_rare=True, rare_classes=['a b', 'c']),
        ),
    ],
)
def test_settings_arrive_as_they_were(job, settings):
    assert parse(job, [*WORDS, *command_words(settings)])[1] == settings


@pytest.mark.parametrize(
    ('job', 'words', 'message'),
    [
        (jobs.CAMJob, 'a.pth --alpha 0', 'alpha must be positive, but is 0'),
        (jobs.CAMJob, '', 'required: checkpoint'),
        (jobs.AffinityScoreJob, '', 'required: --cams'),
        (jobs.AffinityScoreJob, '--cams c --low-alpha 32', 'below the high one, but they are 32'),
        (jobs.ProposalJob, '--method x', "unknown method 'x'"),
        (jobs.ProposalJob, '--num many', "invalid int value: 'many'"),
        (jobs.EntropyRankJob, 'a.pth --rare-classes bus', 'no effect without normalize_rare=True'),
        (jobs.SIGNPanelJob, 'a.pth --num-images 0', 'at least 1, but is 0'),
    ],
)
def test_mistakes_are_named(job, words, message, capsys):
    with pytest.raises(SystemExit, match='2'):
        parse(job, [*WORDS, *words.split()])
    assert message in capsys.readouterr().err
