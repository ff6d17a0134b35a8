import pytest
from mmengine.config import Config

from label_efficient_seg.engine.hooks.start_check import start_faults
from tests.models import tiny

SGD = dict(optimizer=dict(type='SGD', lr=0.1))


def cfg(**model) -> Config:
    return Config(
        dict(
            model=tiny.model_cfg(**model),
            optim_wrapper=dict(
                constructor='MultiOptimWrapperConstructor', segmentor=SGD, discriminator=SGD
            ),
            train_cfg=dict(type='StreamIterTrainLoop', max_iters=20),
        )
    )


def test_a_sound_config_starts():
    assert list(start_faults(cfg())) == []


@pytest.mark.parametrize(
    ('part', 'changes', 'message'),
    [
        ('model', {'model.semi_start': 20}, 'semi_start is 20, but training ends after 20'),
        ('model', {'model.semi_strat': 3}, "has no argument 'semi_strat'; did you mean"),
        ('model', {'model.decode_head.type': 'FNHead'}, 'FNHead'),
        ('optim_wrapper', {'optim_wrapper.segmentor.paramwise_cfg': dict(decay_rate=0.9)},
         "'decay_rate', which"),
        ('optim_wrapper', {'optim_wrapper.teacher': SGD}, "claims 'teacher', but"),
    ],
)  # fmt: skip
def test_what_the_start_refuses_is_found(part, changes, message):
    changed = cfg()
    changed.merge_from_dict(changes)
    ((where, text),) = start_faults(changed)
    assert where == part and message in text
