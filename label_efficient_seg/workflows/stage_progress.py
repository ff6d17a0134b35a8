"""Progress of a workflow: of each running stage, and of the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ..core.progress import Progress, format_rate, format_seconds
from .node import Node


@dataclass
class _Running:
    """What the lines of a running stage have said.

    Attributes:
        began (float): When it started.
        first (tuple[float, int]): When it said for the first time how much is done, and how much;
            a resumed stage does not begin at 0.
        last (tuple[float, int]): The same of the last time.
        total (int): How much there is to do.
    """

    began: float
    first: tuple[float, int] | None = None
    last: tuple[float, int] = (0, 0)
    total: int = 0

    def seconds_left(self, now: float) -> float | None:
        """Estimate from its own pace; None before that is known."""
        if self.first is None or self.last[1] <= self.first[1]:
            return None
        each = (self.last[0] - self.first[0]) / (self.last[1] - self.first[1])
        return max(0.0, each * (self.total - self.last[1]) - (now - self.last[0]))

    def describe(self, now: float) -> str:
        """Done, rate and time left, as far as they are known."""
        if self.first is None:
            return f'starting, {format_seconds(now - self.began)}'
        text = f'{self.last[1]}/{self.total}'
        if (left := self.seconds_left(now)) is not None:
            rate = format_rate(self.last[1] - self.first[1], self.last[0] - self.first[0])
            text += f'  {rate}  {format_seconds(left)} left'
        return text


class StageProgress(Progress):
    """Counts the iterations of all stages, and estimates how long the workflow still takes.

    Args:
        nodes (Sequence[Node]): What runs.
        jobs (int): Stages at a time.
        finished (Mapping[str, Sequence[float]]): Seconds of earlier runs by name of the stage, such
            as those of other seeds.
        **options: Of :class:`Progress`.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        jobs: int,
        finished: Mapping[str, Sequence[float]],
        **options: Any,
    ) -> None:
        self._nodes, self._jobs = list(nodes), jobs
        self._seconds = {name: list(seconds) for name, seconds in finished.items()}
        self._running: dict[Node, _Running] = {}
        self._waiting = set(self._nodes)
        # Seconds and iterations of what has ended in this run, for stages that never ran before.
        self._pace = (0.0, 0)
        steps = sum(node.stage.steps for node in nodes)
        super().__init__(steps, f'iterations of {len(nodes)} stages', **options)

    def begin(self, node: Node) -> None:
        """A stage starts."""
        self._waiting.discard(node)
        self._running[node] = _Running(self._clock())

    def advance(self, node: Node, done: int, total: int) -> None:
        """A stage says how much is done, and of how much."""
        running, now = self._running[node], self._clock()
        before = self._steps(node)
        running.total = max(1, total)
        running.last = now, max(done, running.last[1])
        running.first = running.first or running.last
        self.update(self._steps(node) - before)

    def finish(self, node: Node, seconds: float) -> None:
        """A stage is finished, after so many seconds of all its attempts."""
        self.update(node.stage.steps - self._steps(node))
        del self._running[node]
        self._seconds.setdefault(node.name, []).append(seconds)
        self._pace = self._pace[0] + seconds, self._pace[1] + node.stage.steps

    def fail(self, node: Node) -> None:
        """A stage failed."""
        self._running.pop(node, None)

    def rest(self, now: float) -> str:
        """Time left, as far as it can be estimated."""
        left = self.seconds_left(now)
        return '' if left is None else f'  about {format_seconds(left)} left'

    def details(self, now: float) -> list[str]:
        """A line for each running stage."""
        return [f'{node.label}: {run.describe(now)}' for node, run in [*self._running.items()]]

    def seconds_left(self, now: float | None = None) -> float | None:
        """Estimate for the whole workflow: no less than its longest chain, or its share of work.

        Args:
            now (float, optional): Time of the clock.

        Returns:
            float | None: None as long as nothing is known about one of the stages.
        """
        now = self._clock() if now is None else now
        ends: dict[Node, float] = {}
        work = 0.0
        for node in self._nodes:  # every node comes after its inputs
            if (seconds := self._node_seconds(node, now)) is None:
                return None
            work += seconds
            ends[node] = seconds + max((ends.get(i, 0.0) for i in node.inputs), default=0.0)
        return max([work / self._jobs, *ends.values()])

    def _node_seconds(self, node: Node, now: float) -> float | None:
        """Seconds that a stage still takes: its own pace, other seeds, or the pace of all."""
        if running := self._running.get(node):
            if (left := running.seconds_left(now)) is not None:
                return left
        elif node not in self._waiting:
            return 0.0
        elapsed = now - running.began if running else 0.0
        if known := self._seconds.get(node.name):
            return max(0.0, fmean(known) - elapsed)
        if (pace := self._seconds_per_step(now)) is not None:
            return max(0.0, pace * node.stage.steps - elapsed)
        return None

    def _seconds_per_step(self, now: float) -> float | None:
        seconds, steps = self._pace
        for node, running in [*self._running.items()]:
            if (left := running.seconds_left(now)) is not None:
                seconds, steps = seconds + now - running.began + left, steps + node.stage.steps
        return seconds / steps if steps else None

    def _steps(self, node: Node) -> int:
        """Iterations of a running stage, as the whole counts them."""
        running = self._running[node]
        return running.last[1] * node.stage.steps // max(1, running.total)


def finished_seconds(nodes: Sequence[Node]) -> dict[str, list[float]]:
    """Seconds that finished nodes took, by the name of their stage.

    Args:
        nodes (Sequence[Node]): Nodes; those that are not finished are left out.
    """
    seconds: dict[str, list[float]] = {}
    for node in nodes:
        if record := node.folder.record:
            seconds.setdefault(node.name, []).append(record['seconds'])
    return seconds
