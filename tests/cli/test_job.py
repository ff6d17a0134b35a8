"""Command lines of jobs, without running them."""

from dataclasses import fields
from fractions import Fraction

import pytest

from label_efficient_seg import api, job_api
from label_efficient_seg import job_settings as settings
from label_efficient_seg.cli.arguments import read_cfg_options
from label_efficient_seg.cli.main import VERBS, build_parser
from label_efficient_seg.datasets.proposals import METHODS

WORDS = ['a.py', '--out', 'folder']


def parse(verb: str, words: list[str]):
    """What the command line says, and the settings."""
    parser, verbs = build_parser()
    args = parser.parse_args([verb, *words])
    args.parser = verbs[verb]
    return args, VERBS[verb].read_settings(args)


@pytest.mark.parametrize('verb', settings.JOBS)
def test_every_verb_has_a_job(verb, monkeypatch):
    found = []
    monkeypatch.setattr(job_api, 'run_job', lambda job, *args, **kwargs: found.append(job))
    getattr(api, verb.replace('-', '_'))('a.py', 'out', None)
    (job,) = found
    assert job.Settings is settings.JOBS[verb]
    assert getattr(job, 'verb', verb) == verb


@pytest.mark.parametrize('verb', settings.JOBS)
def test_help(verb, les, capsys):
    assert les(verb, '--help') == 0
    shown = capsys.readouterr().out
    assert f'les {verb} ' in shown.partition('Example:')[2] and '`' not in shown
    assert ('--launcher' in shown) == settings.JOBS[verb].distributed
    assert ('--trust-checkpoint' in shown) == ('checkpoint file' in shown)


def test_methods_of_proposals_are_those_of_the_help():
    (method, _) = fields(settings.ProposalSettings)
    assert all(name in method.metadata['help'] for name in METHODS)


def test_what_every_command_line_has():
    words = ['--cfg-options', 'model.x=1', 'y=[2,3]', '--launcher', 'slurm', '--local_rank', '1']
    args, _ = parse('proposals', [*WORDS, *words])
    assert (args.config, args.out, args.launcher) == ('a.py', 'folder', 'slurm')
    assert read_cfg_options(args) == {'model.x': 1, 'y': [2, 3]} and not args.trust_checkpoint
    args, _ = parse('sign-panels', ['a.py', 'b.pth', '--out', 'x', '--trust-checkpoint'])
    assert (args.cfg_options, args.launcher, args.trust_checkpoint) == (None, 'none', True)


def test_settings_by_hand():
    words = 'a.py b.pth --cams c --out x --refinement par --min-confidence 0.5'
    found = parse('masks', words.split())[1]
    assert found == settings.PseudoMaskSettings('b.pth', 'c', 16, 'par', 0.5)
    words = ['a.py', 'b.pth', '--out', 'x', '--ratio', '2/3', '--normalize-rare']
    found = parse('rank', [*words, '--rare-classes', 'traffic light', 'bus'])[1]
    assert (found.ratio, found.normalize_rare) == (Fraction(2, 3), True)
    assert found.rare_classes == ['traffic light', 'bus']
    found = parse('deconvnet-panels', [*words[:4], '--counts', '3', '1'])[1]
    assert found == settings.DeconvNetPanelSettings('b.pth', 6, [3, 1])


@pytest.mark.parametrize(
    ('verb', 'expected'),
    [
        ('cams', settings.CAMSettings('a.pth')),
        ('cams', settings.CAMSettings('a.pth', 4.5)),
        ('scores', settings.AffinityScoreSettings('/x/cams', 8, 24, 'par')),
        ('masks', settings.PseudoMaskSettings('a.pth', 'cams', 8, 'none', 0.25, 'segments', 4.5)),
        ('masks', settings.PseudoMaskSettings('a.pth', 'cams')),
        ('proposals', settings.ProposalSettings('edge_boxes', 60)),
        ('rank', settings.EntropyRankSettings('a.pth', Fraction(1, 3), 'other', True)),
        (
            'rank',
            settings.EntropyRankSettings(
                'a.pth', 0.5, normalize_rare=True, rare_classes=['a b', 'c']
            ),
        ),
    ],
)
def test_settings_arrive_as_they_were(verb, expected):
    words = [*WORDS, *settings.command_words(expected)]
    assert parse(verb, words)[1] == expected


@pytest.mark.parametrize(
    ('verb', 'words', 'message'),
    [
        ('cams', 'a.pth --alpha 0', 'alpha must be positive, but is 0'),
        ('cams', '', 'required: checkpoint'),
        ('scores', '', 'required: --cams'),
        ('scores', '--cams c --low-alpha 32', 'below the high one, but they are 32'),
        ('scores', '--cams c --refinement pra', "no refinement 'pra'; did you mean 'par'"),
        ('masks', 'a.pth --cams c --max-growth 3', 'it needs segments (--segments)'),
        ('proposals', '--method x', "unknown method 'x'"),
        ('proposals', '--num many', "invalid int value: 'many'"),
        ('rank', 'a.pth --rare-classes bus', 'no effect without normalize_rare=True'),
        ('sign-panels', 'a.pth --num-images 0', 'at least 1, but is 0'),
    ],
)
def test_mistakes_are_named(verb, words, message, capsys):
    with pytest.raises(SystemExit, match='2'):
        parse(verb, [*WORDS, *words.split()])
    assert message in capsys.readouterr().err
