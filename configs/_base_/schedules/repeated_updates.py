# The updates of the releases of AdvSemiSeg and ADVENT: their parameter group has most weights of
# the backbone three times, those of its shortcuts four times and the first convolution once, and
# SGD updates a weight once for each entry. The papers say nothing of it; the other configs update
# each weight once.
repeated_updates = dict(
    optimizer=dict(type='RepeatedSGD'),
    paramwise_cfg=dict(
        custom_keys={
            'backbone': dict(repeats=3),
            'downsample': dict(repeats=4),
            'backbone.conv1': dict(repeats=1),
        }
    ),
)
