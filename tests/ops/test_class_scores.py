import torch

from label_efficient_seg.ops import class_scores


def test_one_score_per_pixel_becomes_two_of_the_same_probabilities():
    logits = torch.tensor([[[[-3.0, 0.0, 40.0]]]])
    scores = class_scores(logits)
    assert scores.shape == (1, 2, 1, 3)
    foreground = 1 / (1 + torch.exp(-logits[:, 0]))
    torch.testing.assert_close(scores.softmax(1)[:, 1], foreground)


def test_scores_of_classes_are_left_alone():
    logits = torch.randn(1, 3, 2, 2)
    assert class_scores(logits) is logits
