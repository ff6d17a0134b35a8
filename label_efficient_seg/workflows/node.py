"""The stages of a workflow, each with one seed, and what they refer to."""

import inspect
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ..core.digests import digest
from ..core.errors import MissingFileError, UserError
from ..core.suggest import did_you_mean
from .data_files import DataFiles, describe_change
from .references import find_references, replace_references
from .scheduler import sort_graph
from .stage_folder import StageFolder, State
from .stages import STAGES, Stage

MODULE = 'label_efficient_seg'
"""Runs as the command ``les`` with ``python -m``."""


@dataclass(frozen=True, eq=False)
class Node:
    """One stage with one seed.

    Attributes:
        name (str): Name of the stage.
        seed (int | None): None if all seeds share it.
        stage (Stage): With references.
        settings (dict): Arguments it was made from.
        content (Any): All that determines the result, apart from inputs and data, with references.
        inputs (tuple[Node, ...]): What it refers to.
        folder (StageFolder): Where it runs.
    """

    name: str
    seed: int | None
    stage: Stage
    settings: dict
    content: Any
    inputs: tuple['Node', ...]
    folder: StageFolder

    @property
    def label(self) -> str:
        """For tables and messages."""
        return self.name if self.seed is None else f'{self.name} seed {self.seed}'

    @cached_property
    def definition(self) -> str:
        """Digest of the type and the content."""
        return digest([type(self.stage).__name__, self.content])

    def resolved(self, must_exist: bool = True) -> Stage:
        """The stage with the files that its inputs left.

        Args:
            must_exist (bool): Whether they have to be there still.

        Raises:
            FileNotFoundError: If one has gone.
        """
        return type(self.stage)(**self._resolve(self.settings, must_exist))

    def files(self, data: DataFiles) -> dict:
        """State of each file that the stage reads, apart from those that other stages left.

        Args:
            data (DataFiles): Looks at the files.
        """
        return data.states(self._resolve(self.content, must_exist=False))

    def state(self, inputs: Mapping[str, str | None], data: DataFiles) -> State:
        """How far the stage is.

        Args:
            inputs (Mapping[str, str | None]): See :meth:`StageFolder.state`.
            data (DataFiles): Looks at the files that it reads.
        """
        state = self.folder.state(self.definition, inputs)
        before = self.folder.files if state.name in ('finished', 'interrupted') else None
        if before is not None and (change := describe_change(before, self.files(data))):
            return State('stale', change)
        return state

    def _resolve(self, values: Any, must_exist: bool) -> Any:
        """Nested values with the files that the inputs left in the place of references."""
        folders = {node.name: node.folder for node in self.inputs}

        def lookup(name: str, output: str) -> str:
            folder = folders[name]
            # Absolute, since datasets join relative paths to their data_root.
            path = Path(os.path.abspath(folder.path / folder.record['outputs'][output]))
            if must_exist and not path.exists():
                raise MissingFileError(
                    f'{self.label} needs {path}, which {name} had left and which is gone; '
                    f'make it again with --from {name}'
                )
            return str(path)

        return replace_references(values, lookup)

    def command(
        self, stage: Stage | None = None, processes: int = 1, python: str | None = None
    ) -> list[str]:
        """The command that runs the stage.

        Args:
            stage (Stage, optional): The resolved stage. Without it, references stay.
            processes (int): For a stage that can be distributed.
            python (str, optional): The interpreter. Without it, the command is as people write it.
        """
        stage = stage or self.stage
        words = [stage.tool, *stage.arguments(self.folder.path, self.seed or 0)]
        is_verb = not os.path.isabs(stage.tool)
        if processes > 1 and stage.distributed:
            launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node']
            # Without --, torchrun would take --num of a verb for an abbreviation of its own option.
            launcher += [str(processes), *(['--module', '--', MODULE] if is_verb else ['--'])]
            return [python or 'python', *launcher, *words, '--launcher', 'pytorch']
        if is_verb:
            return [python, '-m', MODULE, *words] if python else ['les', *words]
        return [python or 'python', *words]


