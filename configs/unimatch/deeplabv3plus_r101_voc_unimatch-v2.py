# UniMatch V2 with UniMatch's network and schedule: a teacher, and complementary dropout.
_base_ = './deeplabv3plus_r101_voc_unimatch.py'
model = dict(feature_dropout=0.0, lambda_strong=1.0, teacher_momentum=0.996, complementary=True)
val_cfg = dict(type='TeacherValLoop')
