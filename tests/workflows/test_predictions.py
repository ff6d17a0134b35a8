import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from label_efficient_seg.visualization import save_image
from label_efficient_seg.workflows.predictions import predict


@MODELS.register_module()
class RedModel(nn.Module):
    """Class 1 where the image is red; a classifier, if it is told to be one."""

    def __init__(self, masks: bool) -> None:
        super().__init__()
        self.masks = masks

    def test_step(self, batch: dict) -> list[SegDataSample]:
        sample = batch['data_samples'][0]
        if self.masks:
            red = batch['inputs'][0][2:] > 100  # BGR
            sample.set_data(dict(pred_sem_seg=PixelData(data=red.long())))
        return [sample]


def write_run(tmp_path, masks: bool, **changes) -> tuple:
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, :2, 0] = 200
    for name in 'ab':
        save_image(image, tmp_path / 'images' / f'{name}.png')
        save_image(image // 200, tmp_path / 'masks' / f'{name}.png')
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    dataset = dict(
        type='ImageFolderSegDataset',
        data_root=str(tmp_path),
        metainfo=dict(classes=('rest', 'red'), palette=[[0, 0, 0], [255, 0, 0]]),
        pipeline=pipeline,
    )
    cfg = dict(
        default_scope='mmseg',
        model=dict(type='RedModel', masks=masks),
        val_dataloader=dict(dataset=dataset),
    )
    Config({**cfg, **changes}).dump(tmp_path / 'config.py')
    torch.save(dict(state_dict={}), tmp_path / 'weights.pth')
    return tmp_path / 'config.py', tmp_path / 'weights.pth'


def test_the_first_images_are_predicted(tmp_path):
    found = predict(*write_run(tmp_path, masks=True), number=1)
    assert len(found.masks) == 1 and len(found.dataset) == 2
    assert np.array_equal(found.masks[0], [[1, 1, 0, 0, 0, 0]] * 4)


def test_what_predicts_no_masks_is_left_out(tmp_path):
    assert predict(*write_run(tmp_path, masks=False), number=1) is None
    assert predict(*write_run(tmp_path, masks=True, val_dataloader=None), number=1) is None


def test_weights_that_are_not_finite_are_refused(tmp_path):
    config, weights = write_run(tmp_path, masks=True)
    torch.save(dict(state_dict=dict(a=torch.tensor([torch.nan]))), weights)
    with pytest.raises(FloatingPointError, match=r'weights\.pth.* \(a\)'):
        predict(config, weights, number=1)
