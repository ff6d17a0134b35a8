# AdvSemiSeg on top of MMSeg's SegFormer: the two lines in the middle are all that the method needs.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',
    '../_base_/datasets/voc_semi.py',
    '../_base_/schedules/advsemi_20k.py',
    '../_base_/methods/advsemi.py',
    '../_base_/default_runtime.py',
]
model = _base_.advsemi

# SegFormer's own optimizer for the segmentor.
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(_delete_=True, type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
        paramwise_cfg=dict(
            _delete_=True,
            custom_keys={
                'pos_block': dict(decay_mult=0.0),
                'norm': dict(decay_mult=0.0),
                'decode_head': dict(lr_mult=10.0),
            },
        ),
    )
)
