"""What came out of a workflow, in tables and pictures."""

import json
import shlex
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from prettytable import PrettyTable

from ..core.atomic import write_atomically
from ..core.logs import read_scalars
from ..core.progress import format_seconds
from ..core.weights import load_checkpoint
from ..visualization import Tile, class_legend, colorize, make_grid, make_panel, save_image
from .html_report import Report
from .node import Node
from .run_report import add_curves, add_panels, latest_panels
from .workflow import Workflow, describe_metrics


def print_states(workflow: Workflow, again: str | None = None, processes: int = 1) -> None:
    """Write how far each stage is, and its command, to the console.

    Args:
        workflow (Workflow): The workflow.
        again (str, optional): Stage to run again even if it is finished.
        processes (int): Of each stage that can be distributed.
    """
    headers = ['stage', 'seed', 'state', 'why', 'command']
    rows = [
        [node.name, node.seed, *state, shlex.join(node.command(processes=processes))]
        for node, state in workflow.states(again).items()
    ]
    _print(headers, rows, border=False, align='l', left_padding_width=0)


def result_table(workflow: Workflow) -> tuple[list[str], list[list]]:
    """Headers and rows of the finished results that have their metric.

    The columns are the mean and sample standard deviation over the seeds, the difference of the
    means to the first result with the same metric, the values by seed, and the mean of the minutes.

    Args:
        workflow (Workflow): The workflow.
    """
    headers = ['run', 'seeds', 'mean', 'std', 'difference', 'by seed', 'minutes']
    rows, baselines = [], {}
    finished = _finished(workflow)
    for name in workflow.results:
        stage, _, metric = name.partition('.')
        records = [node.folder.record for node in finished[stage]]
        metric = metric or 'mIoU'
        values = [r['metrics'][metric] for r in records if metric in r['metrics']]
        if not values:
            continue
        mean, spread = float(np.mean(values)), np.std(values, ddof=1) if len(values) > 1 else None
        difference = f'{mean - baselines.setdefault(metric, mean):+.2f}'
        by_seed = ', '.join(f'{value:.2f}' for value in values)
        minutes = float(np.mean([record['seconds'] for record in records])) / 60
        rows.append([name, len(values), mean, spread, difference, by_seed, minutes])
    return headers, rows


def print_results(workflow: Workflow) -> None:
    """Write the table of results to the console, if there is any."""
    headers, rows = result_table(workflow)
    if rows:
        _print(headers, rows, float_format='.2')


def write_report(workflow: Workflow, num_images: int = 6) -> Path:
    """Write ``report.html``, self-contained, and ``results.json`` and ``comparison.png``.

    Args:
        workflow (Workflow): The workflow; its finished stages are reported.
        num_images (int): Validation images to predict with every result.

    Returns:
        Path: The report.
    """
    finished = _finished(workflow)
    metrics = {
        name: {node.seed or 0: node.folder.record['metrics'] for node in nodes}
        for name, nodes in finished.items()
    }
    write_atomically(workflow.work_dir / 'results.json', json.dumps(metrics, indent=2))
    report = Report(workflow.title, workflow.introduction)
    headers, rows = result_table(workflow)
    if rows:
        report.heading('Results')
        report.table(
            headers,
            rows,
            'mIoU, or the metric that is named, in percent: mean and sample standard deviation '
            'over seeds, and difference to the first run with that metric. Minutes of one seed.',
        )
    _add_pictures(report, workflow, finished, num_images)
    folders = {k: [n.folder.path for n in nodes] for k, nodes in finished.items() if nodes}
    add_curves(report, {k: [read_scalars(f) for f in v] for k, v in folders.items()})
    add_panels(report, {k: latest_panels(v[0])[:3] for k, v in folders.items()})
    _add_stages(report, workflow)
    return report.save(workflow.work_dir / 'report.html')


