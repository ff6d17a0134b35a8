"""The functions of :mod:`.api` that run a job on images."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from . import jobs, projects
from .core.weights import trusting_checkpoints
from .engine import launch
from .engine.trained_model import find_model
from .job_settings import (
    AffinityScoreSettings,
    CAMSettings,
    DeconvNetPanelSettings,
    EntropyRankSettings,
    PredictSettings,
    ProposalSettings,
    PseudoMaskSettings,
    SIGNPanelSettings,
)
from .jobs.browsing import browse_streams

FilePath = str | PathLike[str]
Launcher = Literal['none', 'pytorch', 'slurm', 'mpi']


def predict(
    model: str,
    photos: Sequence[FilePath],
    out: FilePath,
    *,
    config: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    launcher: Launcher = 'none',
    trust_checkpoint: bool = False,
    **settings: Any,
) -> dict[str, str]:
    """Write masks of photos.

    Args:
        model (str): Folder of :func:`new`, of a published model, or of a training; or a checkpoint.
        photos (Sequence[str | PathLike]): Images, folders of images, and ``.txt`` lists of images.
        out (str | PathLike): Folder to write to, see :class:`PredictJob`.
        config (str, optional): Config file, or name of a shipped config. Defaults to the one beside
            the checkpoint.
        cfg_options (dict, optional): Values to override, by dotted key.
        launcher (str): What has started this process as one of several.
        trust_checkpoint (bool): Allow the checkpoint to run code when it is loaded.
        **settings (Any): Of :class:`PredictSettings`, such as ``overlay=True`` or ``crf=True``.

    Returns:
        dict[str, str]: Why a photo could not be read, by its name.
    """
    if projects.is_project(model):
        model = str(projects.method_run(model))
    config, checkpoint = find_model(model, config)
    words = [str(photo) for photo in photos]
    with trusting_checkpoints(trust_checkpoint):
        cfg = launch.load_config(config, None, launcher, cfg_options)
        job = jobs.PredictJob(cfg, Path(out), PredictSettings(checkpoint, words, **settings))
        job.run()
    return job.failed


def browse(
    config: str,
    out: FilePath,
    *,
    number: int = 8,
    streams: Sequence[str] | None = None,
    checkpoint: str = '',
    cfg_options: dict[str, Any] | None = None,
) -> list[Path]:
    """Draw what each training stream of a config feeds to the model.

    Args:
        config (str): Config file, or name of a shipped config.
        out (str | PathLike): Folder, in which each stream gets one of its own.
        number (int): Images of each stream.
        streams (Sequence[str], optional): Names of the streams. Defaults to all.
        checkpoint (str): With one, only what the model learns from its unlabeled stream is drawn.
        cfg_options (dict, optional): Values to override, by dotted key.

    Returns:
        list[Path]: The pictures.
    """
    cfg = launch.load_config(config, cfg_options=cfg_options)
    return browse_streams(cfg, Path(out), number, streams, checkpoint)


def cams(config: str, out: FilePath, settings: CAMSettings, **kwargs: Any) -> Path:
    """Write class activation maps; ``kwargs`` as of :func:`run_job`."""
    return run_job(jobs.CAMJob, config, out, settings, **kwargs)


def scores(config: str, out: FilePath, settings: AffinityScoreSettings, **kwargs: Any) -> Path:
    """Refine class activation maps by the images; ``kwargs`` as of :func:`run_job`."""
    return run_job(jobs.AffinityScoreJob, config, out, settings, **kwargs)


def masks(config: str, out: FilePath, settings: PseudoMaskSettings, **kwargs: Any) -> Path:
    """Make pseudo masks of class activation maps; ``kwargs`` as of :func:`run_job`."""
    return run_job(jobs.PseudoMaskJob, config, out, settings, **kwargs)


def proposals(config: str, out: FilePath, settings: ProposalSettings, **kwargs: Any) -> Path:
    """Write object proposals; ``kwargs`` as of :func:`run_job`."""
    return run_job(jobs.ProposalJob, config, out, settings, **kwargs)


def rank(config: str, out: FilePath, settings: EntropyRankSettings, **kwargs: Any) -> Path:
    """Divide target images into easy and hard ones; ``kwargs`` as of :func:`run_job`."""
    return run_job(jobs.EntropyRankJob, config, out, settings, **kwargs)


def deconvnet_panels(
    config: str, out: FilePath, settings: DeconvNetPanelSettings, **kwargs: Any
) -> Path:
    """Draw what the parts of a DeconvNet contribute; ``kwargs`` as of :func:`run_job`."""
    return run_job(jobs.DeconvNetPanelJob, config, out, settings, **kwargs)


def sign_panels(config: str, out: FilePath, settings: SIGNPanelSettings, **kwargs: Any) -> Path:
    """Draw what SIGN makes of unseen classes; ``kwargs`` as of :func:`run_job`."""
    return run_job(jobs.SIGNPanelJob, config, out, settings, **kwargs)


def run_job(
    job: type[jobs.Job],
    config: str,
    out: FilePath,
    settings: Any,
    *,
    cfg_options: dict[str, Any] | None = None,
    launcher: Launcher = 'none',
    trust_checkpoint: bool = False,
) -> Path:
    """Run a job on the images of a config.

    Args:
        job (type[Job]): The job.
        config (str): Config file, or name of a shipped config.
        out (str | PathLike): Folder to write to.
        settings (Settings): Settings of the job.
        cfg_options (dict, optional): Values to override, by dotted key.
        launcher (str): What has started this process as one of several.
        trust_checkpoint (bool): Allow the checkpoint to run code when it is loaded.

    Returns:
        Path: The folder.
    """
    with trusting_checkpoints(trust_checkpoint):
        cfg = launch.load_config(config, None, launcher, cfg_options)
        job(cfg, Path(out), settings).run()
    return Path(out)
