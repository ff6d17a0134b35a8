# SIGN on PASCAL-Context, its third step.
_base_ = 'deeplabv2_r101_context_training.py'
# As released, the generator learns without an adversary here.
model = dict(_base_.self_training, lambda_adv=0.0, lambda_adv_discriminator=1.0)
load_from = 'work_dirs/deeplabv2_r101_context_transfer/iter_10000.pth'
train_dataloader = dict(labeled=dict(batch_size=4))
param_scheduler = dict(
    generator=[_base_.self_training_steps], discriminator=[_base_.self_training_steps]
)
train_cfg = dict(max_iters=10000, val_interval=2000)
