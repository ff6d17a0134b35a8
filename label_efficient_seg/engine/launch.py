"""What ``les train`` and ``les test`` do, beside parsing arguments."""

import inspect
import os
import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS, RUNNERS

from ..core.config_files import is_shipped
from ..core.config_variables import read_config, read_inherited, settings
from ..core.errors import UserError
from ..core.logs import number_start
from ..core.stack_internals import format_configs_once
from .checkpoint import latest_checkpoint
from .config_checks import check_training
from .errors import check_keys, unknown_argument


def load_config(
    path: str, work_dir: str | None = None, launcher: str = 'none', cfg_options: dict | None = None
) -> Config:
    """Read a config and apply what the command line says.

    Args:
        path (str): Config file, or the name of one of this package's configs.
        work_dir (str, optional): Folder of the run. Defaults to the config's own, or
            ``work_dirs/<name of the config>``.
        launcher (str): ``none``, ``pytorch``, ``slurm`` or ``mpi``.
        cfg_options (dict, optional): Values to override, by dotted key.

    Returns:
        Config: The config, with its command line applied.

    Raises:
        FileNotFoundError: If there is neither such a file nor such a shipped config.
        ValueError: If the config or an option sets something that nothing uses.
    """
    from ..core.config_index import get_config_path

    filename = path if osp.isfile(path) else get_config_path(path)
    cfg = read_config(filename, cfg_options)
    if cfg_options or not is_shipped(filename):
        check_keys(settings(cfg), settings(read_inherited(filename)))
    cfg.launcher = launcher
    name = osp.splitext(osp.basename(filename))[0]
    cfg.work_dir = work_dir or cfg.get('work_dir') or osp.join('work_dirs', name)
    return cfg


def check_trainable(cfg: Config) -> None:
    """Refuse a config that is for inference only, such as that of CAMs.

    Args:
        cfg (Config): From :func:`load_config`.

    Raises:
        ValueError: If there is nothing to train.
    """
    if not (cfg.get('train_dataloader') and cfg.get('optim_wrapper')):
        raise UserError(
            f"config '{cfg.filename}' trains nothing: it has no train_dataloader or no "
            'optim_wrapper. Its first lines say what it is for'
        )


def enable_amp(cfg: Config) -> None:
    """Run the networks of a training in half precision and in channels-last format.

    On a GPU, every optimizer gets an ``AmpOptimWrapper``, on a CPU an ``AutocastOptimWrapper``,
    which works in bfloat16.

    Args:
        cfg (Config): Changed in place.

    Raises:
        ValueError: If an optimizer has a wrapper of another kind.
    """
    wrapper = cfg.optim_wrapper
    wrappers = (
        [wrapper]
        if 'optimizer' in wrapper
        else [
            value for value in wrapper.values() if isinstance(value, dict) and 'optimizer' in value
        ]
    )
    for entry in wrappers:
        kind = entry.get('type', 'OptimWrapper')
        if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'AutocastOptimWrapper'):
            raise UserError(f'--amp replaces OptimWrapper, but the config has {kind!r}')
        if not torch.cuda.is_available():
            entry['type'] = 'AutocastOptimWrapper'
            for key in ('loss_scale', 'dtype', 'use_fsdp'):
                entry.pop(key, None)
        elif kind != 'AutocastOptimWrapper':
            entry['type'] = 'AmpOptimWrapper'
            entry.setdefault('loss_scale', 'dynamic')
    hooks = cfg.get('custom_hooks') or []
    if all(hook['type'] != 'ChannelsLastHook' for hook in hooks):
        cfg.custom_hooks = [*hooks, dict(type='ChannelsLastHook')]


def init_cpu_processes(cfg: Config) -> None:
    """Join the processes of a ``torchrun`` launch through gloo, on machines without a GPU.

    MMEngine would select a CUDA device whatever the backend; a group that exists is left alone. It
    would also wrap models without ``model_wrapper_cfg`` for that device.

    Args:
        cfg (Config): With the launcher of the command line. Changed in place.
    """
    if cfg.launcher != 'pytorch' or torch.cuda.is_available():
        return
    if not dist.is_initialized():
        dist.init_process_group('gloo', timeout=timedelta(minutes=30))
    if 'model_wrapper_cfg' not in cfg:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        )


