"""Runs what depends on each other in order, and the rest side by side."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from ..core.errors import UserError

Node = TypeVar('Node')


def sort_graph(inputs: Mapping[Node, Collection[Node]]) -> list[Node]:
    """Order nodes such that each comes after its inputs.

    Args:
        inputs (Mapping[Node, Collection[Node]]): Inputs of each node. Those that are no nodes
            themselves are left out.

    Returns:
        list[Node]: The first node that may come next is always the first of the given order.

    Raises:
        ValueError: If nodes wait for each other; the message names the circle.
    """
    order: list[Node] = []
    run_graph(inputs, order.append, jobs=1)
    return order


def run_graph(
    inputs: Mapping[Node, Collection[Node]],
    work: Callable[[Node], None],
    jobs: int,
    on_failure: Callable[[Node, BaseException], None] | None = None,
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
        ValueError: If nodes wait for each other; the message names the circle.
    """
    sorter = _sorter(inputs)
    position = {node: index for index, node in enumerate(inputs)}
    ready: list[Node] = []
    running: dict[Future, Node] = {}
    errors: list[BaseException] = []
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while sorter.is_active():
                ready = sorted([*ready, *sorter.get_ready()], key=position.__getitem__)
                while ready and len(running) < jobs and not errors:
                    node = ready.pop(0)
                    running[pool.submit(work, node)] = node
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED)[0]:
                    node = running.pop(future)
                    if error := future.exception():
                        errors.append(error)
                        on_failure and on_failure(node, error)
                    else:
                        sorter.done(node)
        except KeyboardInterrupt:
            on_interruption and on_interruption()
            raise
    if errors:
        raise errors[0]


def _sorter(inputs: Mapping[Node, Collection[Node]]) -> TopologicalSorter:
    sorter = TopologicalSorter(
        {node: [other for other in others if other in inputs] for node, others in inputs.items()}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        circle = ' needs '.join(repr(node) for node in reversed(error.args[1]))
        raise UserError(f'a circle of inputs: {circle}; remove one of these references') from error
    return sorter
