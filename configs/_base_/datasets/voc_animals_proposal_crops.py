# The animals of PASCAL VOC 2012 as crops around proposals that overlap an object, DeconvNet's
# second stage. A pipeline sets `proposals` of the dataset itself.
_base_ = './voc_animals_object_crops.py'
import pathlib

objects = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(
        objects,
        dataset=dict(
            type='ProposalCropDataset',
            proposals=str(
                pathlib.Path('{{$PROPOSALS:work_dirs/proposals}}/train/proposals').absolute()
            ),
            dataset=objects.dataset.dataset,
            pipeline=objects.dataset.pipeline,
        ),
    ),
)
