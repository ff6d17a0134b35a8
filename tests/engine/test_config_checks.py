"""Settings that do not go together are refused before anything is built."""

import pytest
from mmengine.config import Config

from label_efficient_seg.engine import launch
from label_efficient_seg.engine.config_checks import check_training

STREAMS = dict(labeled=dict(batch_size=2, dataset=dict(type='ToyDataset')))
LOOP = dict(type='StreamIterTrainLoop', max_iters=2)
HEAD = dict(type='FCNHead', num_classes=3)


def cfg(**kwargs) -> Config:
    values = dict(
        model=dict(type='AdvSemiSeg', decode_head=HEAD), train_dataloader=STREAMS, train_cfg=LOOP
    )
    return Config(dict(values, **kwargs))


def with_loss(**loss) -> Config:
    return cfg(model=dict(type='AdvSemiSeg', decode_head=dict(HEAD, loss_decode=[loss])))


@pytest.mark.parametrize(
    'path', ['advsemi/deeplabv2_r18_toy_semi', 'advsemi/deeplabv2_r18_toy_supervised']
)
def test_shipped_configs_pass(path):
    check_training(launch.load_config(path))


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (
            cfg(train_cfg=dict(type='IterBasedTrainLoop', max_iters=2)),
            "one entry per stream .labeled., but train_cfg has type='IterBasedTrainLoop', ",
        ),
        (
            cfg(train_cfg=dict(by_epoch=False, max_iters=2)),
            'one entry per stream .labeled., but train_cfg has no type',
        ),
        (
            cfg(train_dataloader=STREAMS['labeled'], train_cfg=dict(type='IterBasedTrainLoop')),
            'AdvSemiSeg reads the streams labeled, unlabeled, but train_cfg .* is a single one;',
        ),
        (
            cfg(val_dataloader=dict(num_workers=0, persistent_workers=True)),
            'val_dataloader.persistent_workers=True .* num_workers is 0; set val_dataloader.num_wo',
        ),
        (
            cfg(train_dataloader=dict(labeled=dict(STREAMS['labeled'], persistent_workers=True))),
            'train_dataloader.labeled.persistent_workers=True',
        ),
        (
            with_loss(type='CrossEntropyLoss', class_weight=[1.0, 2.0]),
            r'model.decode_head.loss_decode\[0\].class_weight has 2 values for num_classes=3; give',
        ),
        (with_loss(type='FocalLoss'), r'decode_head.loss_decode\[0\]: .*FocalLoss works on a GPU'),
        (
            cfg(
                val_dataloader=dict(
                    dataset=dict(metainfo=dict(classes=('a', 'b'), palette=[[0, 0, 0]]))
                )
            ),
            'val_dataloader.dataset.metainfo.palette has 1 colours for 2 classes; give one for',
        ),
    ],
    ids=[
        'loop', 'loop_without_type', 'one_dataloader', 'validation_workers', 'workers',
        'class_weight', 'focal_loss', 'palette',
    ],
)  # fmt: skip
def test_refused(wrong, message, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(ValueError, match=message):
        check_training(wrong)


def test_what_mmsegmentation_makes_sense_of():
    check_training(with_loss(type='CrossEntropyLoss', class_weight=[1.0, 2.0, 1.0]))
    head = dict(type='FCNHead', num_classes=2, out_channels=1)
    head['loss_decode'] = dict(type='CrossEntropyLoss', use_sigmoid=True, class_weight=[2.0])
    check_training(cfg(model=dict(type='AdvSemiSeg', decode_head=head)))
    # The colours of chosen classes are picked from those of all.
    metainfo = dict(classes=('cat', 'dog'), palette=[[0, 0, 0]] * 21)
    dataset = dict(type='PascalVOCDataset', metainfo=metainfo)
    check_training(cfg(val_dataloader=dict(dataset=dataset)))
