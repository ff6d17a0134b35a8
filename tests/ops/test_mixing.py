"""CutMix and ClassMix against loops over pixels."""

import numpy as np
import pytest
import torch

from label_efficient_seg.ops import box_masks, class_masks, mix


def test_box_masks_against_loops():
    boxes = torch.tensor([[[0, 0, 3, 2], [1, 2, 5, 4]], [[2, 2, 2, 2], [0, 0, 5, 4]]])
    masks = box_masks(boxes, (4, 5))
    assert masks.shape == (2, 2, 4, 5)
    for index in np.ndindex(2, 2):
        x1, y1, x2, y2 = boxes[index].tolist()
        for y in range(4):
            for x in range(5):
                assert masks[index][y, x] == (x1 <= x < x2 and y1 <= y < y2)


@pytest.mark.parametrize('channels', [1, 3])
def test_mix_handles_images_labels_confidences_and_validity_alike(channels):
    masks = torch.rand(2, 3, 4, 5) < 0.5
    tensors = [
        torch.rand(2, 3, channels, 4, 5), torch.randint(9, (3, 4, 5)), torch.rand(3, 4, 5),
        torch.rand(3, 4, 5) < 0.5,
    ]  # fmt: skip
    for tensor in tensors:
        partner = tensor.flip(-3 if tensor.dim() == 3 else 1)
        mixed = mix(masks, partner, tensor)
        assert mixed.dtype == tensor.dtype
        for v, n, y, x in np.ndindex(2, 3, 4, 5):
            source = partner if masks[v, n, y, x] else tensor
            expected = source[n, y, x] if tensor.dim() == 3 else source[v, n, :, y, x]
            assert torch.equal(mixed[v, n, ..., y, x], expected)


def test_class_masks_take_whole_classes_half_of_those_of_each_image():
    labels = torch.randint(0, 7, (40, 6, 6))
    labels[0] = 255
    labels[1] = 4
    labels[2, :3] = 255
    masks = class_masks(labels, 7)
    for mask, image in zip(masks, labels, strict=True):
        present = set(image.unique().tolist()) - {255}
        drawn = {c for c in present if mask[image == c].all()}
        assert all(not mask[image == c].any() for c in (present | {255}) - drawn)
        assert len(drawn) == -(-len(present) // 2)


def test_class_masks_are_drawn_per_image_and_all_classes_have_the_same_chance():
    torch.manual_seed(1)
    labels = torch.arange(4).view(1, 2, 2).expand(4000, 2, 2)
    share = class_masks(labels, 4).float().mean(0)
    # The standard error of the shares is 0.008.
    assert ((share - 0.5).abs() < 0.04).all()
