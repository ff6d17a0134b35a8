"""Settings of jobs: dataclasses whose fields are the options of a command line, too.

A docstring is the text of the command's help. The jobs themselves are in :mod:`.jobs`; this module
is not, since help must not wait for PyTorch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from fractions import Fraction
from typing import Any, ClassVar

from .core.errors import UserError
from .core.suggest import did_you_mean

REFINEMENTS = ('crf', 'par', 'none')
"""How scores are refined by the image, see :func:`refine_by_image`."""


def option(default: Any = MISSING, help: str = '', type: Callable | None = None) -> Any:
    """A field of settings.

    Without a default it names an input: a file or folder whose content the files of a job are made
    from. The input ``checkpoint`` is that of the config's model.

    Args:
        default: Any value that JSON can hold.
        help (str): One line for the command line.
        type (Callable, optional): Reads a word of the command line. Follows from the annotation,
            which is ``bool``, ``int``, ``float``, ``str`` or a ``Sequence`` of one of them.
    """
    return field(default=default, metadata=dict(help=help, type=type))


def _check_refinement(name: str) -> None:
    if name not in REFINEMENTS:
        raise UserError(f'there is no refinement {name!r}; {did_you_mean(name, REFINEMENTS)}')


def is_input(setting: Field) -> bool:
    """Whether a field of settings names an input."""
    return setting.default is MISSING


def flag(name: str) -> str:
    """The option of the command line that stands for a field."""
    return '--' + name.replace('_', '-')


def command_words(settings: Any) -> list[str]:
    """Settings as words of a command line, the checkpoint first."""
    return [word for setting in fields(settings) for word in _words(settings, setting.name)]


def _words(settings: Any, name: str) -> Iterator[str]:
    value = getattr(settings, name)
    if name == 'checkpoint':
        yield value
    elif isinstance(value, bool):
        yield flag(name) if value else '--no-' + flag(name)[2:]
    elif isinstance(value, (list, tuple)):
        yield from [flag(name), *map(str, value)] if value else ()
    elif value != '':
        yield from (flag(name), str(value))


class JobSettings:
    """What all settings of jobs have."""

    distributed: ClassVar[bool] = True
    """Whether several processes can share the work."""


@dataclass(frozen=True)
class CAMSettings(JobSettings):
    r"""Write class activation maps (CAMs), step 1 of AffinityNet, and their mIoU over thresholds.

    Images are those of the config's ``test_dataloader``, with or without masks; its model must be a
    ``CAMSegmentor``. An interrupted run continues where it was.

    Example::

        les cams affinitynet/resnet38_voc_cls work_dirs/cls/iter_9915.pth --out work_dirs/cam \
            --cfg-options model.type=CAMSegmentor
    """

    checkpoint: str = option(help='checkpoint file of the classifier')
    alpha: float = option(
        16,
        'power of the background for which the mIoU is reported, besides that at the best '
        'threshold, and of which the predictions in panels are made',
    )

    def __post_init__(self) -> None:
        if self.alpha <= 0:
            raise UserError(f'alpha must be positive, but is {self.alpha}')


@dataclass(frozen=True)
class AffinityScoreSettings(JobSettings):
    """Refine CAMs with a low and a high power of the background, step 2 of AffinityNet.

    AffinityNet learns where both leave no doubt. Images are those of the config's
    ``test_dataloader``, with or without masks; its model is not used. An interrupted run continues
    where it was.

    Example::

        les scores affinitynet/resnet38_voc_cls --cams work_dirs/cam/cams --out work_dirs/scores
    """

    cams: str = option(help='folder "cams" that les cams wrote')
    low_alpha: float = option(4, 'power that overrates the background')
    high_alpha: float = option(
        32, 'power that underrates the background; 32 in the released code, 24 in the paper'
    )
    refinement: str = option(
        'crf', 'how the image refines both: crf (as in the paper), par (no CRF needed) or none'
    )

    def __post_init__(self) -> None:
        _check_refinement(self.refinement)
        if not 0 < self.low_alpha < self.high_alpha:
            raise UserError(
                'the low alpha must be positive and below the high one, but they are '
                f'{self.low_alpha} and {self.high_alpha}'
            )


@dataclass(frozen=True)
class PseudoMaskSettings(JobSettings):
    r"""Make masks of CAMs by a random walk along affinities and the image, step 4 of AffinityNet.

    Images are those of the config's ``test_dataloader``, with or without masks; its model must be
    an ``AffinityNet``, whose ``beta``, ``steps`` and ``border`` are settings of the walk. An
    interrupted run continues where it was.

    Example::

        les masks affinitynet/resnet38_voc_affinity work_dirs/affinity/iter_10576.pth \
            --cams work_dirs/cam/cams --out work_dirs/masks
    """

    checkpoint: str = option(help='checkpoint file of the AffinityNet')
    cams: str = option(help='folder "cams" that les cams wrote')
    alpha: float = option(16, 'power of the background')
    refinement: str = option(
        'crf',
        'how the image refines the result of the walk: crf (as in the paper), par (faster) or none',
    )
    min_confidence: float = option(
        0,
        'leave pixels neutral whose best class has less than this share of all scores; none in the '
        'paper',
    )
    segments: str = option(
        '',
        'folder with the segments of each image, such as those of Segment Anything, to which the '
        'classes of its mask grow or shrink: <id>.png with a number for each segment, or <id>.json '
        'with run lengths',
    )
    max_growth: float = option(
        0,
        'with segments: a class takes none with more than this many times its pixels; 0 for no '
        'limit, as in the paper',
    )

    def __post_init__(self) -> None:
        _check_refinement(self.refinement)
        if not 0 <= self.min_confidence < 1:
            raise UserError(f'min_confidence must be in [0, 1), but is {self.min_confidence}')
        if self.max_growth < 0 or self.max_growth and not self.segments:
            raise UserError(
                f'max_growth limits the growth to segments, so it needs segments (--segments) and '
                f'must not be negative, but is {self.max_growth}'
            )


@dataclass(frozen=True)
class ProposalSettings(JobSettings):
    """Write boxes that may hold an object, for DeconvNet, and how many objects they find.

    Images are those of the config's ``test_dataloader``, with or without masks; its model is not
    used. An interrupted run continues where it was.

    Example::

        les proposals deconvnet/deconvnet_vgg16_voc_objects --out work_dirs/proposals
    """

    method: str = option(
        'windows',
        'how boxes are found: windows, edge_boxes or selective_search; all but windows need '
        'opencv-contrib-python',
    )
    num: int = option(2000, 'proposals of an image at most')

    def __post_init__(self) -> None:
        from .datasets.proposals import check_method  # which needs OpenCV

        check_method(self.method, self.num)


@dataclass(frozen=True)
class EntropyRankSettings(JobSettings):
    """Divide unlabeled images into easy and hard ones by entropy, step 2 of IntraDA.

    The score of an image is the mean, over all pixels and classes, of the weighted
    self-information of the model's main output at the network's input size. The images with the
    lowest scores are easy, the others hard. Images are those of a stream of ``train_dataloader``,
    prepared by the pipeline of ``test_dataloader``. An interrupted run continues where it was.

    Example::

        les rank intrada/deeplabv2_r101_gta5-to-cityscapes_advent CHECKPOINT --out work_dirs/ranking
    """

    checkpoint: str = option(help='checkpoint file')
    ratio: float | Fraction = option(0.67, 'easy share of the images, in (0, 1)', type=Fraction)
    stream: str = option('target', 'stream of the target images')
    normalize_rare: bool = option(
        False,
        'multiply the score of an image by (K - k) / K + 1/2 if k of the K rare classes are '
        'predicted in it. Off in the paper; the command that the released code documents has it '
        'on, because that code reads "--normalize False" as true',
    )
    rare_classes: Sequence[str] = option(
        (), 'rare classes of a dataset with other classes than Cityscapes'
    )

    def __post_init__(self) -> None:
        if self.rare_classes and not self.normalize_rare:
            raise UserError(
                'rare_classes has no effect without normalize_rare=True (--normalize-rare)'
            )


@dataclass(frozen=True)
class PredictSettings(JobSettings):
    """Settings of ``les predict``."""

    checkpoint: str = option(help='checkpoint file')
    photos: Sequence[str] = option(help='images, folders of images, and .txt lists of images')
    overlay: bool = option(False, 'also write the masks over the photos')
    probabilities: bool = option(False, 'also write the probabilities of all classes')
    crf: bool = option(False, 'let a CRF draw the borders')
    window: int = option(
        1024,
        'side of the windows in which images of more than four times their pixels are predicted; 0 '
        'for never',
    )
    batch_size: int = option(1, 'photos of equal size that are predicted at once')
    workers: int = option(2, 'processes that read photos')

    def __post_init__(self) -> None:
        if self.window < 0 or self.batch_size < 1 or self.workers < 0:
            raise UserError(
                'window and workers must not be negative and batch_size must be positive, but they '
                f'are {self.window}, {self.workers} and {self.batch_size}'
            )


@dataclass(frozen=True)
class DeconvNetPanelSettings(JobSettings):
    r"""Draw what proposals and the layers of the decoder of a DeconvNet contribute.

    Images are those of the config's ``test_dataloader``; its model must be a
    ``ProposalEncoderDecoder`` whose ``test_cfg`` has ``mode='proposal'``.

    Example::

        les deconvnet-panels deconvnet/deconvnet_vgg16_voc_proposals CHECKPOINT --out panels \
            --cfg-options model.test_cfg.mode=proposal
    """

    distributed: ClassVar[bool] = False

    checkpoint: str = option(help='checkpoint file')
    num_images: int = option(6, 'number of images, at equal distances in the list')
    counts: Sequence[int] = option((1, 10, 50), 'numbers of proposals')

    def __post_init__(self) -> None:
        if self.num_images < 1 or min(self.counts, default=0) < 1:
            raise UserError(
                'the numbers of images and of proposals must be at least 1, but are '
                f'{self.num_images} and {list(self.counts)}'
            )


@dataclass(frozen=True)
class SIGNPanelSettings(JobSettings):
    """Draw predictions, weights of pseudo labels and features of a model that generates features.

    Images are those of the config's ``test_dataloader`` and need masks; its model must be a
    :class:`SIGN`.

    Example::

        les sign-panels sign/deeplabv2_r101_voc_self-training CHECKPOINT --out panels
    """

    distributed: ClassVar[bool] = False

    checkpoint: str = option(help='checkpoint file')
    num_images: int = option(
        4,
        'number of panels: the first images that show an unseen class, and if there are fewer, the '
        'first of the others',
    )

    def __post_init__(self) -> None:
        if self.num_images < 1:
            raise UserError(f'the number of images must be at least 1, but is {self.num_images}')


JOBS: dict[str, type[JobSettings]] = {
    'cams': CAMSettings,
    'scores': AffinityScoreSettings,
    'masks': PseudoMaskSettings,
    'proposals': ProposalSettings,
    'rank': EntropyRankSettings,
    'deconvnet-panels': DeconvNetPanelSettings,
    'sign-panels': SIGNPanelSettings,
}
"""Settings by the verb of the command line."""
