"""The result panel of a segmentation model, with or without a discriminator."""

from collections.abc import Sequence

import numpy as np

from ..core.labels import IGNORE
from .colors import RGB, UNSELECTED_COLOR, colorize, default_palette, heatmap, keep_selected
from .panels import LegendEntry, Tile, class_legend, make_panel, scale_legend


def make_segmentation_panel(
    prediction: np.ndarray,
    image: np.ndarray | None = None,
    truth: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
    threshold: float | None = None,
    entropy: np.ndarray | None = None,
    classes: Sequence[str] | None = None,
    palette: Sequence[RGB] | np.ndarray | None = None,
    ignore_index: int = IGNORE,
    caption: str = '',
    tile_width: int = 240,
) -> np.ndarray:
    """Compose image | ground truth | prediction | D's confidence | selected pixels | entropy.

    Columns whose input is absent are left out. The selected pixels are those a self-taught loss
    would learn from: the discriminator's confidence exceeds the threshold.

    Args:
        prediction (np.ndarray): Class indices, shape (H, W).
        image (np.ndarray, optional): Photo, RGB uint8, shape (H', W', 3).
        truth (np.ndarray, optional): Class indices, shape (H', W'). Labels without a class are
            drawn as ignored.
        confidence (np.ndarray, optional): Per-pixel probability, according to the discriminator,
            that the prediction is ground truth; shape (H, W), in [0, 1].
        threshold (float, optional): Selection threshold of ``confidence``, in [0, 1].
        entropy (np.ndarray, optional): How unsure the prediction is, per pixel; shape (H, W), in
            [0, 1].
        classes (Sequence[str], optional): Class names. Defaults to 'class 0', 'class 1', ...
        palette (Sequence[RGB] | np.ndarray, optional): One colour per class. Defaults to the VOC
            colour map, also where it has too few colours.
        ignore_index (int): Label of pixels without ground truth.
        caption (str): Line above the panel.
        tile_width (int): Width of a column in pixels.

    Returns:
        np.ndarray: RGB image, uint8.
    """
    num_classes = max(len(classes or ()), int(prediction.max()) + 1)
    names = [*(classes or ()), *(f'class {i}' for i in range(len(classes or ()), num_classes))]
    if palette is None or len(palette) < num_classes:
        palette = default_palette(num_classes)
    masks = [prediction]
    tiles = [] if image is None else [Tile('image', image)]
    if truth is not None:
        truth = np.where((truth >= 0) & (truth < num_classes), truth, ignore_index)
        masks.append(truth)
        tiles.append(Tile('ground truth', colorize(truth, palette, ignore_index), smooth=False))
    painted = colorize(prediction, palette, ignore_index)
    tiles.append(Tile('prediction', painted, smooth=False))
    legend = class_legend(masks, names, palette, ignore_index)
    if confidence is not None:
        tiles.append(Tile("D's confidence", heatmap(confidence)))
        if threshold is not None:
            selected = confidence > threshold
            title = f'selected (D > {threshold:g}): {100 * selected.mean():.0f} %'
            tiles.append(Tile(title, keep_selected(painted, selected), smooth=False))
            legend.append(LegendEntry('not selected', UNSELECTED_COLOR))
        legend.append(scale_legend("D's confidence, 0 to 1"))
    if entropy is not None:
        tiles.append(Tile('entropy', heatmap(entropy)))
        legend.append(scale_legend('entropy, 0 to 1'))
    return make_panel(tiles, legend, caption, tile_width)
