"""Weights that DeconvNet released for Caffe, from a file of arrays that Caffe exports.

In Python with Caffe, such a file is made by::

    blobs = {f'{layer}/{index}': blob.data for layer, params in net.params.items()
             for index, blob in enumerate(params)}
    numpy.savez('deconvnet.npz', **blobs)

Caffe's own HDF5 files are read as well.
"""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..core.arrays import MAX_BYTES, MAX_RATIO, open_arrays
from ..core.errors import MissingFileError, MissingPackageError, UserError
from .conversion import Conversion, check_tensors, convert_checkpoint, output_width, shape_of

CONVOLUTIONS = (2, 2, 3, 3, 3)  # of the encoder's stages; the decoder has them in reverse
MODULES_PER_CONVOLUTION = 3  # itself, batch norm and ReLU
FC_MULTIPLE = 64
# Caffe's numbers of a convolution's weights and bias, and of a batch norm's scale and shift.
BLOBS = dict(weight=0, bias=1)
HDF5_SUFFIXES = ('.h5', '.hdf5')
NOTES = [
    'filled in: running means of 0 and variances of 1, because the release has its averages folded '
    'into scale and shift. Batch norms must stay in evaluation mode, unless the file is that of a '
    'training stage, which has no averages: estimate them before testing',
    'images: BGR from 0 to 255 minus (104.007, 116.669, 122.679)',
]


def key_table() -> dict[str, str]:
    """Caffe's layer of each of this project's modules that have weights."""
    table = {}
    for stage, count in enumerate(CONVOLUTIONS, start=1):
        # Each earlier stage ends in a pooling.
        first = MODULES_PER_CONVOLUTION * sum(CONVOLUTIONS[: stage - 1]) + stage - 1
        for index in range(count):
            name = f'{stage}_{index + 1}'
            encoder = first + MODULES_PER_CONVOLUTION * index
            decoder = f'decode_head.stages.{len(CONVOLUTIONS) - stage}'
            table[f'backbone.features.{encoder}'] = f'conv{name}'
            table[f'backbone.features.{encoder + 1}'] = f'bn{name}'
            table[f'{decoder}.{MODULES_PER_CONVOLUTION * index}'] = f'deconv{name}'
            table[f'{decoder}.{MODULES_PER_CONVOLUTION * index + 1}'] = f'debn{name}'
    return table | {
        'backbone.fc6.0': 'fc6',
        'backbone.fc6.1': 'bnfc6',
        'backbone.fc7.0': 'fc7',
        'backbone.fc7.1': 'bnfc7',
        'decode_head.fc6_deconv.0': 'fc6-deconv',
        'decode_head.fc6_deconv.1': 'fc6-deconv-bn',
        'decode_head.conv_seg': 'seg-score-voc',
    }


def convert_deconvnet(blobs: Mapping[str, Tensor]) -> Conversion:
    """Rename the weights of DeconvNet's release for ``DeconvNetVGG`` and ``DeconvNetHead``.

    Its batch norm has two blobs only. In the released network they are a scale and a shift,

        y = scale * x + shift,  scale = gamma / sqrt(var + 1e-9),  shift = beta - scale * mean,

    with averages over the training set. They become weight and bias of batch norms with mean 0 and
    variance 1, which compute the same in evaluation mode. In files of the training stages, the two
    are gamma and beta. The first convolution takes BGR images, see the notes.

    Args:
        blobs (Mapping[str, Tensor]): Weights, named layer/index; see :func:`read_caffe_blobs`. Axes
            of length 1 around a vector, as old versions of Caffe have them, are dropped.

    Returns:
        Conversion: The tensors under the names of an ``EncoderDecoder``. Widths, kernel size of fc6
        and number of classes are read off the blobs.

    Raises:
        ValueError: If names or shapes are not those of the network; it lists them.
    """
    try:
        model = _infer_model(blobs)
        with torch.device('meta'):  # names and shapes only
            network = nn.ModuleDict({part: MODELS.build(cfg) for part, cfg in model.items()})
        expected = {
            f'{layer}/{index}': network.get_parameter(f'{module}.{tensor}')
            for module, layer in key_table().items()
            for tensor, index in BLOBS.items()
        }
        vectors = {name for name, tensor in expected.items() if tensor.ndim == 1}
        blobs = {n: _as_vector(blob) if n in vectors else blob for n, blob in blobs.items()}
        check_tensors(blobs, expected)
    except ValueError as error:
        raise UserError(
            f"the weights are not those of DeconvNet's release, so nothing was converted; {error}"
        ) from error
    weights = {}
    for module, layer in key_table().items():
        for tensor, index in BLOBS.items():
            weights[f'{module}.{tensor}'] = blobs[f'{layer}/{index}'].float()
        norm = network.get_submodule(module)
        if isinstance(norm, nn.BatchNorm2d):
            weights[f'{module}.running_mean'] = torch.zeros(norm.num_features)
            # With what batch norm adds to the variance, 1.
            weights[f'{module}.running_var'] = torch.full((norm.num_features,), 1 - norm.eps)
            weights[f'{module}.num_batches_tracked'] = torch.tensor(0)
    return Conversion(weights, model, NOTES)


