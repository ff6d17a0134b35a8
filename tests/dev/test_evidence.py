"""What the parts of `dev/evidence.py` name exists."""

import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'dev'))
import evidence  # noqa: E402

from label_efficient_seg.workflows import Workflow  # noqa: E402

SHIPPED = {n: part for n, part in evidence.PARTS.items() if isinstance(part.workflow, str)}


@pytest.mark.parametrize('name', SHIPPED)
def test_parts_name_shipped_workflows_and_their_stages(name, tmp_path, monkeypatch):
    part = evidence.PARTS[name]
    for variable, value in {**evidence.locations(tmp_path, tmp_path), **part.variables}.items():
        monkeypatch.setenv(variable, value)
    workflow = Workflow.from_file(f'{ROOT}/configs/{part.workflow}.py', str(tmp_path), seeds=[0])
    assert set(part.stages) <= set(workflow.names)


def test_cards_are_moved_to_where_the_data_are(tmp_path, monkeypatch):
    data, out = tmp_path / 'my data', tmp_path / 'out'
    out.mkdir()
    calls = []
    monkeypatch.setattr(evidence, 'call', lambda *words: calls.append(words))
    for part in evidence.PARTS.values():
        if part not in SHIPPED.values():
            part.workflow.write(out / 'folder', data, out)
    assert len(calls) == 6 and all(word[0] == 'new' for word in calls)
    objects = yaml.safe_load((out / 'msrc_objects.yaml').read_text())
    assert objects['images'] == f'{data}/msrc21/images'
    animals = yaml.safe_load((out / 'voc_animals.yaml').read_text())
    assert animals['masks'] == f'{out}/voc_animals_256/SegmentationClass'
    lists = {key: (Path(animals['root']) / animals[key]).read_text() for key in ('train', 'val')}
    assert lists['train'] == (ROOT / 'splits/voc_animals/train.txt').read_text()
    whole = (ROOT / 'splits/voc_animals/val.txt').read_text()
    assert whole.startswith(lists['val']) and lists['val'].count('\n') == 150
