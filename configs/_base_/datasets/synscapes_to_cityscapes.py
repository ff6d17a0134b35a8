# Synscapes -> Cityscapes, 19 classes.
_base_ = './gta5_to_cityscapes.py'
source_root = '{{$SYNSCAPES_ROOT:data/synscapes}}'
# The papers name no size for Synscapes: images keep theirs, 1440x720.
source_pipeline = [*_base_.load_labeled, dict(type='PackSegInputs')]
train_dataloader = dict(
    source=dict(
        dataset=dict(type='SynscapesDataset', data_root=source_root, pipeline=source_pipeline)
    )
)
