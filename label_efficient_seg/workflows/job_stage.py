"""Jobs as stages of a workflow."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ..core.errors import UnknownArgumentError
from ..core.suggest import did_you_mean
from ..job_settings import command_words
from ..jobs import AffinityScoreJob, CAMJob, EntropyRankJob, ProposalJob, PseudoMaskJob
from ..jobs.base import ImageFileJob
from .html_report import Report
from .stages import STAGES, Result, Stage, command_line_options, config_content


class JobStage(Stage):
    """Runs a job with its verb of the command ``les``.

    Args:
        config (str): Config file, or name of a shipped config.
        cfg_options (dict, optional): Values to override, by dotted key.
        **settings: Settings of the job.

    Raises:
        UserError: If the job refuses a setting, or has none of that name.
    """

    job: type[ImageFileJob]
    distributed = True

    def __init_subclass__(cls) -> None:
        cls.outputs, cls.tool = tuple(cls.job.outputs), cls.job.verb

    def __init__(self, config: str, cfg_options: dict | None = None, **settings: Any) -> None:
        known = [setting.name for setting in fields(self.job.Settings)]
        for name in settings.keys() - known:
            raise UnknownArgumentError(
                f'{type(self).__name__} has no setting {name!r}; {did_you_mean(name, known)}'
            )
        self.config, self.cfg_options = config, dict(cfg_options or {})
        self.settings = self.job.Settings(**settings)

    def definition(self, seed: int) -> Any:
        content = config_content(self.config, self.cfg_options)
        content = content.to_dict() if content else [self.config, self.cfg_options]
        return asdict(self.settings) | dict(content=content)

    def arguments(self, folder: Path, seed: int) -> list[str]:
        words = [self.config, *command_words(self.settings), '--out', str(folder)]
        return words + command_line_options(self.cfg_options)

    def collect(self, folder: Path) -> Result:
        summary = json.loads((folder / f'{self.job.name}.json').read_text('utf-8'))
        return Result(
            outputs={name: folder / path for name, path in self.job.outputs.items()},
            metrics=self.job.key_metrics(summary),
            note=self.job.note(summary),
        )

    def describe(self, report: Report, folder: Path) -> None:
        if not self.job.title:
            return
        report.heading(self.job.title)
        for pattern, caption in self.job.plots.items():
            for picture in sorted(folder.glob(pattern)):
                report.plot(picture, caption)
        report.gallery(
            [
                (picture, caption)
                for pattern, caption in self.job.gallery.items()
                for picture in sorted(folder.glob(pattern))
            ]
        )


@STAGES.register_module()
class CAMStage(JobStage):
    """Writes class activation maps."""

    job = CAMJob


@STAGES.register_module()
class AffinityScoreStage(JobStage):
    """Refines CAMs by the images."""

    job = AffinityScoreJob


@STAGES.register_module()
class PseudoMaskStage(JobStage):
    """Refines CAMs by a trained AffinityNet and writes pseudo masks."""

    job = PseudoMaskJob


@STAGES.register_module()
class ProposalStage(JobStage):
    """Makes object proposals."""

    job = ProposalJob


@STAGES.register_module()
class EntropyRankStage(JobStage):
    """Divides target images into easy and hard ones."""

    job = EntropyRankJob
