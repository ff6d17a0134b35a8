from types import SimpleNamespace

import pytest
from mmseg.models import SegTTAModel

from label_efficient_seg.engine.hooks import ClassCountHook
from label_efficient_seg.models.wrappers import StreamDataParallel
from tests.models import tiny, tiny_cam, tiny_sign


def runner(model, metainfo: dict | None) -> SimpleNamespace:
    loader = SimpleNamespace(dataset=SimpleNamespace(metainfo=metainfo))
    return SimpleNamespace(
        model=model, train_dataloader=loader, val_dataloader=loader, test_dataloader=loader
    )


@pytest.mark.parametrize('stage', ['before_train', 'before_val', 'before_test'])
@pytest.mark.parametrize('wrap', [lambda m: m, StreamDataParallel, SegTTAModel])
def test_other_numbers_are_refused(stage, wrap):
    check, model = getattr(ClassCountHook(), stage), wrap(tiny.build_model())
    check(runner(model, dict(classes=('a', 'b', 'c'))))
    message = (
        r'model\.decode_head has num_classes=3, but the dataset has 4 classes \(a, b, c, ...\)'
    )
    with pytest.raises(ValueError, match=message):
        check(runner(model, dict(classes=('a', 'b', 'c', 'd'))))
    with pytest.raises(ValueError, match=r'has 2 classes \(a, b\); set num_classes=2'):
        check(runner(model, dict(classes=('a', 'b'))))


def test_auxiliary_heads_are_checked():
    head = dict(tiny.model_cfg().decode_head, num_classes=5)
    model = tiny.build_model(auxiliary_head=[dict(head, num_classes=3), head])
    with pytest.raises(ValueError, match=r'model\.auxiliary_head\.1 has num_classes=5'):
        ClassCountHook().before_train(runner(model, dict(classes=('a', 'b', 'c'))))


@pytest.mark.parametrize('metainfo', [None, {}, dict(classes=None)])
def test_datasets_without_classes_are_left_alone(metainfo):
    ClassCountHook().before_train(runner(tiny.build_model(), metainfo))


def test_classifiers_of_tags_do_not_know_the_background():
    model = tiny_cam.build_segmentor(3)
    check = ClassCountHook().before_test
    check(runner(model, dict(classes=('background', 'a', 'b', 'c'))))
    message = r'num_classes=3, but the dataset has 2 foreground classes \(a, b\); set num_classes=2'
    with pytest.raises(ValueError, match=rf'model\.head has {message}'):
        check(runner(model, dict(classes=('background', 'a', 'b'))))


def test_a_model_whose_head_gives_features_has_the_classes_itself():
    hook, model = ClassCountHook(), tiny_sign.build_model()
    hook.before_train(runner(model, dict(classes=tuple('abcdefg'))))
    with pytest.raises(ValueError, match=r'model has num_classes=7, but the dataset has 2 classes'):
        hook.before_train(runner(model, dict(classes=('a', 'b'))))


@pytest.mark.parametrize(('count', 'message'), [(1, 'nothing to learn'), (256, '255 is the most')])
@pytest.mark.parametrize('stage', ['before_train', 'before_test'])
def test_numbers_of_classes_that_no_masks_can_show(count, message, stage):
    model = tiny.build_model()
    model.decode_head.num_classes = count
    with pytest.raises(
        ValueError, match=f'model.decode_head is a model of {count} class.*{message}'
    ):
        getattr(ClassCountHook(), stage)(runner(model, None))
