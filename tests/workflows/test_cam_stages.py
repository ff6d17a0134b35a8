import json
import runpy
import sys

import numpy as np
import pytest

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.visualization import save_image
from label_efficient_seg.workflows import AffinityScoreStage, CAMStage, Report, Stage

CONFIG = 'advsemi/deeplabv2_r18_toy_semi'


def parsed(stage: Stage, folder, monkeypatch) -> dict:
    """What the tool understands of the stage's command line."""
    monkeypatch.setattr(sys, 'argv', [stage.tool, *stage.arguments(folder, 3)])
    return vars(runpy.run_path(str(resource_root() / 'tools' / stage.tool))['parse_args']())


def test_the_tools_get_the_settings(tmp_path, monkeypatch):
    found = parsed(CAMStage(CONFIG, 'a.pth'), tmp_path, monkeypatch)
    assert (found['config'], found['checkpoint'], found['out']) == (CONFIG, 'a.pth', str(tmp_path))
    assert found['alpha'] == 16 and not found['cfg_options']
    found = parsed(CAMStage(CONFIG, 'a.pth', {'model.x': 1}, 4.5), tmp_path, monkeypatch)
    assert found['alpha'] == 4.5 and found['cfg_options'] == {'model.x': 1}
    found = parsed(AffinityScoreStage(CONFIG, '/x/cams'), tmp_path, monkeypatch)
    assert (found['config'], found['cams'], found['out']) == (CONFIG, '/x/cams', str(tmp_path))
    assert (found['low_alpha'], found['high_alpha'], found['cfg_options']) == (4, 32, None)
    stage = AffinityScoreStage(CONFIG, '/x/cams', {'model.x': 1}, 8, 24)
    found = parsed(stage, tmp_path, monkeypatch)
    assert (found['low_alpha'], found['high_alpha']) == (8, 24)
    assert found['cfg_options'] == {'model.x': 1}


@pytest.mark.parametrize('alpha', ['0', '-1'])
def test_powers_that_are_not_positive(tmp_path, monkeypatch, capsys, alpha):
    with pytest.raises(SystemExit):
        parsed(CAMStage(CONFIG, 'a.pth', alpha=alpha), tmp_path, monkeypatch)
    assert '--alpha must be positive' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('kind', 'others'),
    [
        (CAMStage, [dict(alpha=4)]),
        (AffinityScoreStage, [dict(low_alpha=8), dict(high_alpha=24)]),
    ],
)
def test_every_setting_is_part_of_the_definition(kind, others):
    first = kind(CONFIG, '{a.b}').definition(0)
    assert first == kind(CONFIG, '{a.b}').definition(1)
    assert first['content']['model']['type'] == 'AdvSemiSeg'
    others = [*others, dict(cfg_options={'model.semi_start': 7})]
    found = [kind(CONFIG, '{a.b}', **other).definition(0) for other in others]
    found += [kind(CONFIG, 'other').definition(0), kind('{a.config}', '{a.b}').definition(0)]
    json.dumps(found)
    assert all(found.count(definition) == 1 and definition != first for definition in found)


def test_results_of_cams(tmp_path):
    stage = CAMStage(CONFIG, 'a.pth', alpha=4)
    summary = dict(mIoU=48.0, threshold=0.2, mIoU_alpha4=45.0, images=7, tags='masks')
    (tmp_path / 'cams.json').write_text(json.dumps(summary))
    result = stage.collect(tmp_path)
    assert result.outputs == dict(cams=tmp_path / 'cams') and stage.outputs == ('cams',)
    assert list(result.metrics.items()) == list(summary.items())[:3]
    assert result.note == 'tags given: masks'
    (tmp_path / 'cams.json').write_text(json.dumps(dict(images=7, tags='predicted')))
    result = stage.collect(tmp_path)
    assert not result.metrics and not result.note


def test_results_of_scores(tmp_path):
    stage = AffinityScoreStage(CONFIG, 'cams')
    shares = dict(foreground=20.0, background=50.0, neutral=30.0)
    (tmp_path / 'scores.json').write_text(json.dumps(shares | dict(low_alpha=4)))
    result = stage.collect(tmp_path)
    assert result.outputs == dict(scores=tmp_path / 'scores') and stage.outputs == ('scores',)
    assert result.metrics == shares
    summary = dict(accuracy=90.0, **shares, mIoU_low=40.0, mIoU_high=50.0)
    (tmp_path / 'scores.json').write_text(json.dumps(summary))
    assert list(stage.collect(tmp_path).metrics) == list(summary)


def test_the_report_shows_the_metrics(tmp_path):
    stage, report = CAMStage(CONFIG, 'a.pth'), Report('Title')
    save_image(np.full((8, 8, 3), 99, np.uint8), tmp_path / 'panels' / 'cams_1.png')
    stage.describe(report, tmp_path)
    assert report.to_html().count('<img src="data:image') == 1
    save_image(np.full((8, 8, 3), 99, np.uint8), tmp_path / 'thresholds.png')
    stage.describe(report, tmp_path)
    assert report.to_html().count('<img src="data:image') == 3
