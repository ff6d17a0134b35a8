# Initial weights for SIGN's toy configs: the network learns to tell shapes, not textures, on 320
# scenes of another seed. A class that is not seen in training is known by its shape and texture;
# of these, the seen classes of the toy data can teach textures by their colours.
_base_ = 'deeplabv2_r18_toy_pretrain.py'
shapes = dict(metainfo=dict(classes=('background', 'disc', 'ring')))
train_dataloader = dict(labeled=dict(dataset=shapes))
val_dataloader = dict(dataset=shapes)
test_dataloader = val_dataloader
model = dict(decode_head=dict(num_classes=3))
