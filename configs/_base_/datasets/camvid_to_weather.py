# From one sequence of CamVid (305 images) to two others in synthetic fog or night, 171 images
# without masks and 101 to evaluate, in the 7 classes of IDD-Lite. CAMVID_WEATHER_ROOT is what
# `les convert weather` made of CAMVID_ROOT.
_base_ = './camvid_to_idd_lite.py'
target_root = '{{$CAMVID_WEATHER_ROOT:data/camvid_fog}}'
target = dict(type='CamVidAsIDDLiteDataset', data_root=target_root)
lists = 'splits/camvid/weather'
train_dataloader = dict(
    source=dict(dataset=dict(ann_file=f'{lists}/source.txt')),
    target=dict(dataset=dict(target, ann_file=f'{lists}/target.txt')),
)
val_dataloader = dict(dataset=dict(target, ann_file=f'{lists}/target_val.txt'))
test_dataloader = val_dataloader
