"""What trainings outside a workflow have reached, from the files in their work folders."""

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.logs import Series
from .measurement import Measurement
from .verdicts import CLASS_IOU

SEED = re.compile(r'[-_]seed[-_]?(\d+)$')
"""End of the name of a work folder."""
METRICS = ('hIoU', 'mIoU')
"""What stands for a run: the first one that it has."""


def measure_runs(
    runs: Mapping[str, Sequence[Path]], scalars: Mapping[str, Sequence[Mapping[str, Series]]]
) -> tuple[list[Measurement], list[Measurement]]:
    """The last validation of each run, and the IoU of each class there.

    A run whose folders do not say on which images it was validated is left out.

    Args:
        runs (Mapping[str, Sequence[Path]]): Work folders by label, one for each seed.
        scalars (Mapping): Their logged scalars, in the same order.

    Returns:
        tuple[list[Measurement], list[Measurement]]: Metrics of runs, and those of classes.
    """
    found: list[Measurement] = []
    classes: list[Measurement] = []
    for label, folders in runs.items():
        images, *others = dict.fromkeys(validation_images(folder) for folder in folders)
        names = dict.fromkeys(name for logged in scalars[label] for name in logged)
        metric = next((metric for metric in METRICS if metric in names), None)
        if images is None or others or metric is None:
            continue
        for name in [metric, *(name for name in names if name.startswith(CLASS_IOU))]:
            values = {
                _seed(folder): float(logged[name].values[-1])
                for folder, logged in zip(folders, scalars[label], strict=True)
                if name in logged
            }
            measured = Measurement(label, name, images, values)
            (found if name == metric else classes).append(measured)
    return found, classes


def validation_images(work_dir: Path) -> str | None:
    """The validation dataset in the config that a training left, without its pipeline.

    The config is read, not executed.

    Args:
        work_dir (Path): Work folder of a training.

    Returns:
        str | None: As Python text; None if there is not exactly one config, or it has no such
        dataset.
    """
    files = list(work_dir.glob('*.py'))
    try:
        (text,) = (file.read_text('utf-8') for file in files)
        statements = ast.parse(text).body
    except (ValueError, SyntaxError):
        return None
    for node in statements:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == 'val_dataloader':
            for call in ast.walk(node):
                if isinstance(call, ast.Call):
                    call.keywords = [k for k in call.keywords if k.arg != 'pipeline']
            keywords = getattr(node.value, 'keywords', ())
            return next((ast.unparse(k.value) for k in keywords if k.arg == 'dataset'), None)
    return None


def _seed(folder: Path) -> int | None:
    match = SEED.search(folder.name)
    return int(match[1]) if match else None