def set_resume(cfg: Config) -> None:
    """Make a config continue from the newest complete checkpoint of its folder.

    Args:
        cfg (Config): Changed in place. A ``load_from`` for pre-training is dropped when there is a
            checkpoint to continue from; without one, training starts anew.
    """
    checkpoint = latest_checkpoint(cfg.work_dir)
    if checkpoint is None:
        print_log(
            f'no complete checkpoint in {cfg.work_dir}: training starts at iteration 0',
            logger='current',
        )
        return
    cfg.load_from, cfg.resume = checkpoint, True


def build_runner(cfg: Config) -> Runner:
    """Build the runner of a config.

    Args:
        cfg (Config): Complete config.

    Returns:
        Runner: Ready to train or test.

    Raises:
        ValueError: If options are combined that do not go together, or the model or a hook has an
            argument that its class does not know.
    """
    os.environ.setdefault('LOCAL_RANK', '0')
    streams = cfg.get('train_dataloader')
    if (cfg.get('auto_scale_lr') or {}).get('enable') and streams and 'dataset' not in streams:
        raise UserError(
            'auto_scale_lr.enable scales all optimizers by one batch size, but this '
            'config has one per stream; set the learning rates instead'
        )
    check_training(cfg)
    format_configs_once()
    with named_arguments(cfg):
        runner = Runner.from_cfg(cfg) if 'runner_type' not in cfg else RUNNERS.build(cfg)
    if is_main_process():
        number_start(runner.log_dir)
    return runner


@contextmanager
def named_arguments(cfg: Config) -> Iterator[None]:
    """Say where in a config an argument stands that what is built does not know.

    A runner builds the model and the hooks at once, all else when it trains or tests.

    Args:
        cfg (Config): What is built inside the ``with`` block.

    Raises:
        ValueError: Instead of such a ``TypeError``; it names the most similar argument.
    """
    try:
        yield
    except TypeError as error:
        # Other variables of a config have been copied into these.
        built = {
            key: cfg[key] for key in inspect.signature(Runner.__init__).parameters if key in cfg
        }
        if found := unknown_argument(error, built):
            raise found from error
        raise


def prepare_test(
    cfg: Config,
    checkpoint: str,
    out: str | None = None,
    show_dir: str | None = None,
    tta: bool = False,
) -> None:
    """Turn a training config into one that tests a checkpoint.

    Args:
        cfg (Config): Changed in place.
        checkpoint (str): File to test.
        out (str, optional): Folder for predictions as PNG files of class indices, which the first
            ``IoUMetric``, or metric that extends it, of ``test_evaluator`` writes.
        show_dir (str, optional): Folder for result panels.
        tta (bool): Average over scales and flips, as ``tta_pipeline`` and ``tta_model`` say.

    Raises:
        ValueError: If the config lacks what an option needs.
    """
    # The config that a resumed training leaves says resume=True, which a test cannot.
    cfg.load_from, cfg.resume = checkpoint, False
    # Only what a test needs is built: training data need not be on this machine.
    for key in (
        'train_dataloader',
        'train_cfg',
        'optim_wrapper',
        'param_scheduler',
        'val_dataloader',
        'val_cfg',
        'val_evaluator',
        # It wraps models that train; MMEngine's own wrapper tests any model.
        'model_wrapper_cfg',
    ):
        cfg.pop(key, None)
    if show_dir:
        cfg.default_hooks.visualization.update(draw=True, out_dir=show_dir)
    if out:
        evaluators = (
            cfg.test_evaluator if isinstance(cfg.test_evaluator, list) else [cfg.test_evaluator]
        )
        writers = [e for e in evaluators if issubclass(METRICS.get(e.type), IoUMetric)]
        if not writers:
            raise UserError(
                '--out needs an IoUMetric, or a metric that extends it, in test_evaluator'
            )
        writers[0].update(output_dir=out)
    if tta:
        if 'tta_model' not in cfg or 'tta_pipeline' not in cfg:
            raise UserError('--tta needs tta_model and tta_pipeline in the config')
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        cfg.model = dict(cfg.tta_model, module=cfg.model)
