# What SPNet changes in a segmentor with a DeepLabv2 head: class scores are products with the word
# vectors. A config adds `classes`, `split` and `embeddings`.
spnet = dict(decode_head=dict(type='WordProjectionHead'))
