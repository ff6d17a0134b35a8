"""Runs what depends on each other in order, and the rest side by side."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from ..core.errors import UserError

Node = TypeVar('Node')


def run_graph(
    inputs: Mapping[Node, Collection[Node]],
    work: Callable[[Node], None],
    jobs: int,
    on_failure: Callable[[Node, Exception], None] | None = None,
    on_interruption: Callable[[], None] | None = None,
) -> None:
    """Do the work of each node after that of its inputs.

    After a failure nothing new begins, and what runs is left to finish.

    Args:
        inputs (Mapping[Node, Collection[Node]]): Inputs of each node. Those that are no nodes
            themselves count as done. Of the nodes that are ready, the first begins first.
        work (Callable[[Node], None]): Called in a thread.
        jobs (int): Most nodes at a time.
        on_failure (Callable, optional): Called at once with the node and its error.
        on_interruption (Callable, optional): Called on Ctrl-C; it has to make what runs return.

    Raises:
        Exception: The first that ``work`` raised.
        ValueError: If nodes wait for each other.
    """
    waiting, running = list(inputs), {}
    unfinished, errors = set(inputs), []
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while running or (waiting and not errors):
                ready = [node for node in waiting if unfinished.isdisjoint(inputs[node])]
                if not ready and not running:
                    raise UserError(f'{waiting} wait for each other')
                for node in [] if errors else ready[: jobs - len(running)]:
                    waiting.remove(node)
                    running[pool.submit(work, node)] = node
                finished: set[Future] = wait(running, return_when=FIRST_COMPLETED)[0]
                for future in finished:
                    node = running.pop(future)
                    if error := future.exception():
                        errors.append(error)
                        on_failure and on_failure(node, error)
                    else:
                        unfinished.remove(node)
        except KeyboardInterrupt:
            on_interruption and on_interruption()
            raise
    if errors:
        raise errors[0]
