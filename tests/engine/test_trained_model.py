"""What may be named as a trained model."""

from pathlib import Path

import pytest
import torch

from label_efficient_seg.engine.trained_model import find_model


def write(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        torch.save(dict(state_dict={}), folder / name)
    return folder


def test_folder_of_a_run_or_of_a_published_model(tmp_path):
    run = write(tmp_path / 'run', 'iter_2.pth', 'iter_10.pth')
    (run / 'method.py').write_text('')
    assert find_model(run) == (str(run / 'method.py'), str(run / 'iter_10.pth'))
    assert find_model(run / 'iter_2.pth', 'x/y') == ('x/y', str(run / 'iter_2.pth'))
    write(run, 'best_mIoU_iter_2.pth')
    assert find_model(run)[1] == str(run / 'best_mIoU_iter_2.pth')
    published = write(tmp_path / 'published', 'model.safetensors')
    (published / 'model.py').write_text('')
    assert find_model(published) == (
        str(published / 'model.py'),
        str(published / 'model.safetensors'),
    )


def test_what_is_no_single_model_is_named(tmp_path):
    run = write(tmp_path / 'runs' / 'one', 'iter_2.pth', 'best_a.pth', 'best_b.pth')
    (run / 'last_checkpoint').write_text('iter_2.pth')
    with pytest.raises(FileNotFoundError, match='holds no checkpoints; name one of .*: one$'):
        find_model(tmp_path / 'runs')
    with pytest.raises(ValueError, match='several best checkpoints; name one of .*best_a.pth, '):
        find_model(run)
    with pytest.raises(ValueError, match='there are 0 config files.*--config'):
        find_model(run / 'iter_2.pth')
    with pytest.raises(FileNotFoundError, match="'nope' is no trained model; give a published"):
        find_model('nope')
