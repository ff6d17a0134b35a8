# What IntraDA adds to any segmentor: all that ADVENT does, on the streams `easy` and `hard`.
_base_ = 'advent.py'
intrada = dict(_base_.advent, type='IntraDA')
