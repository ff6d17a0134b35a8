import inspect
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.digests import digest
from ..core.errors import MissingFileError, UserError
from ..core.suggest import did_you_mean
from .references import find_references, replace_references
from .stage_folder import StageFolder
from .stages import STAGES, Stage


@dataclass(frozen=True, eq=False)
class Node:
    """One stage with one seed.

    Attributes:
        name (str): Name of the stage.
        seed (int | None): None if all seeds share it.
        stage (Stage): With references.
        settings (dict): Arguments it was made from.
        definition (str): Digest of all that determines the result, apart from inputs.
        inputs (tuple[Node, ...]): What it refers to.
        folder (StageFolder): Where it runs.
    """

    name: str
    seed: int | None
    stage: Stage
    settings: dict
    definition: str
    inputs: tuple['Node', ...]
    folder: StageFolder

    @property
    def label(self) -> str:
        """For tables and messages."""
        return self.name if self.seed is None else f'{self.name} seed {self.seed}'

    def resolved(self) -> Stage:
        """The stage with the files that its inputs left.

        Raises:
            FileNotFoundError: If one has gone.
        """
        folders = {node.name: node.folder for node in self.inputs}

        def lookup(name: str, output: str) -> str:
            folder = folders[name]
            # Absolute, since datasets join relative paths to their data_root.
            path = Path(os.path.abspath(folder.path / folder.record['outputs'][output]))
            if not path.exists():
                raise MissingFileError(
                    f'{self.label} needs {path}, which {name} had left and which is gone; '
                    f'make it again with --from {name}'
                )
            return str(path)

        return type(self.stage)(**replace_references(self.settings, lookup))

    def command(
        self,
        stage: Stage | None = None,
        processes: int = 1,
        python: str = 'python',
        tools: Path = Path('tools'),
    ) -> list[str]:
        """The command that runs the stage.

        Args:
            stage (Stage, optional): The resolved stage. Without it, references stay.
            processes (int): For a stage that can be distributed.
            python (str): The interpreter; the default is what people write.
            tools (Path): Folder of the tools.
        """
        stage = stage or self.stage
        words = [str(tools / stage.tool), *stage.arguments(self.folder.path, self.seed or 0)]
        if processes > 1 and stage.distributed:
            launcher = f'-m torch.distributed.run --standalone --nproc_per_node {processes}'
            words = [*launcher.split(), *words, '--launcher', 'pytorch']
        return [python, *words]


def build_nodes(
    stages: Iterable[dict], seeds: Sequence[int], work_dir: Path, cfg_options: dict
) -> list[Node]:
    """Check the stages of a workflow and pair them with the seeds.

    Args:
        stages (Iterable[dict]): Settings of each; see ``Workflow``.
        seeds (Sequence[int]): Seeds.
        work_dir (Path): Parent of the folders.
        cfg_options (dict): Added to those of every stage that takes any.

    Returns:
        list[Node]: Seed by seed; every node comes after its inputs.

    Raises:
        ValueError: If stages are misspelt, unknown, of the same name, or refer to what no stage
            before them leaves.
    """
    made: dict[str, dict[int | None, Node]] = {}
    for settings in stages:
        name, kind, per_seed, settings = _head(settings)
        if name in made:
            raise UserError(f'stages need names of their own, but two are called {name!r}')
        if cfg_options and 'cfg_options' in inspect.signature(kind).parameters:
            settings['cfg_options'] = {**(settings.get('cfg_options') or {}), **cfg_options}
        inputs = _inputs(name, per_seed, settings, made)
        try:
            stage = kind(**settings)
            definitions = {s: _digest(stage, s) for s in (seeds if per_seed else [None])}
            stage.arguments(work_dir, 0)  # so that what it refuses is refused now
        except (TypeError, ValueError) as error:
            error_type = type(error) if isinstance(error, UserError) else UserError
            raise error_type(f'stage {name!r}: {error}') from error
        made[name] = {
            seed: Node(
                name=name,
                seed=seed,
                stage=stage,
                settings=settings,
                definition=definition,
                inputs=tuple(made[i].get(seed) or made[i][None] for i in inputs),
                folder=StageFolder(work_dir / (name if seed is None else f'{name}_seed{seed}')),
            )
            for seed, definition in definitions.items()
        }
    nodes = [nodes.get(seed) for seed in (None, *seeds) for nodes in made.values()]
    return [node for node in nodes if node]


def _digest(stage: Stage, seed: int | None) -> str:
    content = [type(stage).__name__, stage.definition(seed or 0)]
    return digest(content)


def _head(settings: dict) -> tuple[str, type[Stage], bool, dict]:
    """Name, class, whether it is run for each seed, and the arguments of the class."""
    settings = dict(settings)
    name, kind = str(settings.pop('name', '')), settings.pop('type', None)
    if not re.fullmatch(r'[\w-]+', name) or re.search(r'_seed\d+$', name):
        raise UserError(
            'a stage needs a name of letters, digits, _ and -, which does not end in _seed and a '
            f'number, got {name!r}'
        )
    if kind not in STAGES.module_dict:
        raise UserError(
            f'stage {name!r} has the type {kind!r}; there are {", ".join(STAGES.module_dict)}'
        )
    return name, STAGES.module_dict[kind], settings.pop('per_seed', True), settings


def _inputs(name: str, per_seed: bool, settings: dict, made: dict) -> list[str]:
    """Names of the stages that a stage refers to."""
    references = find_references(settings)
    for other, output in references:
        reference = f'stage {name!r} refers to {{{other}.{output}}}, but'
        if other not in made:
            raise UserError(
                f'{reference} no stage before it is called {other!r}; {did_you_mean(other, made)}'
            )
        node = next(iter(made[other].values()))
        if output not in node.stage.outputs:
            raise UserError(
                f'{reference} a {type(node.stage).__name__} leaves '
                f'{", ".join(node.stage.outputs) or "nothing to refer to"}'
            )
        if not per_seed and node.seed is not None:
            raise UserError(
                f'{reference} {other!r} is run for each seed and {name!r} only once; give both '
                'or none of them per_seed=False'
            )
    return list(dict.fromkeys(other for other, _ in references))