def _finished(workflow: Workflow) -> dict[str, list[Node]]:
    """Finished nodes of each stage that results name."""
    finished = [node for node, state in workflow.states().items() if state.name == 'finished']
    names = dict.fromkeys(result.partition('.')[0] for result in workflow.results)
    return {name: [n for n in finished if n.name == name] for name in names}


def _add_stages(report: Report, workflow: Workflow) -> None:
    """Table of all stages, what they show, and their commands."""
    rows, commands, shown = [], [], []
    for node, state in workflow.states().items():
        row = [node.name, node.seed, ' '.join(filter(None, [state.name, state.why])), None, None]
        if state.name == 'finished':
            record = node.folder.record
            row[3:] = describe_metrics(record), format_seconds(record['seconds'])
            commands.append(record['command'])
            shown += [node] if node.seed in (None, workflow.seeds[0]) else []
        rows.append(row)
    report.heading('Stages')
    report.table(['stage', 'seed', 'state', 'metrics', 'time'], rows)
    for node in shown:
        node.stage.describe(report, node.folder.path)
    if commands:
        report.code('\n'.join(commands), 'Commands')


def _add_pictures(
    report: Report, workflow: Workflow, finished: dict[str, list[Node]], num_images: int
) -> None:
    """Predictions of each result that leaves a config and a checkpoint, with the first seed."""
    predictions = {}
    for name, nodes in finished.items():
        for node in nodes[:1]:
            outputs = node.folder.record['outputs']
            if {'config', 'checkpoint'} <= outputs.keys():
                files = (node.folder.path / outputs[key] for key in ('config', 'checkpoint'))
                dataset, predictions[name] = predict(*files, num_images)
    if not predictions:
        return
    picture = draw_predictions(dataset, predictions)
    save_image(picture, workflow.work_dir / 'comparison.png')
    report.heading('The same images, every run')
    report.plot(picture, f'Seed {workflow.seeds[0]}.', alt='Predictions of all runs.')


def draw_predictions(dataset: object, predictions: dict[str, list[np.ndarray]]) -> np.ndarray:
    """Image, ground truth and the prediction of each run, one row per image.

    Args:
        dataset: Its first items have been predicted.
        predictions (dict[str, list[np.ndarray]]): Class index maps, (H, W), by name of the run.

    Returns:
        np.ndarray: RGB image, (H, W, 3), uint8.
    """
    classes, palette = dataset.metainfo['classes'], dataset.metainfo['palette']
    rows = []
    for index, masks in enumerate(zip(*predictions.values(), strict=True)):
        item = dataset[index]
        image = item['inputs'].numpy().transpose(1, 2, 0)[..., ::-1]
        truth = item['data_samples'].gt_sem_seg.data[0].numpy()
        named = dict(zip(['ground truth', *predictions], [truth, *masks], strict=True))
        tiles = [Tile('image', np.ascontiguousarray(image))]
        tiles += [Tile(t, colorize(m, palette), smooth=False) for t, m in named.items()]
        rows.append(make_panel(tiles, class_legend(named.values(), classes, palette)))
    return make_grid(rows)


@torch.no_grad()
def predict(config: Path, checkpoint: Path, number: int) -> tuple:
    """Predict the first images of a config's validation set.

    Args:
        config (Path): Complete config.
        checkpoint (Path): Its checkpoint.
        number (int): Of images.

    Returns:
        tuple: The dataset, and a list of class index maps, (H, W).
    """
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    model = MODELS.build(cfg.model)
    model.load_state_dict(load_checkpoint(checkpoint)['state_dict'])
    model.eval()
    masks = []
    for index in range(min(number, len(dataset))):
        item = dataset[index]
        batch = dict(inputs=[item['inputs']], data_samples=[item['data_samples']])
        masks.append(model.test_step(batch)[0].pred_sem_seg.data[0].numpy())
    return dataset, masks


def _print(headers: list[str], rows: list[list], **style: object) -> None:
    table = PrettyTable(headers, **style)
    table.add_rows([['' if cell is None else cell for cell in row] for row in rows])
    print('\n'.join(line.rstrip() for line in table.get_string().splitlines()))
