"""A stage that stands half-way, to be run on with a fault or without."""

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from label_efficient_seg.engine.checkpoint import latest_checkpoint
from label_efficient_seg.workflows import JobStage, TrainStage, Workflow
from label_efficient_seg.workflows.node import MODULE, Node

from .evidence import NUMBERED
from .forks import ForkedTool

# After this many seconds a run counts as one that hangs.
TIMEOUT = 600


class Case:
    """A stage of a finished workflow, and the files that it reads.

    Args:
        workflow (Workflow): The workflow.
        node (Node): The stage.
        data (Path): Folder of the toy dataset.
    """

    def __init__(self, workflow: Workflow, node: Node, data: Path) -> None:
        self.node, self.stage = node, node.resolved()
        self.trains = isinstance(self.stage, TrainStage)
        self.writes_images = isinstance(self.stage, JobStage)
        self.reference = node.folder.path
        self.images = sorted(data.glob('*/*/JPEGImages/*train*'))
        self.masks = sorted(data.glob('*/*/SegmentationClass/*train*'))
        self.masks += sorted(workflow.work_dir.glob('*/pseudo_masks/*.png'))
        words = self.stage.arguments(self.reference, 0)
        files = (Path(word.partition('=')[2] or word) for word in words)
        self.checkpoints = sorted({file for file in files if file.suffix == '.pth'})

    def prepare(self, folder: Path, fresh: bool) -> None:
        """Put a stage into a folder as it is half-way, or not begun.

        Args:
            folder (Path): What is there is deleted.
            fresh (bool): Whether it has not begun.
        """
        shutil.rmtree(folder, ignore_errors=True)
        ignored = shutil.ignore_patterns('[0-9]*_[0-9]*', 'log', '*.py', '*.log')
        shutil.copytree(self.reference, folder, ignore=ignored)
        if fresh:
            records = ('stage.json', 'attempt.json', 'files.json.gz')
            undone = [p for p in folder.rglob('*') if p.is_file() and p.name not in records]
        elif self.trains:
            newest = NUMBERED.fullmatch(Path(latest_checkpoint(folder)).name)[1]
            undone = list(folder.glob(f'*iter_{newest}.pth'))
        else:
            undone = [path for kind in ('png', 'npz') for path in sorted(folder.rglob(f'*.{kind}'))]
            undone = undone[1::2]
        for path in (*undone, folder / 'last_checkpoint'):
            path.unlink(missing_ok=True)

    def add_newest(self, folder: Path, change: Callable[[bytes], bytes]) -> None:
        """Add the newest checkpoint of the finished run, but not as it was.

        Args:
            folder (Path): Of the stage that stands half-way.
            change (Callable): Gives the content of the file from the right one.
        """
        newest = Path(latest_checkpoint(self.reference)).name
        (folder / newest).write_bytes(change((self.reference / newest).read_bytes()))
        (folder / 'last_checkpoint').write_text(newest)

    def run(
        self,
        folder: Path,
        before: Callable[[], None] | None = None,
        workers: int = 0,
        processes: int = 1,
    ) -> tuple[int, str]:
        """Run the stage's tool.

        Args:
            folder (Path): Where it writes.
            before (Callable, optional): Called in its process beforehand.
            workers (int): Workers of each stream.
            processes (int): Number of processes.

        Returns:
            tuple[int, str]: Status and output of the first process that fails otherwise than by a
            signal, or of the first one.
        """
        words = [sys.executable, '-m', MODULE, self.stage.tool]
        words += self.stage.arguments(folder, self.node.seed or 0)
        if workers:
            streams = self.stage._content.train_dataloader
            words += [f'train_dataloader.{name}.num_workers={workers}' for name in streams]
        if processes > 1:
            words += ['--launcher', 'pytorch']
        tools = [ForkedTool(words, env, before) for env in _environments(processes)]
        # Pipes, since a limit of the size of files would hold for a log too.
        with ThreadPoolExecutor() as pool, _deadline(tools):
            outputs = list(pool.map(lambda tool: tool.stdout.read(), tools))
        for tool in tools:
            tool.wait()
        ends = [(tool.returncode, output) for tool, output in zip(tools, outputs, strict=True)]
        return next((end for end in ends if end[0] > 0), ends[0])


@contextmanager
def _deadline(tools: list[ForkedTool]) -> Iterator[None]:
    """End tools that hang, and all of them if this process is interrupted."""

    def end() -> None:
        for tool in tools:
            tool.kill()

    timer = Timer(TIMEOUT, end)
    timer.start()
    try:
        yield
    except BaseException:
        end()
        raise
    finally:
        timer.cancel()
        timer.join()


def _environments(processes: int) -> list[dict[str, str]]:
    if processes == 1:
        return [dict(os.environ)]
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    group = dict(os.environ, MASTER_ADDR='127.0.0.1', MASTER_PORT=port, WORLD_SIZE=str(processes))
    return [dict(group, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(processes)]