def build_nodes(
    stages: Iterable[dict],
    seeds: Sequence[int],
    work_dir: Path,
    cfg_options: dict,
    amp: bool = False,
) -> list[Node]:
    """Check the stages of a workflow and pair them with the seeds.

    Args:
        stages (Iterable[dict]): Settings of each, in any order; see ``Workflow``.
        seeds (Sequence[int]): Seeds.
        work_dir (Path): Parent of the folders.
        cfg_options (dict): Added to those of every stage that takes any.
        amp (bool): Mixed precision in every training.

    Returns:
        list[Node]: Seed by seed; every node comes after its inputs.

    Raises:
        ValueError: If stages are misspelt, unknown, of the same name, refer to what no stage
            leaves, or wait for each other.
    """
    heads = _heads(stages)
    references = {name: find_references(head.settings) for name, head in heads.items()}
    for name, found in references.items():
        for other, output in found:
            _check_reference(name, other, output, heads)
    made: dict[str, dict[int | None, Node]] = {}
    for name in sort_graph({n: [other for other, _ in f] for n, f in references.items()}):
        inputs = dict.fromkeys(other for other, _ in references[name])
        heads[name].settings.update(_shared(heads[name], cfg_options, amp))
        made[name] = _make(name, heads[name], [made[i] for i in inputs], seeds, work_dir)
    nodes = [nodes.get(seed) for seed in (None, *seeds) for nodes in made.values()]
    return [node for node in nodes if node]


class _Head(NamedTuple):
    kind: type[Stage]
    per_seed: bool
    settings: dict


def _heads(stages: Iterable[dict]) -> dict[str, _Head]:
    """Class, whether it is run for each seed, and the arguments of the class, by name."""
    heads: dict[str, _Head] = {}
    for settings in stages:
        settings = dict(settings)
        name, kind = str(settings.pop('name', '')), settings.pop('type', None)
        if not re.fullmatch(r'[\w-]+', name) or re.search(r'_seed\d+$', name):
            raise UserError(
                'a stage needs a name of letters, digits, _ and -, which does not end in _seed '
                f'and a number, got {name!r}'
            )
        if name in heads:
            raise UserError(f'stages need names of their own, but two are called {name!r}')
        if kind not in STAGES.module_dict:
            hint = did_you_mean(str(kind), STAGES.module_dict)
            raise UserError(f'stage {name!r} has the unknown type {kind!r}; {hint}')
        heads[name] = _Head(STAGES.module_dict[kind], settings.pop('per_seed', True), settings)
    return heads


def _check_reference(name: str, other: str, output: str, heads: Mapping[str, _Head]) -> None:
    reference = f'stage {name!r} refers to {{{other}.{output}}}, but'
    if other not in heads:
        raise UserError(f'{reference} no stage is called {other!r}; {did_you_mean(other, heads)}')
    kind = heads[other].kind
    if output not in kind.outputs:
        leaves = ', '.join(kind.outputs) or 'nothing to refer to'
        raise UserError(f'{reference} a {kind.__name__} leaves {leaves}')
    if heads[other].per_seed and not heads[name].per_seed:
        raise UserError(
            f'{reference} {other!r} is run for each seed and {name!r} only once; give both '
            'or none of them per_seed=False'
        )


def _shared(head: _Head, cfg_options: dict, amp: bool) -> dict[str, Any]:
    """What all stages are told, as far as this one takes it."""
    taken = inspect.signature(head.kind).parameters
    shared: dict[str, Any] = {}
    if cfg_options and 'cfg_options' in taken:
        shared['cfg_options'] = {**(head.settings.get('cfg_options') or {}), **cfg_options}
    if amp and 'amp' in taken:
        shared['amp'] = True
    return shared


def _make(
    name: str,
    head: _Head,
    inputs: Sequence[Mapping[int | None, Node]],
    seeds: Sequence[int],
    work_dir: Path,
) -> dict[int | None, Node]:
    """The nodes of a stage by seed; None stands for all seeds."""
    try:
        stage = head.kind(**head.settings)
        contents = {s: stage.definition(s or 0) for s in (seeds if head.per_seed else [None])}
        stage.arguments(work_dir, 0)  # so that what it refuses is refused now
    except (TypeError, ValueError) as error:
        error_type = type(error) if isinstance(error, UserError) else UserError
        raise error_type(f'stage {name!r}: {error}') from error
    return {
        seed: Node(
            name=name,
            seed=seed,
            stage=stage,
            settings=head.settings,
            content=content,
            inputs=tuple(nodes.get(seed) or nodes[None] for nodes in inputs),
            folder=StageFolder(work_dir / (name if seed is None else f'{name}_seed{seed}')),
        )
        for seed, content in contents.items()
    }
