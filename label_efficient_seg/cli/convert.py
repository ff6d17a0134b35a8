"""Convert released weights, labels and images into those of this project, or back.

Examples::

    les convert advent gta2cityscapes_advent.pth data/weights/gta2cityscapes.pth --to ours
    les convert affinitynet res38_cls.pth data/weights/res38_cls.pth --to ours
    les convert deconvnet deconvnet.npz data/weights/deconvnet_voc.pth
    les convert torchvision-vgg16 vgg16-397923af.pth data/weights/vgg16_imagenet.pth
    les convert gta5 data/gta5
    les convert resize data/VOCdevkit/VOC2012 data/voc_256 --long-side 256
    les convert weather data/camvid data/camvid_fog --weather fog
"""

import argparse
import pprint
from typing import Literal

from .arguments import add_trust

DEEPLABV2 = {
    'advent': 'DeepLabv2 of ADVENT or IntraDA',
    'adaptsegnet': 'DeepLabv2 of AdaptSegNet',
    'advsemi': 'DeepLabv2 of AdvSemiSeg',
}
BOTH_WAYS = {**DEEPLABV2, 'affinitynet': 'classifier or affinity network of AffinityNet'}
TO_OURS = {
    'deconvnet': 'DeconvNet, from an .npz or HDF5 file of blobs named layer/index',
    'sign': 'encoder, generator, discriminator and classifier of SIGN',
    'unimatch': 'DeepLabv3+ on ResNet of UniMatch',
    'unimatch-v2': 'DINOv2 with DPT of UniMatch V2',
    'daformer': 'MiT with the decoder of DAFormer, of DAFormer, HRDA or MIC',
    'mxnet-resnet38': 'ResNet38 of MXNet, for AffinityNet',
    'caffe-vgg16': 'convolutions of a VGG16 from Caffe, such as HED, for AffinityNet or DeconvNet',
    'torchvision-vgg16': "torchvision's VGG16, for AffinityNet",
    'torchvision-mobilenetv2': "torchvision's MobileNetV2, for MMSeg's backbone",
}
LABELS = {
    'gta5': 'labels of GTA5 to train ids of Cityscapes',
    'synthia': 'labels of SYNTHIA to train ids of Cityscapes',
    'synscapes': 'labels of Synscapes to train ids of Cityscapes',
}
COPIES = {
    'resize': 'a smaller copy of a dataset',
    'weather': 'a copy of street scenes in synthetic fog or night',
}
ABOUT_LABELS = (
    'Writes labels_train_ids/ and the list labels_train_ids.txt below ROOT. Masks that exist are '
    'checked and kept, so run it again after an interruption. The exit status is 1 if an image has '
    'no sound mask.'
)
ABOUT_RESIZE = (
    'Copies images and masks with their long side of at most so many pixels. Files that exist in '
    'the copy are left as they are, so run it again after an interruption.'
)
ABOUT_WEATHER = (
    'Copies images of streets, taken from a car by day, into synthetic fog or night, and masks as '
    'they are: a target domain for which all masks are known. Files that exist in the copy are '
    'left as they are, so run it again after an interruption.'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    kinds = parser.add_subparsers(dest='kind', metavar='KIND', required=True)
    for name, text in (BOTH_WAYS | TO_OURS).items():
        kind = kinds.add_parser(name, help=text, description=f'Convert weights: {text}.')
        kind.add_argument('source', help='weights to read')
        kind.add_argument('target', help='.pth file to write')
        if name in BOTH_WAYS:
            kind.add_argument('--to', choices=['ours', 'official'], required=True)
        if name == 'sign':
            _add_sign(kind)
        add_trust(kind, 'the source')
    for name, text in LABELS.items():
        kind = kinds.add_parser(name, help=text, description=ABOUT_LABELS)
        kind.add_argument('root', help='folder of the dataset in its published layout')
        kind.add_argument('--workers', type=int, help='threads (default: usable cores, at most 16)')
    resize = _add_copy(kinds, 'resize', ABOUT_RESIZE, 'JPEGImages', 'SegmentationClass')
    resize.add_argument('--long-side', type=int, required=True, help='in pixels')
    weather = _add_copy(kinds, 'weather', ABOUT_WEATHER, 'images', 'labels')
    weather.add_argument('--weather', choices=['fog', 'night'], required=True)
    weather.add_argument('--seed', type=int, default=0, help='of the random strength (default: 0)')


def _add_copy(
    kinds: argparse._SubParsersAction, name: str, about: str, images: str, masks: str
) -> argparse.ArgumentParser:
    kind = kinds.add_parser(name, help=COPIES[name], description=about)
    kind.add_argument('source', help='root folder of the dataset')
    kind.add_argument('target', help='root folder of the copy')
    for word, folder in (('images', images), ('masks', masks)):
        kind.add_argument(
            f'--{word}', nargs='+', default=[folder], help=f'folders of {word} (default: {folder})'
        )
    return kind


def _add_sign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--dataset', choices=['voc', 'context', 'coco-stuff'], required=True)
    parser.add_argument(
        '--embeddings',
        nargs='+',
        help='word vectors for the config of the model, such as a .npz file of les embeddings; '
        'Context needs them',
    )


def run(args: argparse.Namespace) -> int:
    """Convert, and print the config of the model and what was left out or filled in."""
    from .. import api
    from ..converters import format_summary

    if args.kind in COPIES:
        folders = (args.source, args.target)
        content = dict(images=args.images, masks=args.masks)
        if args.kind == 'resize':
            number = api.resize_dataset(*folders, args.long_side, **content)
        else:
            number = api.weather_dataset(*folders, args.weather, **content, seed=args.seed)
        print(f"{number} files in '{args.target}'")
        return 0
    if args.kind in LABELS:
        summary = api.convert_labels(args.kind, args.root, args.workers)
        print(format_summary(summary))
        return int(bool(summary.faults))
    to: Literal['ours', 'official'] = getattr(args, 'to', 'ours')
    options = {name: getattr(args, name) for name in ('dataset', 'embeddings') if name in args}
    conversion = api.convert(
        args.kind, args.source, args.target, to, trust_checkpoint=args.trust_checkpoint, **options
    )
    for note in conversion.notes:
        print(f'note: {note}')
    if to == 'ours' and conversion.model:
        print(f'model = {pprint.pformat(conversion.model, sort_dicts=False)}')
    print(args.target)
    return 0
