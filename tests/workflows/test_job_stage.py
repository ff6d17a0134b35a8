"""Commands, definitions and results of jobs as stages, without running them."""

import json
from pathlib import Path

import numpy as np
import pytest
from torch.distributed import run as torchrun

from label_efficient_seg.visualization import save_image
from label_efficient_seg.workflows import (
    AffinityScoreStage,
    CAMStage,
    EntropyRankStage,
    ProposalStage,
    PseudoMaskStage,
    Report,
    Workflow,
)

CONFIG = 'advsemi/deeplabv2_r18_toy_semi'
# The inputs of each stage, and other values of all of its settings.
STAGES = {
    CAMStage: (dict(checkpoint='{a.b}'), [dict(alpha=4)]),
    AffinityScoreStage: (
        dict(cams='{a.b}'),
        [dict(low_alpha=8), dict(high_alpha=24), dict(refinement='par')],
    ),
    PseudoMaskStage: (
        dict(checkpoint='{a.b}', cams='{c.d}'),
        [dict(alpha=8), dict(refinement='par'), dict(min_confidence=0.1), dict(segments='s')],
    ),
    ProposalStage: (dict(), [dict(method='edge_boxes'), dict(num=9)]),
    EntropyRankStage: (
        dict(checkpoint='{a.b}'),
        [
            dict(ratio=0.5),
            dict(normalize_rare=True),
            dict(normalize_rare=True, rare_classes=['bus']),
            dict(stream='unlabeled'),
        ],
    ),
}


@pytest.mark.parametrize('kind', STAGES)
def test_every_setting_is_part_of_the_definition(kind):
    inputs, others = STAGES[kind]
    first = kind(CONFIG, **inputs).definition(0)
    assert first == kind(CONFIG, **inputs).definition(1)
    assert first['content']['model']['type'] == 'AdvSemiSeg'
    others = [*others, dict(cfg_options={'model.semi_start': 7}), *[{x: 'other'} for x in inputs]]
    found = [kind(CONFIG, **inputs | other).definition(0) for other in others]
    # A config that another stage leaves cannot be read yet.
    found.append(kind('{a.config}', **inputs).definition(0))
    json.dumps([first, *found])
    assert all(found.count(definition) == 1 and definition != first for definition in found)


def test_command_lines():
    stage = PseudoMaskStage(CONFIG, {'model.x': 1}, checkpoint='a.pth', cams='cams', alpha=8)
    assert stage.tool == 'masks'
    words = f'{CONFIG} a.pth --cams cams --alpha 8 --refinement crf --min-confidence 0'
    words += ' --max-growth 0 --out work --cfg-options model.x=1'
    assert stage.arguments(Path('work'), 3) == words.split()
    stage = EntropyRankStage(CONFIG, checkpoint='{inter.checkpoint}')
    words = f'{CONFIG} {{inter.checkpoint}} --ratio 0.67 --stream target --no-normalize-rare'
    assert stage.arguments(Path('work'), 3) == [*words.split(), '--out', 'work']


def test_torchrun_leaves_the_options_of_tools_alone():
    stages = [dict(name='a', type='ProposalStage', config=CONFIG, num=7)]
    words = Workflow(stages, 'work').nodes[0].command(processes=2)
    found = torchrun.parse_args(words[words.index('torch.distributed.run') + 1 :])
    assert (found.nproc_per_node, found.module) == ('2', True)
    assert found.training_script == 'label_efficient_seg'
    verb, *options = found.training_script_args
    assert verb == 'proposals'
    assert options[options.index('--num') + 1] == '7'


def test_settings_are_checked():
    with pytest.raises(ValueError, match='without normalize_rare'):
        EntropyRankStage(CONFIG, checkpoint='a.pth', rare_classes=['bus'])
    with pytest.raises(TypeError, match="CAMStage has no setting 'alfa'; did you mean 'alpha'"):
        CAMStage(CONFIG, checkpoint='a.pth', alfa=4)
    with pytest.raises(TypeError, match="'checkpoint'"):
        CAMStage(CONFIG)


def collect(stage, folder: Path, **summary):
    (folder / f'{stage.job.name}.json').write_text(json.dumps(summary))
    return stage.collect(folder)


def test_results_of_cams(tmp_path):
    stage = CAMStage(CONFIG, checkpoint='a.pth', alpha=4)
    metrics = dict(mIoU=48.0, threshold=0.2, mIoU_alpha4=45.0)
    result = collect(stage, tmp_path, **metrics, images=7, tags='masks', alpha=4)
    assert result.outputs == dict(cams=tmp_path / 'cams') and stage.outputs == ('cams',)
    assert list(result.metrics.items()) == list(metrics.items())
    assert result.note == 'tags given: masks'
    result = collect(stage, tmp_path, images=7, tags='predicted', alpha=4)
    assert not result.metrics and not result.note


def test_results_of_scores(tmp_path):
    stage = AffinityScoreStage(CONFIG, cams='cams')
    shares = dict(foreground=20.0, background=50.0, neutral=30.0)
    result = collect(stage, tmp_path, **shares, low_alpha=4)
    assert result.outputs == dict(scores=tmp_path / 'scores') and stage.outputs == ('scores',)
    assert result.metrics == shares
    summary = dict(accuracy=90.0, **shares, mIoU_low=40.0, mIoU_high=50.0)
    assert list(collect(stage, tmp_path, **summary).metrics) == list(summary)


@pytest.mark.parametrize('normalized', [False, True])
def test_results_of_a_ranking(tmp_path, normalized):
    stage = EntropyRankStage(CONFIG, checkpoint='a.pth', normalize_rare=normalized)
    metrics = dict(easy=13, hard=7, mean_score=0.25)
    result = collect(stage, tmp_path, **metrics, images=20, normalize_rare=normalized)
    assert tuple(result.outputs) == stage.outputs
    assert result.outputs['easy'] == tmp_path / 'easy.txt'
    assert result.outputs['pseudo_masks'] == tmp_path / 'pseudo_masks'
    assert result.metrics == metrics
    assert bool(result.note) == normalized


def pictures(stage, folder: Path, *names: str) -> int:
    for name in names:
        save_image(np.full((8, 8, 3), 99, np.uint8), folder / f'{name}.png')
    report = Report('Title')
    stage.describe(report, folder)
    return report.to_html().count('<img src="data:image')


def test_the_report_shows_what_there_is(tmp_path):
    stage = CAMStage(CONFIG, checkpoint='a.pth')
    assert pictures(stage, tmp_path, 'panels/cams_1') == 1
    assert pictures(stage, tmp_path, 'thresholds') == 2
    assert pictures(AffinityScoreStage(CONFIG, cams='cams'), tmp_path) == 0
    names = ('histogram', 'panels/easiest', 'panels/border', 'panels/hardest')
    assert pictures(EntropyRankStage(CONFIG, checkpoint='a.pth'), tmp_path / 'x', *names) == 4
