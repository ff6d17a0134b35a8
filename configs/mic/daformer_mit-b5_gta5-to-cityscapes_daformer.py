# DAFormer, GTA5 to Cityscapes: MIC without its masked images.
_base_ = './daformer_mit-b5_gta5-to-cityscapes_mic.py'
model = dict(mask_ratio=0)
