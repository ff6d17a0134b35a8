import torch

from label_efficient_seg.ops import complementary_dropout


def views(number: int, *channels: int) -> list[torch.Tensor]:
    """Levels whose two views are equal, without zeros."""
    levels = [torch.rand(number, c, 2, 3) + 1 for c in channels]
    return [torch.cat([level, level]) for level in levels]


def test_both_views_of_one_feature_sum_to_twice_the_feature():
    levels = views(6, 8, 8, 5)
    for level, result in zip(levels, complementary_dropout(levels), strict=True):
        first, second = result.chunk(2)
        assert torch.equal(first + second, 2 * level[:6])


def test_half_of_the_images_keep_all_channels_and_the_others_share_them_out():
    for number in (2, 3, 4, 7):
        levels = views(number, 16, 16, 9)
        factors = [r / f for r, f in zip(complementary_dropout(levels), levels, strict=True)]
        whole = [(f == 1).all(dim=(1, 2, 3))[:number] for f in factors]
        assert whole[0].sum() == number // 2
        for factor, kept in zip(factors, whole, strict=True):
            assert torch.equal(kept, whole[0])
            dropped = factor[:number][~kept]
            assert set(dropped.unique().tolist()) == {0.0, 2.0}
            assert torch.equal(dropped, dropped[:, :, :1, :1].expand_as(dropped))
        # Levels of a vision transformer have as many channels and share the mask.
        assert torch.equal(factors[0], factors[1])


def test_channels_are_drawn_with_probability_one_half():
    torch.manual_seed(0)
    level = torch.ones(8, 4000, 1, 1)
    (result,) = complementary_dropout([level])
    first = result[:4].mean(dim=(1, 2, 3))
    assert ((first - 1).abs() < 0.1).all()


def test_half_precision_stays():
    (result,) = complementary_dropout([torch.ones(4, 3, 1, 1, dtype=torch.bfloat16)])
    assert result.dtype == torch.bfloat16
