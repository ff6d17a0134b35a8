"""What the command ``les`` does, as one function for each of its verbs.

Configs are files or names of shipped configs. Errors that a person can fix are
:class:`~.core.errors.UserError`. Example::

    from label_efficient_seg import api

    folder = api.train('advsemi/deeplabv2_r18_toy_semi')
    api.publish('advsemi/deeplabv2_r18_toy_semi', folder / 'iter_2000.pth', 'model')
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from mmengine.config import Config

from . import converters, projects, workflows
from .converters import convert_labels
from .converters.annotations import export_masks, import_masks
from .core.errors import UserError
from .core.quiet import quiet_logger
from .core.weights import trusting_checkpoints
from .datasets.checks.check_report import CheckReport
from .datasets.checks.checking import check_config
from .datasets.checks.streams import Finding
from .datasets.files.dataset_copies import resize_dataset, weather_dataset
from .datasets.files.make_class_embeddings import make_class_embeddings as embeddings
from .datasets.files.make_split import check_split
from .datasets.files.make_split import make_split as split
from .engine import launch, work_folder
from .engine import publish as publishing
from .engine.hooks.start_check import start_faults
from .job_api import (
    FilePath,
    Launcher,
    browse,
    cams,
    deconvnet_panels,
    masks,
    predict,
    proposals,
    rank,
    scores,
    sign_panels,
)

__all__ = [
    'browse',
    'cams',
    'check',
    'check_project',
    'check_split',
    'compare',
    'convert',
    'convert_labels',
    'deconvnet_panels',
    'embeddings',
    'export_masks',
    'import_masks',
    'masks',
    'new',
    'predict',
    'proposals',
    'publish',
    'rank',
    'report',
    'resize_dataset',
    'run',
    'scores',
    'sign_panels',
    'split',
    'test',
    'train',
    'weather_dataset',
]


def new(
    kind: Literal['semi', 'adapt', 'weak', 'zero'], *cards: FilePath, out: FilePath, **options: Any
) -> Path:
    """Write a project from data cards: configs of a method and its baselines, and a workflow.

    Args:
        kind (str): ``semi``, masks for some of the images; ``adapt``, masks of one domain and
            photos of another; ``weak``, the classes of whole images; or ``zero``, masks for some of
            the classes.
        *cards (str | PathLike): Data card, see :func:`~.datasets.files.data_card.read_card`; source
            and target of ``adapt``.
        out (str | PathLike): Folder to write, which must not hold anything.
        **options (Any): Of :func:`~.projects.new_semi`, ``new_adapt``, ``new_weak`` or
            ``new_zero``.

    Returns:
        Path: The folder.
    """
    makers: dict[str, Callable[..., Path]] = dict(
        semi=projects.new_semi,
        adapt=projects.new_adapt,
        weak=projects.new_weak,
        zero=projects.new_zero,
    )
    return makers[kind](*cards, out=out, **options)


def train(
    config: str,
    work_dir: str | None = None,
    *,
    resume: bool = False,
    amp: bool = False,
    cfg_options: dict[str, Any] | None = None,
    launcher: Launcher = 'none',
    trust_checkpoint: bool = False,
) -> Path:
    """Train a config.

    Args:
        config (str): Config file, or name of a shipped config.
        work_dir (str, optional): Folder for logs and checkpoints. Defaults to the config's own, or
            ``work_dirs/<name of the config>``.
        resume (bool): Continue from the newest complete checkpoint in the folder.
        amp (bool): Networks in half precision, fp16 on a GPU and bfloat16 on a CPU, and in
            channels-last format.
        cfg_options (dict, optional): Values to override, by dotted key.
        launcher (str): What has started this process as one of several.
        trust_checkpoint (bool): Allow checkpoints to run code when they are loaded.

    Returns:
        Path: The folder.
    """
    with trusting_checkpoints(trust_checkpoint):
        cfg = launch.load_config(config, work_dir, launcher, cfg_options)
        launch.check_trainable(cfg)
        if amp:
            launch.enable_amp(cfg)
        if resume:
            launch.set_resume(cfg)
        with work_folder.claimed_folder(cfg), launch.named_arguments(cfg):
            launch.init_cpu_processes(cfg)
            launch.build_runner(cfg).train()
    return Path(cfg.work_dir)


def test(
    config: str,
    checkpoint: str,
    work_dir: str | None = None,
    *,
    out: str | None = None,
    show_dir: str | None = None,
    tta: bool = False,
    cfg_options: dict[str, Any] | None = None,
    launcher: Launcher = 'none',
    trust_checkpoint: bool = False,
) -> dict[str, float]:
    """Test a checkpoint on the images of ``test_dataloader``, which have masks.

    Args:
        config (str): Config file, or name of a shipped config.
        checkpoint (str): Checkpoint file.
        work_dir (str, optional): As for :func:`train`.
        out (str, optional): Folder for predictions as PNG files of class indices.
        show_dir (str, optional): Folder for panels: image, ground truth, prediction, ...
        tta (bool): Average over scales and flips.
        cfg_options (dict, optional): Values to override, by dotted key.
        launcher (str): What has started this process as one of several.
        trust_checkpoint (bool): Allow the checkpoint to run code when it is loaded.

    Returns:
        dict[str, float]: The metrics by name.
    """
    with trusting_checkpoints(trust_checkpoint):
        cfg = launch.load_config(config, work_dir, launcher, cfg_options)
        launch.prepare_test(cfg, checkpoint, out, show_dir, tta)
        launch.init_cpu_processes(cfg)
        with launch.named_arguments(cfg):
            return launch.build_runner(cfg).test()


def run(
    workflow: str,
    work_dir: str | None = None,
    *,
    seeds: Sequence[int] = (0,),
    jobs: int | None = None,
    gpus: int = 1,
    again: str | None = None,
    only: Sequence[str] | None = None,
    dry_run: bool = False,
    slurm: str | None = None,
    slurm_options: dict[str, Any] | None = None,
    amp: bool = False,
    cfg_options: dict[str, Any] | None = None,
) -> Path | None:
    """Run the stages of a workflow that are missing, and report all.

    Args:
        workflow (str): Folder of :func:`new`, ``workflow_*.py``, or name of a shipped workflow.
        work_dir (str, optional): Defaults to ``runs`` in the folder, or to
            ``work_dirs/<name of the workflow>``.
        seeds (Sequence[int]): Seeds.
        jobs (int, optional): Stages at a time. Defaults to the number of CPU cores, or 1 on a GPU.
        gpus (int): GPUs, or processes, of each training.
        again (str, optional): A finished stage that runs again, with all that depend on it.
        only (Sequence[str], optional): The stages to run.
        dry_run (bool): Print how far each stage is and its command, and run nothing.
        slurm (str, optional): Partition of a Slurm cluster that the stages run on, each as a job of
            its own with ``gpus`` GPUs. Needs the package ``submitit``.
        slurm_options (dict, optional): Long options of ``sbatch`` for these jobs.
        amp (bool): Mixed precision in every training, see :func:`train`.
        cfg_options (dict, optional): Values to override in the configs of all stages.

    Returns:
        Path | None: The report; None after a dry run.
    """
    if Path(workflow).is_dir():
        work_dir = work_dir or str(Path(workflow, projects.RUNS))
        workflow = str(projects.find_workflow(workflow))
    made = workflows.Workflow.from_file(
        workflow, work_dir, seeds=seeds, cfg_options=cfg_options, amp=amp
    )
    if dry_run:
        workflows.print_states(made, again, gpus, only)
        return None
    cluster = workflows.SlurmJobs(slurm, slurm_options, gpus) if slurm else None
    made.run(jobs, gpus, again, only, cluster)
    workflows.print_results(made)
    return workflows.write_report(made)


def compare(
    work_dir: FilePath,
    runs: Sequence[Sequence[str]],
    *,
    seeds: Sequence[int] = (0,),
    jobs: int | None = None,
    title: str = 'Comparison',
    images: int = 6,
    amp: bool = False,
    cfg_options: dict[str, Any] | None = None,
) -> Path:
    """Train several configs over several seeds and report them side by side.

    Args:
        work_dir (str | PathLike): Folder for the trainings and the report.
        runs (Sequence[Sequence[str]]): Name and config of each; the first is the baseline.
        seeds (Sequence[int]): Seeds.
        jobs (int, optional): Trainings at a time. As for :func:`run`.
        title (str): Of the report.
        images (int): Validation images to show.
        amp (bool): Mixed precision in every training, see :func:`train`.
        cfg_options (dict, optional): Values to override in the config of every run.

    Returns:
        Path: The report.
    """
    stages = [dict(name=name, type='TrainStage', config=config) for name, config in runs]
    workflow = workflows.Workflow(
        stages, Path(work_dir), seeds, title=title, cfg_options=cfg_options, amp=amp
    )
    workflow.run(jobs)
    workflows.print_results(workflow)
    return workflows.write_report(workflow, images)


def report(
    work_dirs: Sequence[FilePath],
    out: FilePath | None = None,
    *,
    title: str = 'Training report',
    panels: int = 4,
) -> Path:
    """Write an HTML report of trainings from their work folders.

    Args:
        work_dirs (Sequence[str | PathLike]): Folder of :func:`new`, or work folders; those called
            ``NAME_seed0``, ``NAME_seed1``, ... are drawn as one run.
        out (str | PathLike, optional): The HTML file. Defaults to ``report.html``; that of a folder
            of :func:`new` is beside its runs.
        title (str): Of the page; a workflow has its own.
        panels (int): Panels of each run; a workflow has its own.

    Returns:
        Path: The file.
    """
    if len(work_dirs) > 1 or not projects.is_project(work_dirs[0]):
        made = workflows.build_run_report(work_dirs, title, max_panels=panels)
        return made.save(out or 'report.html')
    if out:
        raise UserError(f"the report of '{work_dirs[0]}' is beside its runs; leave out --out")
    runs = Path(work_dirs[0], projects.RUNS)
    seeds = sorted({int(path.name.rpartition('_seed')[2]) for path in runs.glob('*_seed*[0-9]')})
    if not seeds:
        raise UserError(f"'{runs}' holds no runs yet; les run {work_dirs[0]} makes them")
    file = projects.find_workflow(work_dirs[0])
    return workflows.write_report(workflows.Workflow.from_file(str(file), runs, seeds=seeds))


def check(
    config: str,
    *,
    workers: int | None = None,
    max_images: int | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> CheckReport:
    """Check the data of a config: files, sizes, labels and splits, and whether training starts.

    Args:
        config (str): Config file, or name of a shipped config.
        workers (int, optional): Threads that read files.
        max_images (int, optional): Images to read of each stream, evenly spaced. Defaults to all.
        cfg_options (dict, optional): Values to override, by dotted key.

    Returns:
        CheckReport: Streams and ``findings``.
    """
    cfg = launch.load_config(config, cfg_options=cfg_options)
    report = check_config(cfg, workers, max_images)
    if not report.findings:
        report.findings += _start_findings(cfg)
    return report


def _start_findings(cfg: Config) -> list[Finding]:
    with quiet_logger():
        return [Finding(part, 'start', text) for part, text in start_faults(cfg)]


def check_project(folder: FilePath, **options: Any) -> dict[str, CheckReport]:
    """Check the data of all trainings of a folder of :func:`new`.

    Data that several trainings read are read once. Trainings that learn from what other stages
    leave are left out.

    Args:
        folder (str | PathLike): The folder.
        **options (Any): Of :func:`check`.

    Returns:
        dict[str, CheckReport]: By name of the stage.
    """
    workflow = workflows.Workflow.from_file(str(projects.find_workflow(folder)), Path(folder))
    reports: dict[str, CheckReport] = {}
    checked: list[Any] = []
    for node in workflow.nodes:
        stage = node.stage
        if not isinstance(stage, workflows.TrainStage) or stage.learns_from_stages:
            continue
        cfg = launch.load_config(stage.config, cfg_options=options.get('cfg_options'))
        data = [cfg.get(f'{part}_dataloader') for part in ('train', 'val', 'test')]
        if data in checked:  # only its model is new
            reports[node.name] = CheckReport([], _start_findings(cfg))
        else:
            reports[node.name] = check(stage.config, **options)
        checked.append(data)
    return reports


def publish(
    config: str,
    checkpoint: str,
    out_dir: str,
    *,
    format: Literal['pth', 'safetensors'] = 'pth',
    teacher: bool = False,
    trust_checkpoint: bool = False,
) -> Path:
    """Publish a trained method as a plain MMSeg model, which works without this package.

    Args:
        config (str): The training config.
        checkpoint (str): A checkpoint of it.
        out_dir (str): New folder for the plain config and its weights.
        format (str): Of the weights, ``pth`` or ``safetensors``.
        teacher (bool): Publish the averaged teacher instead of the student.
        trust_checkpoint (bool): Allow the checkpoint to run code when it is loaded.

    Returns:
        Path: The plain config; its weights have the same name.
    """
    with trusting_checkpoints(trust_checkpoint):
        return publishing.publish(launch.load_config(config), checkpoint, out_dir, format, teacher)


def convert(
    kind: str,
    source: FilePath,
    target: FilePath,
    to: Literal['ours', 'official'] = 'ours',
    *,
    trust_checkpoint: bool = False,
    **options: Any,
) -> converters.Conversion:
    """Convert released weights into those of this project, or back.

    Args:
        kind (str): ``advent``, ``adaptsegnet``, ``advsemi``, ``affinitynet``, ``deconvnet``,
            ``sign``, ``mxnet-resnet38``, ``caffe-vgg16``, ``torchvision-vgg16`` or
            ``torchvision-mobilenetv2``.
        source (str | PathLike): Weights to read.
        target (str | PathLike): The ``.pth`` file to write.
        to (str): ``official`` is for the first four kinds only.
        trust_checkpoint (bool): Allow the source to run code when it is loaded.
        **options (Any): For ``sign``: its ``dataset``, and ``embeddings``, files of word vectors.

    Returns:
        Conversion: The weights, the config of the model, and what was left out or filled in.
    """
    with trusting_checkpoints(trust_checkpoint):
        return converters.convert_weights(kind, Path(source), Path(target), to, **options)
