# Toy dataset with the pseudo masks of les masks for its 1,000 training images, and
# its own masks for validation. The environment variable PSEUDO_MASKS names the folder; a pipeline
# sets data_prefix.seg_map_path itself.
_base_ = './toy.py'
import pathlib

# The target style is not used.
spec = dict(num_train=1000, num_target_train=1, num_target_val=1)
# Absolute, as folders would start in the dataset's own.
pseudo_masks = str(pathlib.Path('{{$PSEUDO_MASKS:work_dirs/pseudo_masks/pseudo_masks}}').absolute())
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(
        labeled,
        dataset=dict(
            labeled.dataset,
            split='train',
            spec=spec,
            data_prefix=dict(seg_map_path=pseudo_masks),
        ),
    ),
)
val_dataloader = dict(dataset=dict(spec=spec))
test_dataloader = dict(dataset=dict(spec=spec))
