import json
import runpy
import sys
from fractions import Fraction

import numpy as np
import pytest

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.visualization import save_image
from label_efficient_seg.workflows import EntropyRankStage, Report

CONFIG = 'advsemi/deeplabv2_r18_toy_semi'


def parsed(stage: EntropyRankStage, folder, monkeypatch) -> dict:
    """What the tool understands of the stage's command line."""
    words = stage.arguments(folder, 3)
    monkeypatch.setattr(sys, 'argv', ['rank_target.py', *words])
    tool = runpy.run_path(str(resource_root() / 'tools' / EntropyRankStage.tool))
    return vars(tool['parse_args']())


def test_the_tool_gets_the_settings(tmp_path, monkeypatch):
    found = parsed(EntropyRankStage(CONFIG, 'a.pth'), tmp_path, monkeypatch)
    assert (found['config'], found['checkpoint']) == (CONFIG, 'a.pth')
    assert (found['out'], found['stream']) == (str(tmp_path), 'target')
    assert found['ratio'] == Fraction(67, 100)
    assert not found['normalize_rare'] and not found['rare_classes'] and not found['cfg_options']
    stage = EntropyRankStage(
        CONFIG, 'a.pth', {'model.x': 1}, 0.5, True, ['traffic light', 'bus'], 'unlabeled'
    )
    found = parsed(stage, tmp_path, monkeypatch)
    assert (found['ratio'], found['stream']) == (Fraction(1, 2), 'unlabeled')
    assert found['normalize_rare'] and found['rare_classes'] == ['traffic light', 'bus']
    assert found['cfg_options'] == {'model.x': 1}


def test_rare_classes_without_normalisation_are_refused(tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError, match='without normalize_rare'):
        EntropyRankStage(CONFIG, 'a.pth', rare_classes=['bus'])
    stage = EntropyRankStage(CONFIG, 'a.pth', normalize_rare=True, rare_classes=['bus'])
    stage.normalize_rare = False
    with pytest.raises(SystemExit):
        parsed(stage, tmp_path, monkeypatch)
    assert 'no effect without --normalize-rare' in capsys.readouterr().err


def test_every_setting_is_part_of_the_definition():
    first = EntropyRankStage(CONFIG, '{inter.checkpoint}').definition(0)
    assert first == EntropyRankStage(CONFIG, '{inter.checkpoint}').definition(1)
    json.dumps(first)
    others = [
        dict(ratio=0.5),
        dict(normalize_rare=True),
        dict(normalize_rare=True, rare_classes=['bus']),
        dict(stream='unlabeled'),
        dict(cfg_options={'model.semi_start': 7}),
    ]
    found = [
        EntropyRankStage(CONFIG, '{inter.checkpoint}', **other).definition(0) for other in others
    ]
    assert all(found.count(definition) == 1 and definition != first for definition in found)
    # A config that another stage leaves cannot be read yet.
    assert EntropyRankStage('{inter.config}', '{inter.checkpoint}').definition(0) != first


@pytest.mark.parametrize('normalized', [False, True])
def test_results_of_a_ranking(tmp_path, normalized):
    summary = dict(easy=13, hard=7, mean_score=0.25, images=20, normalize_rare=normalized)
    (tmp_path / 'ranking.json').write_text(json.dumps(summary))
    stage = EntropyRankStage(CONFIG, 'a.pth', normalize_rare=normalized)
    result = stage.collect(tmp_path)
    assert tuple(result.outputs) == stage.outputs
    assert result.outputs['easy'] == tmp_path / 'easy.txt'
    assert result.outputs['pseudo_masks'] == tmp_path / 'pseudo_masks'
    assert result.metrics == dict(easy=13, hard=7, mean_score=0.25)
    assert bool(result.note) == normalized


def test_the_report_shows_the_metrics(tmp_path):
    for name in ('histogram', 'panels/easiest', 'panels/border', 'panels/hardest'):
        save_image(np.full((8, 8, 3), 99, np.uint8), tmp_path / f'{name}.png')
    report = Report('Title')
    EntropyRankStage(CONFIG, 'a.pth').describe(report, tmp_path)
    assert report.to_html().count('<img src="data:image') == 4
