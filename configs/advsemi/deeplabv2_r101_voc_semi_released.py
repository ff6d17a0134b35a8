# AdvSemiSeg as the released code trains by the command of its README. The base follows the paper;
# here is every difference. docs/advsemi.md has the table.
_base_ = ['./deeplabv2_r101_voc_semi.py', '../_base_/schedules/repeated_updates.py']
model = dict(
    decode_head=dict(dilations=(6, 12)),  # a return inside the loop over 6, 12, 18 and 24
    discriminate_unlabeled=True,  # D also learns from the predictions of unlabeled images
    ground_truth=True,  # D's real maps come from a loader of their own
)
optim_wrapper = dict(segmentor=_base_.repeated_updates)
# The command asks for neither scaling nor mirroring.
labeled = _base_.train_dataloader.labeled
unlabeled = _base_.train_dataloader.unlabeled
left_out = ('RandomScale', 'RandomFlip')
pipeline = [step for step in labeled.dataset.pipeline if step.type not in left_out]
crop_size = _base_.crop_size
train_dataloader = dict(
    labeled=dict(dataset=dict(pipeline=pipeline)),
    unlabeled=dict(
        dataset=dict(
            pipeline=[step for step in unlabeled.dataset.pipeline if step.type not in left_out]
        )
    ),
    # Maps without padding: a smaller image is resized to the crop.
    ground_truth=dict(
        labeled,
        dataset=dict(
            labeled.dataset,
            pipeline=[
                *pipeline[:2],
                dict(type='RandomScale', ratio_range=(1, 1), cover=crop_size),
                *pipeline[2:],
            ],
        ),
    ),
)
