# DAFormer: MiT-B5 with its decoder of context-aware fusion.
_base_ = 'segformer_mit-b5.py'
model = dict(decode_head=dict(type='DAFormerHead'))