def convert_deconvnet_file(source: str | Path, target: str | Path) -> Conversion:
    """Convert a file with :func:`convert_deconvnet`.

    Args:
        source (str | Path): File of blobs, ``.npz`` or HDF5.
        target (str | Path): ``.pth`` file to write. It is complete or absent, also when this fails.

    Returns:
        Conversion: What was written.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ImportError: If ``source`` is an HDF5 file and h5py is not installed.
        ValueError: If ``source`` cannot be read or holds another network, or if ``target`` does not
            end in ``.pth``.
    """
    return convert_checkpoint(source, target, convert_deconvnet, {}, read_caffe_blobs)


def read_caffe_blobs(path: str | Path) -> dict[str, Tensor]:
    """Read a file of Caffe's blobs.

    Args:
        path (str | Path): ``.npz`` file with arrays named layer/index, or Caffe's HDF5 file
            (``.h5``, ``.hdf5``), which has them in the group ``data``.

    Returns:
        dict[str, Tensor]: The blobs, named layer/index, such as ``conv1_1/0``.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If it is an HDF5 file and h5py is not installed.
        ValueError: If it is another file, or damaged.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise MissingFileError(f'checkpoint {str(path)!r} does not exist')
    if path.suffix not in ('.npz', *HDF5_SUFFIXES):
        raise UserError(
            f'{str(path)!r} must be an .npz or HDF5 file of blobs; export them from a .caffemodel '
            'with Caffe, see label_efficient_seg/converters/deconvnet_caffe.py'
        )
    try:
        arrays = _read_npz(path) if path.suffix == '.npz' else _read_hdf5(path)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}
    except MissingPackageError:
        raise
    except (
        OSError,
        TypeError,
        ValueError,
        KeyError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ) as e:
        raise UserError(f"{str(path)!r} is no file of Caffe's blobs, or damaged: {e}") from e


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with open_arrays(path, "Caffe's blobs", 'the export') as file:
        return {name: file[name] for name in file}


def _read_hdf5(path: Path) -> dict[str, np.ndarray]:
    try:
        import h5py
    except ImportError as error:
        raise MissingPackageError(
            f'reading {str(path)!r} needs h5py (pip install h5py); or export an .npz file instead'
        ) from error
    with h5py.File(path, 'r') as file:
        blobs = {
            f'{layer}/{index}': blob
            for layer, group in file['data'].items()
            for index, blob in group.items()
        }
        # h5py would take memory for values that a file announces, but does not hold.
        for name, blob in blobs.items():
            if blob.nbytes > MAX_RATIO * blob.id.get_storage_size():
                raise UserError(f'{name} announces {blob.nbytes:,} bytes, which it does not hold')
        if (total := sum(blob.nbytes for blob in blobs.values())) > MAX_BYTES:
            raise UserError(f'its arrays need {total:,} bytes, more than {MAX_BYTES:,}')
        return {name: blob[()] for name, blob in blobs.items()}


def _infer_model(blobs: Mapping[str, Tensor]) -> dict:
    """Configs of the networks that blobs belong to, read off names and widths.

    Raises:
        ValueError: If there is no such network.
    """
    base = output_width(blobs, 'conv1_1/0')
    output_width(blobs, 'fc6/0')
    kernel_size = shape_of(blobs['fc6/0'])[-1]
    backbone: dict = dict(type='DeconvNetVGG')
    head: dict = dict(type='DeconvNetHead', in_channels=FC_MULTIPLE * base)
    head['num_classes'] = output_width(blobs, 'seg-score-voc/0')
    if base != 64:
        backbone['base_channels'] = head['channels'] = base
    if kernel_size != 7:
        backbone['fc6_kernel_size'] = head['fc6_kernel_size'] = kernel_size
    return dict(backbone=backbone, decode_head=head)


def _as_vector(blob: Tensor) -> Tensor:
    """The blob without its axes of length 1, unless more than one axis is longer."""
    return blob.flatten() if blob.numel() == max(blob.shape, default=0) else blob
