"""Train several configs over several seeds, and put their results side by side."""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from prettytable import PrettyTable

from ..atomic import write_atomically
from ..config_index import resource_root
from ..engine.checkpoint import latest_checkpoint, load_checkpoint_file
from ..engine.launch import load_config
from ..visualization import (
    Progress,
    Report,
    Tile,
    class_legend,
    colorize,
    make_grid,
    make_panel,
    read_scalars,
    save_image,
)
from ..visualization.run_report import add_curves, add_panels, latest_panels

PROGRESS_LINE = re.compile(r'Iter\(train\) *\[ *(\d+)/(\d+)\]')
DONE = 'done.json'


@dataclass(frozen=True)
class Run:
    """One line of a comparison.

    Attributes:
        name (str): Name of its folders and label in tables, such as ``advsemi``.
        config (str): Config file, or name of a shipped config.
        cfg_options (dict): Values to override, by dotted key.
    """

    name: str
    config: str
    cfg_options: dict = field(default_factory=dict)


class Comparison:
    """Trains each run with each seed and reports.

    Finished trainings are not repeated, interrupted ones are resumed.

    Args:
        runs (Sequence[Run]): The first is the baseline that the others are compared with.
        seeds (Sequence[int]): Random seeds.
        work_dir (str | Path): Folder for ``<run>_seed<seed>`` and the report.

    Raises:
        ValueError: If two runs have one name.
    """

    def __init__(self, runs: Sequence[Run], seeds: Sequence[int], work_dir: str | Path) -> None:
        names = [run.name for run in runs]
        if len(set(names)) < len(names):
            raise ValueError(f'runs need names of their own, got {names}')
        self.runs, self.seeds, self.work_dir = list(runs), list(seeds), Path(work_dir)

    def train(self, jobs: int | None = None) -> None:
        """Train what is missing.

        Args:
            jobs (int, optional): Trainings at a time. Defaults to 1 with a GPU, else to the number
                of CPU cores: small networks gain little from several threads.

        Raises:
            RuntimeError: If a training fails; it names the log.
        """
        pairs = [(run, seed) for seed in self.seeds for run in self.runs]
        cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
        jobs = min(jobs or (1 if torch.cuda.is_available() else cores), len(pairs))
        environment = dict(os.environ)
        environment.setdefault('OMP_NUM_THREADS', str(max(1, cores // jobs)))
        total = sum(self._config(run, seed).train_cfg.max_iters for run, seed in pairs)
        with (
            Progress(total, f'iterations of {len(pairs)} trainings') as progress,
            ThreadPoolExecutor(jobs) as pool,
        ):
            futures = [pool.submit(self._train_one, *pair, progress, environment) for pair in pairs]
            try:
                for future in as_completed(futures):
                    future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def results(self) -> dict[str, list[float]]:
        """Last validation mIoU, in percent, of each run by seed."""
        return {
            run.name: [
                float(read_scalars(self._folder(run, seed))['mIoU'].values[-1])
                for seed in self.seeds
            ]
            for run in self.runs
        }

    def table(self) -> tuple[list[str], list[list]]:
        """Headers and rows: mean, standard deviation and difference to the first run."""
        headers = ['run', 'seeds', 'mIoU', 'std', 'against ' + self.runs[0].name, 'by seed']
        results = self.results()
        baseline = np.mean(results[self.runs[0].name])
        rows = []
        for name, values in results.items():
            spread = np.std(values, ddof=1) if len(values) > 1 else None
            by_seed = ', '.join(f'{value:.2f}' for value in values)
            difference = f'{np.mean(values) - baseline:+.2f}'
            rows.append([name, len(values), float(np.mean(values)), spread, difference, by_seed])
        return headers, rows

    def print_table(self) -> None:
        """Write the table to the console."""
        table = PrettyTable()
        table.field_names, rows = self.table()
        table.float_format = '.2'
        table.add_rows([['' if cell is None else cell for cell in row] for row in rows])
        print(table)

    def report(self, title: str, text: str = '', num_images: int = 6) -> Path:
        """Write ``report.html``, self-contained, and ``comparison.png`` and ``results.json``.

        Args:
            title (str): Title of the page.
            text (str): Introduction.
            num_images (int): Validation images to predict with every run.

        Returns:
            Path: The report.
        """
        self.work_dir.mkdir(parents=True, exist_ok=True)
        write_atomically(self.work_dir / 'results.json', json.dumps(self.results(), indent=2))
        picture = self._picture(num_images)
        report = Report(title, text)
        report.heading('Results')
        report.table(
            *self.table(),
            'Validation mIoU (percent) after the last iteration; mean and sample standard '
            'deviation over seeds.',
        )
        report.heading('The same images, every run')
        report.figure(picture, f'Seed {self.seeds[0]}.', alt='Predictions of all runs.')
        folders = {run.name: [self._folder(run, s) for s in self.seeds] for run in self.runs}
        add_curves(report, {k: [read_scalars(f) for f in v] for k, v in folders.items()})
        add_panels(report, {k: latest_panels(v[0])[:3] for k, v in folders.items()})
        commands = [shlex.join(self._command(run, s)) for run in self.runs for s in self.seeds]
        report.code('\n'.join(commands), 'Commands')
        return report.save(self.work_dir / 'report.html')

    def _folder(self, run: Run, seed: int) -> Path:
        return self.work_dir / f'{run.name}_seed{seed}'

    def _config(self, run: Run, seed: int) -> Config:
        options = {**run.cfg_options, 'randomness.seed': seed}
        return load_config(run.config, str(self._folder(run, seed)), cfg_options=options)

    def _command(self, run: Run, seed: int) -> list[str]:
        options = {**run.cfg_options, 'randomness.seed': seed}
        return [
            'python', 'tools/train.py', run.config, '--work-dir', str(self._folder(run, seed)),
            '--resume', '--cfg-options', *(f'{key}={value}' for key, value in options.items()),
        ]  # fmt: skip

    def _train_one(self, run: Run, seed: int, progress: Progress, environment: dict) -> None:
        folder, cfg = self._folder(run, seed), self._config(run, seed)
        fingerprint = hashlib.sha256(cfg.pretty_text.encode()).hexdigest()
        self._check_fingerprint(folder, fingerprint)
        if (folder / DONE).exists():
            progress.update(cfg.train_cfg.max_iters)
            return
        write_atomically(folder / 'fingerprint', fingerprint)
        command = self._command(run, seed)
        command[:2] = [sys.executable, str(resource_root() / 'tools/train.py')]
        log, done = folder / 'console.log', 0
        with (
            open(log, 'a', buffering=1) as file,
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
            ) as process,
        ):
            for line in process.stdout:
                file.write(line)
                if match := PROGRESS_LINE.search(line):
                    progress.update(int(match[1]) - done)
                    done = int(match[1])
        if process.returncode:
            tail = ''.join(log.read_text().splitlines(keepends=True)[-3:])
            raise RuntimeError(f'{shlex.join(command)} failed; see {log}. It ended with:\n{tail}')
        progress.update(cfg.train_cfg.max_iters - done)
        write_atomically(folder / DONE, json.dumps(dict(command=command)))

    def _check_fingerprint(self, folder: Path, fingerprint: str) -> None:
        file = folder / 'fingerprint'
        if file.exists() and file.read_text() != fingerprint:
            raise RuntimeError(
                f'{folder} holds a training of another config; choose another folder, or '
                'delete this one to train again'
            )

    def _picture(self, num_images: int) -> np.ndarray:
        """Image, ground truth and the prediction of each run, one row per image."""
        seed = self.seeds[0]
        predictions = []
        for run in self.runs:
            cfg = self._config(run, seed)
            dataset, masks = predict(cfg, latest_checkpoint(self._folder(run, seed)), num_images)
            predictions.append(masks)
        classes, palette = dataset.metainfo['classes'], dataset.metainfo['palette']
        rows = []
        for index in range(len(predictions[0])):
            item = dataset[index]
            image = item['inputs'].numpy().transpose(1, 2, 0)[..., ::-1]
            truth = item['data_samples'].gt_sem_seg.data[0].numpy()
            masks = {'ground truth': truth}
            masks |= {run.name: p[index] for run, p in zip(self.runs, predictions, strict=True)}
            tiles = [Tile('image', np.ascontiguousarray(image))]
            tiles += [Tile(t, colorize(m, palette), smooth=False) for t, m in masks.items()]
            rows.append(make_panel(tiles, class_legend(masks.values(), classes, palette)))
        picture = make_grid(rows)
        save_image(picture, self.work_dir / 'comparison.png')
        return picture


@torch.no_grad()
def predict(cfg: Config, checkpoint: str, number: int) -> tuple:
    """Predict the first images of a config's validation set.

    Args:
        cfg (Config): Complete config.
        checkpoint (str): Its checkpoint.
        number (int): Of images.

    Returns:
        tuple: The dataset, and a list of class index maps, (H, W).
    """
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    model = MODELS.build(cfg.model)
    model.load_state_dict(load_checkpoint_file(checkpoint, 'cpu')['state_dict'])
    model.eval()
    masks = []
    for index in range(min(number, len(dataset))):
        item = dataset[index]
        batch = dict(inputs=[item['inputs']], data_samples=[item['data_samples']])
        masks.append(model.test_step(batch)[0].pred_sem_seg.data[0].numpy())
    return dataset, masks
