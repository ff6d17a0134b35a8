# What MinEnt adds to any segmentor: its class, which also minimises the entropy of the two outputs
# on a second stream of images. Without an auxiliary head: `model.lambda_entropy_aux = 0`.
minent = dict(type='MinEnt', lambda_entropy_main=0.001, lambda_entropy_aux=0.0002)
model_wrapper_cfg = dict(type='StreamDataParallel')
