import copy

import torch
from torch import nn

from label_efficient_seg.models.segmentors import MeanTeacher


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5))


def test_early_updates_give_the_mean_of_all_students_and_later_ones_the_moving_average():
    student = network().double()
    teacher = MeanTeacher(student, momentum=0.75)
    weights = []
    for iteration in range(6):
        nn.init.normal_(student[0].weight)
        student[1].running_mean.normal_()
        student[1].num_batches_tracked += 3
        weights.append(student[0].weight.detach().clone())
        teacher.update(student, iteration)
        if iteration < 4:
            expected = torch.stack(weights).mean(0)
        else:
            expected = 0.75 * expected + 0.25 * weights[-1]
        torch.testing.assert_close(teacher.network[0].weight, expected, atol=1e-12, rtol=0)
        assert torch.equal(teacher.network[1].num_batches_tracked, student[1].num_batches_tracked)
    assert not torch.equal(teacher.network[1].running_mean, student[1].running_mean)


def test_copy_takes_over_parameters_and_buffers():
    student = network()
    teacher = MeanTeacher(student, momentum=0.9)
    student(torch.randn(2, 3, 4, 4))
    nn.init.normal_(student[0].weight)
    teacher.copy(student)
    for name, value in student.state_dict().items():
        assert torch.equal(value, teacher.network.state_dict()[name]), name
    assert not any(p.requires_grad for p in teacher.parameters())


def test_training_mode_of_the_parent_leaves_the_teacher_in_evaluation_mode():
    student = network()
    student.add_module('teacher', MeanTeacher(copy.deepcopy(student), momentum=0.9))
    student.train()
    assert student[1].training and student.teacher.training is False
    assert not any(module.training for module in student.teacher.modules())
    images = torch.randn(2, 3, 4, 4)
    assert torch.equal(student.teacher(images), student.teacher(images))


def test_checkpoint_holds_both_and_restores_the_teacher():
    student = network()
    student.add_module('teacher', MeanTeacher(student, momentum=0.9))
    nn.init.normal_(student[0].weight)
    state = copy.deepcopy(student.state_dict())
    assert {'0.weight', 'teacher.network.0.weight'} <= set(state)
    other = network()
    other.add_module('teacher', MeanTeacher(other, momentum=0.9))
    other.load_state_dict(state)
    assert torch.equal(other.teacher.network[0].weight, student.teacher.network[0].weight)
    assert not torch.equal(other.teacher.network[0].weight, other[0].weight)
