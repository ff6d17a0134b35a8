"""Commands that run as jobs of a Slurm cluster, submitted by ``submitit``."""

import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import MissingPackageError, RunError, UserError
from .processes import log_tail

DEFAULTS = dict(time='24:00:00', cpus_per_task=4)


class SlurmJobs:
    """Submits commands, from any thread, and waits for each; as :class:`Processes` runs them.

    The folder of the workflow and the Python environment must be on file systems that all nodes
    share. Each job's own files are in ``slurm`` beside the log of the command.

    Args:
        partition (str): Of the cluster.
        options (Mapping[str, Any], optional): Long options of ``sbatch``, such as ``time`` or
            ``account``.
        gpus (int): GPUs of each job.
        cluster (str): ``slurm``; ``local`` runs the jobs on this machine, for tests.
        seconds (float): Between two looks at a job.

    Raises:
        UserError: If submitit is not installed, or there is no Slurm here.
    """

    def __init__(
        self,
        partition: str,
        options: Mapping[str, Any] | None = None,
        gpus: int = 1,
        cluster: str = 'slurm',
        seconds: float = 2,
    ) -> None:
        try:
            import submitit
        except ModuleNotFoundError as error:
            raise MissingPackageError(
                "--slurm needs submitit: pip install 'label_efficient_seg[slurm]'"
            ) from error
        self._executor = submitit.AutoExecutor
        if cluster == 'slurm' and not submitit.SlurmExecutor.affinity() > 0:
            raise UserError('there is no Slurm here: srun is not found; leave out --slurm')
        given = {name.replace('-', '_'): value for name, value in (options or {}).items()}
        self._options = {**DEFAULTS, 'partition': partition, 'gpus_per_node': gpus, **given}
        self._cluster, self._seconds = cluster, seconds
        self._running: set[Any] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def environments(self, jobs: int, processes: int = 1) -> list[dict[str, str]]:
        """Environment variables of the jobs, beside those that Slurm hands on.

        Args:
            jobs (int): At a time.
            processes (int): Of each.
        """
        threads = max(1, int(self._options['cpus_per_task']) // processes)
        return [{'OMP_NUM_THREADS': str(threads)}] * jobs

    def run(
        self,
        command: Sequence[str],
        log: Path,
        on_line: Callable[[str], None],
        environment: Mapping[str, str],
    ) -> None:
        """Submit a command and wait for its end.

        Args:
            command (Sequence[str]): Program and arguments.
            log (Path): File that its output is appended to, by the job.
            on_line (Callable[[str], None]): Called with each line of its output.
            environment (Mapping[str, str]): Environment variables.

        Raises:
            RunError: If it fails; it names the command, the log and the log's last lines.
        """
        log = log.absolute()
        log.touch()
        job = self._submit(command, log, environment)
        with open(log, encoding='utf-8', errors='replace') as lines:
            lines.seek(0, 2)
            done = False
            while not done:
                done = job.done()
                for line in lines:
                    on_line(line)
                if not done:
                    time.sleep(self._seconds)
        with self._lock:
            self._running.discard(job)
        if error := job.exception():
            raise RunError(
                f'{shlex.join(command)} failed as job {job.job_id} ({job.state}); see {log} and '
                f'{job.paths.stderr}. It ended with:\n{log_tail(log) or error}'
            )

    def stop(self) -> None:
        """Cancel what runs or waits; nothing can be submitted afterwards."""
        with self._lock:
            self._stopped = True
            for job in self._running:
                job.cancel(check=False)

    def _submit(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Any:
        variables = ' '.join(f'{name}={shlex.quote(text)}' for name, text in environment.items())
        line = f'exec env {variables} {shlex.join(command)} >> {shlex.quote(str(log))} 2>&1'
        executor = self._executor(folder=log.parent / 'slurm', cluster=self._cluster)
        executor.update_parameters(
            name=f'les-{log.parent.name}', slurm_additional_parameters=self._options
        )
        with self._lock:
            if self._stopped:
                raise RunError(f'{shlex.join(command)} was not submitted: interrupted')
            # Unlike a function of this package, the job finds this one without importing PyTorch.
            job = executor.submit(subprocess.run, ['sh', '-c', line], check=True)
            self._running.add(job)
        return job
