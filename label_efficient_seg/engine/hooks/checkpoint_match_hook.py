from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...core.errors import UserError
from ...core.stack_internals import is_finetuning, is_resuming, loaded_from
from ...core.weights import check_finite
from ..initial_weights import check_initial_weights, check_share
from ..resume import check_resumable
from ..resume_states import check_states


@HOOKS.register_module()
class CheckpointMatchHook(Hook):
    """Refuses the checkpoint of another model, and weights that are NaN or infinite.

    MMEngine loads what fits and only warns of the rest, so a test with the wrong file reports the
    metrics of random weights. Whole parts that the model does not have, such as the discriminator
    when a plain ``EncoderDecoder`` loads an adversarial checkpoint, are allowed; more layers of a
    part that it has, such as those of a head with more dilations, are not. For ``load_from``
    without resuming, partial matches are allowed, as for pre-training with other classes, but at
    least one parameter has to match, and what it has of a backbone has to fill most of this one.

    So it is with initial weights of a part, see :func:`..initial_weights.check_initial_weights`.
    A run that resumes is also compared by its config, see :func:`..resume.check_resumable`.

    Args:
        initial_share (float): Of the kernels of a backbone or another part, which initial weights
            and ``load_from`` must fill, in [0, 1].
    """

    def __init__(self, initial_share: float = 0.75) -> None:
        self.initial_share = initial_share

    def before_train(self, runner: Runner) -> None:
        """Refuse initial weights of another network, unless others were loaded since."""
        if loaded_from(runner) is None:
            check_initial_weights(runner.model, self.initial_share)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes.

        Raises:
            ValueError: If they do not match; it names the first differences.
            FloatingPointError: If a weight is NaN or infinite.
        """
        state = checkpoint.get('state_dict', checkpoint)
        check_finite(state, loaded_from(runner) or 'the checkpoint')
        if is_resuming(runner):
            check_resumable(runner, checkpoint)
        model = runner.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        expected = {
            name: tuple(t.shape)
            for name, t in model.state_dict().items()
            # A counter that older checkpoints lack and inference never reads.
            if not name.endswith('num_batches_tracked')
        }
        found = {
            name.removeprefix('module.'): tuple(t.shape)
            for name, t in state.items()
            if hasattr(t, 'shape')
        }
        missing = sorted(expected.keys() - found.keys())
        differing = sorted(
            name for name in expected.keys() & found.keys() if expected[name] != found[name]
        )
        parts = {name.split('.')[0] for name in expected}
        surplus = sorted(
            name
            for name in found.keys() - expected.keys()
            if name.split('.')[0] in parts and not name.endswith('num_batches_tracked')
        )
        finetuning = is_finetuning(runner)
        if finetuning and any(name.startswith('backbone.') for name in found):
            part = {n: shape for n, shape in expected.items() if n.startswith('backbone.')}
            check_share(
                f'the checkpoint {loaded_from(runner)!r} is',
                'backbone',
                part,
                {*missing, *differing},
                self.initial_share,
            )
        matching = len(expected) - len(missing) - len(differing)
        if not (missing or differing or surplus) or finetuning and matching:
            if is_resuming(runner):
                check_states(runner, checkpoint)
            return
        examples = [f'{name} is missing' for name in missing[:3]]
        examples += [
            f'{name} is {found[name]}, the model has {expected[name]}' for name in differing[:3]
        ]
        examples += [f'{name} is not in the model' for name in surplus[:3]]
        advice = "Use the config it was trained with, which stands in its run's folder"
        if finetuning:
            advice = 'Weights of a backbone alone belong into model.backbone.init_cfg'
        raise UserError(
            f'the checkpoint {loaded_from(runner)!r} is of another model than '
            f'{type(model).__name__} of this config: {len(missing)} of {len(expected)} tensors '
            f'are missing, {len(differing)} differ in shape, {len(surplus)} are too many '
            f'({"; ".join(examples)}). {advice}'
        )
