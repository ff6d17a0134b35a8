"""Run the experiments of `docs/evidence.md` again, the most important first.

Each part is a shipped workflow, or one that `les new` writes from a card in `dev/cards`; what is
finished is not repeated, so an interrupted study goes on where it stopped. DATA holds
`VOCdevkit/VOC2012`, `camvid`, `idd_lite`, `msrc21` and `weights`; a part whose data is missing is
skipped and named. Examples::

    python dev/evidence.py data --list
    python dev/evidence.py data --out work_dirs/evidence
    python dev/evidence.py data --out work_dirs/evidence --only animals_8 weak --seeds 5
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LES = [sys.executable, '-m', 'label_efficient_seg']
SMALL_ANIMALS = 'voc_animals_256'
FOG = 'camvid_fog'
# Weights below DATA that are renamed: kind of conversion, and file below the output.
CONVERTED = {
    'weights/mobilenetv2_imagenet.pth': ('torchvision-mobilenetv2', 'mobilenetv2_mmseg.pth'),
    'weights/vgg16_convs_hed.fp16.safetensors': ('caffe-vgg16', 'vgg16_hed.pth'),
}
MOBILENET, HED = CONVERTED


@dataclass(frozen=True)
class New:
    """A workflow that `les new` writes.

    Attributes:
        kind (str): Of supervision.
        card (str): File in `dev/cards`.
        arguments (tuple[str, ...]): Beside network and weights.
    """

    kind: str
    card: str
    arguments: tuple[str, ...]

    def write(self, folder: Path, data: Path, out: Path) -> None:
        """Write the folder of configs from the card, whose data are elsewhere here."""
        text = (ROOT / 'dev' / 'cards' / self.card).read_text()
        places = {
            'data/voc_256': out / SMALL_ANIMALS,
            'data/msrc21': data / 'msrc21',
            '../..': ROOT,
        }
        for place, path in places.items():
            text = text.replace(place, str(path))
        card = out / self.card
        card.write_text(text)
        network = ('--network', 'deeplabv2_mobilenetv2', '--weights', out / CONVERTED[MOBILENET][1])
        call('new', self.kind, card, *network, *self.arguments, '--out', folder)


@dataclass(frozen=True)
class Part:
    """A table of the page.

    Attributes:
        title (str): What it compares.
        workflow (str | New): Name of a shipped workflow, or what writes one.
        seeds (int): Of the page.
        minutes (int): Of one core for a seed, see the page.
        needs (tuple[str, ...]): Files and folders below DATA.
        variables (Mapping[str, str]): Environment variables beside those of :func:`locations`.
        stages (tuple[str, ...]): Of the workflow, all by default.
    """

    title: str
    workflow: str | New
    seeds: int
    minutes: int
    needs: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    stages: tuple[str, ...] = ()


VOC = 'VOCdevkit/VOC2012'
ANIMALS = (VOC, MOBILENET)
MSRC = ('msrc21', MOBILENET)
PARTS = {
    **{
        f'animals_{n}': Part(
            f'semi-supervised, 1/{n}',
            'advsemi/workflow_voc-animals',
            5,
            30,
            ANIMALS,
            {'VOC_ANIMALS_LABELED': f'splits/voc_animals/1_{n}/labeled.txt'},
        )
        for n in (8, 16)
    },
    'animals_paper_rates': Part(
        'AdvSemiSeg, rates of the paper',
        'advsemi/workflow_voc-animals_paper-rates',
        3,
        25,
        ANIMALS,
    ),
    'idd': Part(
        'domain adaptation',
        'mic/workflow_camvid-to-idd-lite',
        5,
        20,
        ('camvid', 'idd_lite', 'weights/tf_efficientnet_lite0.safetensors'),
    ),
    'fog': Part(
        'adaptation to fog',
        'mic/workflow_camvid-to-idd-lite',
        5,
        15,
        ('camvid', 'weights/tf_efficientnet_lite0.safetensors'),
        {'CAMVID_TARGET': 'weather'},
        stages=(
            *('fit', 'source_only', 'adabn', 'minent', 'advent', 'advent_continued', 'rank'),
            *('intrada', 'dacs', 'mic'),
        ),
    ),
    'weak': Part('image tags', 'affinitynet/workflow_voc-animals', 3, 42, ANIMALS),
    'weak_objects': Part(
        'image tags, MSRC',
        New('weak', 'msrc_objects.yaml', ('--iterations', '400')),
        3,
        14,
        MSRC,
        stages=('cls', 'cam', 'scores', 'affinity', 'masks', 'cam_par'),
    ),
    **{
        f'zero_{n}': Part(
            f'zero-shot, split {n}',
            'sign/workflow_msrc',
            3,
            45,
            MSRC,
            {'CLASS_SPLIT': f'msrc_{n}'},
        )
        for n in (1, 2, 3)
    },
    **{
        f'zero_{name}': Part(
            f'zero-shot, {name} unseen',
            New('zero', 'voc_animals.yaml', ('--unseen', name, '--iterations', '300')),
            1,
            9,
            ANIMALS,
            stages=('training', 'transfer', 'self_training'),
        )
        for name in ('cow', 'dog', 'sheep', 'cat', 'horse')
    },
    'objects': Part('DeconvNet', 'deconvnet/workflow_voc-animals', 3, 35, (VOC,)),
    'objects_vgg16': Part(
        'DeconvNet on VGG-16',
        'deconvnet/workflow_voc-animals',
        3,
        45,
        (VOC, HED),
        {'NETWORK': 'vgg16'},
    ),
}


def locations(data: Path, out: Path) -> dict[str, str]:
    """Environment variables by which the shipped configs find data and weights."""
    return dict(
        VOC_ANIMALS_ROOT=str(out / SMALL_ANIMALS),
        MOBILENETV2_WEIGHTS=str(out / CONVERTED[MOBILENET][1]),
        VGG16_WEIGHTS=str(out / CONVERTED[HED][1]),
        CAMVID_ROOT=str(data / 'camvid'),
        CAMVID_WEATHER_ROOT=str(out / FOG),
        IDD_LITE_ROOT=str(data / 'idd_lite'),
        EFFICIENTNET_LITE0_WEIGHTS=str(data / 'weights' / 'tf_efficientnet_lite0.safetensors'),
        MSRC_ROOT=str(data / 'msrc21'),
    )


def prepare(part: Part, data: Path, out: Path) -> None:
    """Shrink the animals of VOC, rename weights, make fog; once."""
    if VOC in part.needs and not (out / SMALL_ANIMALS).exists():
        call('convert', 'resize', data / VOC, out / SMALL_ANIMALS, '--long-side', 256)
    for weights, (kind, name) in CONVERTED.items():
        if weights in part.needs and not (out / name).exists():
            call('convert', kind, data / weights, out / name)
    if part.variables.get('CAMVID_TARGET') == 'weather':
        call('convert', 'weather', data / 'camvid', out / FOG, '--weather', 'fog')


def call(*arguments: object, variables: Mapping[str, str] | None = None) -> bool:
    """Run a command of this package; whether it succeeded."""
    command = [*LES, *map(str, arguments)]
    print('+', *command[1:], flush=True)
    return not subprocess.run(command, cwd=ROOT, env={**os.environ, **(variables or {})}).returncode


def main() -> None:
    """Run the parts one after another, and say what failed or was left out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('data', type=Path, help='folder of data and weights')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/evidence'))
    parser.add_argument('--only', nargs='+', choices=PARTS, help='parts to run, all by default')
    parser.add_argument('--seeds', type=int, help='number of seeds of each part, not those below')
    parser.add_argument('--jobs', type=int, default=1, help='stages at a time')
    parser.add_argument('--list', action='store_true', help='print the parts and run nothing')
    args = parser.parse_args()
    data, out = args.data.resolve(), args.out.resolve()
    parts = {name: PARTS[name] for name in PARTS if not args.only or name in args.only}
    seeds = {name: args.seeds or part.seeds for name, part in parts.items()}
    left = sum(part.minutes * seeds[name] for name, part in parts.items())
    for name, part in parts.items():
        minutes = part.minutes * seeds[name]
        print(f'{name:19} {part.title:30} {seeds[name]} seeds, about {minutes} minutes of one core')
    print(f'together about {left / 60:.1f} hours, {args.jobs} stages at a time', flush=True)
    if args.list:
        return
    out.mkdir(parents=True, exist_ok=True)
    problems = []
    for name, part in parts.items():
        if missing := [str(data / path) for path in part.needs if not (data / path).exists()]:
            problems.append(f'{name}: skipped, as there is no {missing[0]}')
            continue
        prepare(part, data, out)
        start = time.monotonic()
        options = ('--seeds', *range(seeds[name]), '--jobs', args.jobs, '--work-dir', out / name)
        if part.stages:
            options += ('--only', *part.stages)
        variables = {**locations(data, out), **part.variables}
        workflow: str | Path
        if isinstance(part.workflow, New):
            workflow = out / f'{name}_configs'
            if not workflow.exists():
                part.workflow.write(workflow, data, out)
        else:
            workflow = part.workflow
        if not call('run', workflow, *options, variables=variables):
            problems.append(f'{name}: failed, see {out / name}')
        left -= part.minutes * seeds[name]
        took = (time.monotonic() - start) / 60
        print(f'{name}: {took:.0f} minutes; about {left} of one core are left', flush=True)
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))


if __name__ == '__main__':
    main()
