"""Run SIGN on the toy data with each teacher and each initialisation, and print all classes.

The stages are those of `configs/sign/workflow_toy.py`: initial weights, training, transfer and
self-training. Finished runs are kept, so that an interrupted study continues. Example::

    python dev/sign_variants.py --out work_dirs/sign_variants --seeds 0 1 2
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).resolve().parents[1]
CLASS_ROW = re.compile(r'\|\s*([\w -]+?)\s*\|\s*(seen|unseen)\s*\|\s*([\d.]+|nan)\s*\|')
MEANS = ('mIoU_seen', 'mIoU_unseen', 'hIoU')
INITIALISATIONS = {
    'kaiming': [],
    'pytorch': ['model.generator.init_cfg=[]', 'model.spatial_information.init_cfg=[]'],
}
TEACHERS = ('frozen', 'online')


def train(config: str, folder: Path, iterations: int, options: list[str]) -> Path:
    """Train a config of this project, unless that is done; returns its last checkpoint."""
    checkpoint = folder / f'iter_{iterations}.pth'
    if not checkpoint.is_file():
        command = [sys.executable, ROOT / 'tools' / 'train.py', ROOT / 'configs' / f'{config}.py']
        command += ['--work-dir', folder, '--cfg-options', *options]
        log = folder.with_suffix('.log')
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, 'w', encoding='utf-8') as file:
            if subprocess.run(command, cwd=ROOT, stdout=file, stderr=file).returncode:
                raise SystemExit(f'{config} failed; see {log}')
    return checkpoint


def class_results(folder: Path) -> dict[str, float]:
    """IoU of the classes in the last validation of a run and their means, from its log."""
    log = folder.with_suffix('.log').read_text(encoding='utf-8')
    table = log[log.rindex('per class results') :]
    results = {f'{kind} {name}': float(iou) for name, kind, iou in CLASS_ROW.findall(table)}
    return results | {name: float(re.findall(rf'{name}: ([\d.]+)', table)[-1]) for name in MEANS}


def run_seed(out: Path, seed: int) -> dict[str, dict[str, float]]:
    """All variants of a seed; results by their names."""
    weights = train(
        'toy/deeplabv2_r18_toy_pretrain_shapes', out / 'pretrain', 300, ['randomness.seed=0']
    )
    results = {}
    for name, options in INITIALISATIONS.items():
        folder = out / f'seed_{seed}' / name
        common = [f'randomness.seed={seed}', *options]
        start = train(
            'sign/deeplabv2_r18_toy_training',
            folder / 'training',
            300,
            [*common, f'model.backbone.init_cfg.checkpoint={weights}'],
        )
        transfer = train(
            'sign/deeplabv2_r18_toy_transfer',
            folder / 'transfer',
            300,
            [*common, f'load_from={start}'],
        )
        results[f'{name}, transfer'] = class_results(folder / 'transfer')
        for teacher in TEACHERS:
            train(
                'sign/deeplabv2_r18_toy_self-training',
                folder / teacher,
                150,
                [*common, f'load_from={transfer}', f'model.teacher={teacher}'],
            )
            results[f'{name}, {teacher} teacher'] = class_results(folder / teacher)
    return results


def print_table(results: dict[int, dict[str, dict[str, float]]]) -> None:
    """A Markdown table: each class, its IoU in the order of the seeds, and their mean."""
    variants = list(next(iter(results.values())))
    print(f'IoU in percent, seeds {", ".join(map(str, results))}; mean\n')
    print('| class |', ' | '.join(variants), '|')
    print('|---|' + '---|' * len(variants))
    for name in next(iter(results.values()))[variants[0]]:
        cells = []
        for variant in variants:
            values = [found[variant][name] for found in results.values()]
            cells.append(f'{" / ".join(f"{v:.1f}" for v in values)}; {mean(values):.1f}')
        print(f'| {name} |', ' | '.join(cells), '|')


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=Path('work_dirs/sign_variants'))
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    args = parser.parse_args()
    results = {seed: run_seed(args.out.resolve(), seed) for seed in args.seeds}
    print_table(results)


if __name__ == '__main__':
    main()
