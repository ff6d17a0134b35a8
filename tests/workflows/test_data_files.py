"""Data belong to what a stage is: what changes in them, and what does not."""

import os
from pathlib import Path

import numpy as np
import pytest

from label_efficient_seg.visualization import save_image
from label_efficient_seg.workflows import Workflow
from label_efficient_seg.workflows.data_files import DataFiles, describe_change
from tests.workflows.fake_stage import fake
from tests.workflows.test_workflow import metrics, states

IDS = [f'image_{i}' for i in range(4)]


@pytest.fixture
def root(tmp_path) -> Path:
    """A dataset whose list leaves out the last image; proposals and weights."""
    root = tmp_path / 'data'
    for name in IDS:
        save_image(np.zeros((4, 4, 3), np.uint8), root / 'images' / f'{name}.png')
        save_image(np.zeros((4, 4, 3), np.uint8), root / 'masks' / f'{name}.png')
        (root / 'proposals').mkdir(exist_ok=True)
        (root / 'proposals' / f'{name}.npz').write_text(name)
    (root / 'list.txt').write_text('\n'.join(IDS[:3]))
    (root / 'weights.pth').write_bytes(b'0' * (2 << 20))
    return root


def config(root: Path, **settings) -> dict:
    """As a training's config has them: two streams, weights, and much that is no file."""
    dataset = dict(
        type='ImageFolderSegDataset',
        data_root=str(root),
        ann_file='list.txt',
        metainfo=dict(classes=('a', 'b')),
        pipeline=[dict(type='LoadProposals', folder='proposals'), dict(type='PackSegInputs')],
        **settings,
    )
    return dict(
        work_dir=str(root),
        train_dataloader=dict(
            labeled=dict(batch_size=2, dataset=dataset),
            unlabeled=dict(dataset=dict(type='ConcatDataset', datasets=[dict(dataset)])),
        ),
        model=dict(backbone=dict(init_cfg=dict(checkpoint=str(root / 'weights.pth'), prefix='/'))),
    )


def look(content: object, work_dir: str = '/elsewhere') -> dict:
    return DataFiles(Path(work_dir)).states(content)


def test_what_the_streams_list_counts_and_nothing_else(root):
    found = {os.path.relpath(path, root) for path in look(config(root))}
    listed = {f'{kind}/{name}.png' for kind in ('images', 'masks') for name in IDS[:3]}
    proposals = {f'proposals/{name}.npz' for name in IDS[:3]}
    assert found == listed | proposals | {'list.txt', 'weights.pth'}
    found = look(config(root, labeled=False))
    assert not [path for path in found if '/masks/' in path]
    assert look(config(root), str(root.parent)) == {}


@pytest.mark.parametrize(
    'name', ['images/image_1.png', 'masks/image_0.png', 'proposals/image_2.npz', 'weights.pth']
)
def test_a_file_that_changed_is_named(root, name):
    before = look(config(root))
    assert describe_change(before, look(config(root))) == ''
    # Of the same size, such as an inverted image.
    content = bytearray((root / name).read_bytes())
    content[-1] ^= 255
    (root / name).write_bytes(content)
    assert describe_change(before, look(config(root))) == f'{root / name} changed'


def test_a_shorter_list_is_named(root):
    before = look(config(root))
    (root / 'list.txt').write_text('\n'.join(IDS[:2]))
    change = describe_change(before, look(config(root)))
    assert change == f'{root}/images/image_2.png was removed and 3 more files'
    assert describe_change(look(config(root)), before).startswith(f'{root}/list.txt changed')


def test_lists_count_by_content_and_unlisted_images_do_not_count(root):
    before = look(config(root))
    os.utime(root / 'list.txt', (1, 1))
    (root / 'images' / 'image_3.png').unlink()
    (root / 'proposals' / 'cache.npz').touch()
    assert describe_change(before, look(config(root))) == ''


def test_data_that_are_not_there_do_not_count(tmp_path):
    assert look(config(tmp_path / 'missing')) == {}
    assert look([None, 3, 'mIoU', '', '/', '.', dict(type='Nothing', ann_file='x.txt')]) == {}


def test_a_stage_runs_again_when_a_file_changed(tmp_path):
    file = tmp_path / 'value.txt'
    file.write_text('5')
    # The fake stage adds the values of the files that it is given.
    stages = [dict(name='a', type='FakeStage', inputs=[str(file)]), fake('b', 'a'), fake('c')]
    Workflow(stages, tmp_path / 'work').run()
    os.utime(file, (1, 1))
    assert set(states(Workflow(stages, tmp_path / 'work')).values()) == {'finished'}
    file.write_text('7')
    workflow = Workflow(stages, tmp_path / 'work')
    found = list(workflow.states().values())
    assert [state.name for state in found] == ['stale', 'stale', 'finished']
    assert found[0].why == f'{file} changed'
    workflow.run()
    assert metrics(workflow) == {'a seed 0': 7, 'b seed 0': 8, 'c seed 0': 1}
    assert (tmp_path / 'work' / 'a_seed0.stale-1').is_dir()


def test_a_damaged_record_is_named(tmp_path):
    workflow = Workflow([fake('a')], tmp_path)
    workflow.run()
    (tmp_path / 'a_seed0' / 'files.json.gz').write_bytes(b'\x1f\x8b')
    with pytest.raises(ValueError, match="a_seed0/files.json.gz' is damaged"):
        workflow.states()
    (tmp_path / 'a_seed0' / 'files.json.gz').unlink()
    assert set(states(workflow).values()) == {'finished'}
