"""Curves: what is combined and what is drawn."""

import io
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.core.logs import Series
from label_efficient_seg.visualization import (
    CURVE_GROUPS,
    CurveGroup,
    groups_with_data,
    mean_and_range,
    plot_curves,
)
from label_efficient_seg.visualization.curves import RUN_COLORS


def series(points: dict[int, float]) -> Series:
    return Series(np.array(list(points)), np.array(list(points.values()), float))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert('RGB')).astype(int)


def has_color(image: np.ndarray, color: str) -> bool:
    rgb = np.array(matplotlib.colors.to_rgb(color)) * 255
    return bool((np.abs(image - rgb).max(-1) < 3).any())


def test_seeds_are_combined_where_all_of_them_logged() -> None:
    runs = [series({10: 1, 20: 2, 30: 9}), series({10: 3, 20: 7}), series({5: 0, 10: 2, 20: 3})]
    steps, mean, low, high = mean_and_range(runs)
    assert steps.tolist() == [10, 20]
    assert mean.tolist() == [2, 4]
    assert low.tolist() == [1, 2]
    assert high.tolist() == [3, 7]


def test_each_run_is_drawn_in_its_color() -> None:
    first, second = {'mIoU': series({0: 1, 100: 2})}, {'mIoU': series({0: 2, 100: 1})}
    alone, both = pixels(plot_curves({'a': first})), pixels(plot_curves({'a': first, 'b': second}))
    assert has_color(alone, RUN_COLORS[0]) and not has_color(alone, RUN_COLORS[1])
    assert has_color(both, RUN_COLORS[0]) and has_color(both, RUN_COLORS[1])


def test_groups_without_data_take_no_room() -> None:
    one = {'mIoU': series({0: 1, 100: 2})}
    two = {**one, 'decode.loss_ce': series({0: 1, 100: 0.5})}
    assert pixels(plot_curves({'a': two})).shape[1] == 2 * pixels(plot_curves({'a': one})).shape[1]


def test_names_may_be_patterns() -> None:
    group = CurveGroup('x', ('first', '*.loss_*'))
    plain = {'loss': series({0: 1, 100: 2})}
    with pytest.raises(ValueError, match='logged a scalar to plot'):
        plot_curves({'a': plain}, groups=[group])
    matching = {**plain, 'target.loss_adv': series({0: 1, 100: 2})}
    assert has_color(pixels(plot_curves({'a': matching}, groups=[group])), RUN_COLORS[0])


def test_the_rest_of_an_unfilled_line_is_blank() -> None:
    names = 'abcde'
    scalars = {name: series({0: 1, 100: 2}) for name in names}
    image = pixels(plot_curves({'r': scalars}, groups=[CurveGroup(n, (n,)) for n in names]))
    height, width, _ = image.shape
    cells = (
        image[height * 11 // 20 :, : width // 3],
        image[height * 11 // 20 :, width * 2 // 3 + 9 :],
    )
    assert (cells[0] < 128).any()
    assert np.all(cells[1] == 255)


def test_the_healthy_band_is_marked() -> None:
    scalars = {'x': series({0: 0.1, 100: 0.7})}
    plain = plot_curves({'a': scalars}, groups=[CurveGroup('x', ('x',))])
    marked = plot_curves({'a': scalars}, groups=[CurveGroup('x', ('x',), band=(0.2, 0.5))])
    band = 255 + 0.12 * (np.array(matplotlib.colors.to_rgb('#009E73')) * 255 - 255)

    def share(png: bytes) -> float:
        return float((np.abs(pixels(png) - band).max(-1) < 3).mean())

    assert share(plain) < 0.001
    assert share(marked) > 0.1


def test_the_file_is_what_is_returned(tmp_path: Path) -> None:
    png = plot_curves({'a': [{'mIoU': series({0: 1, 9: 2})}] * 2}, tmp_path / 'new' / 'curves.png')
    assert (tmp_path / 'new' / 'curves.png').read_bytes() == png


def test_runs_without_known_scalars_are_named() -> None:
    with pytest.raises(ValueError, match=r"\['mine'\].*'other'"):
        plot_curves({'mine': {'other': series({0: 1})}})


@pytest.mark.parametrize(
    ('others', 'has_band'),
    [
        ([], True),
        (['discriminator.loss_real', 'discriminator.loss_fake'], True),
        (['discriminator.loss_real_main', 'discriminator.loss_real_aux'], False),
        (['discriminator.loss_real', 'discriminator.loss_cls_real'], False),
    ],
)
def test_only_the_loss_of_one_discriminator_has_a_healthy_range(others, has_band) -> None:
    run = dict.fromkeys(['discriminator.loss', *others], series({0: 0.3, 100: 0.4}))
    assert bool(CURVE_GROUPS[6].matching(run)) == has_band
    alone, beside = {'a': {'mIoU': series({0: 1, 1: 2}), **run}}, {'b': run}
    assert (CURVE_GROUPS[6] in groups_with_data({'a': [alone['a']]})) == has_band
    # Another run that has the band does not bring this one into it.
    single = {'discriminator.loss': series({0: 0.1, 100: 0.2})}
    drawn = pixels(plot_curves({'one': single, **beside}, groups=[CURVE_GROUPS[6]]))
    assert has_color(drawn, RUN_COLORS[0])
    legend_only = (np.abs(drawn[60:] - np.array([0xD5, 0x5E, 0])).max(-1) < 3).any()
    assert legend_only == has_band
