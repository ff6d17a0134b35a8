"""The images of a dataset one by one, on all processes of a launch."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.dist import barrier, get_dist_info, init_dist, is_distributed
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS
from torch.utils.data import DataLoader, Dataset, Subset

from ..core.errors import UserError
from ..core.progress import track
from ..datasets.files.images import read_image
from ..datasets.transforms import LoadCheckedAnnotations, loads_masks
from ..engine import launch


def build_test_images(cfg: Config) -> BaseSegDataset:
    """Build the dataset of ``test_dataloader`` such that its pipeline reads no masks.

    Args:
        cfg (Config): Complete config.

    Returns:
        BaseSegDataset: The dataset.

    Raises:
        ValueError: If the config has no such dataset, or it does not say which classes it has.
    """
    dataset_cfg = (cfg.get('test_dataloader') or {}).get('dataset')
    if not dataset_cfg:
        raise UserError('the config needs test_dataloader.dataset, whose images are processed')
    dataset = DATASETS.build(dataset_cfg)
    if not dataset.metainfo.get('classes'):
        raise UserError(
            'the dataset of test_dataloader does not say which classes it has; set its '
            'metainfo=dict(classes=(...))'
        )
    # In training mode, another image would silently stand for one that the pipeline drops.
    dataset.test_mode = True
    steps = dataset.pipeline.transforms
    dataset.pipeline.transforms = [step for step in steps if not loads_masks(step)]
    return dataset


def has_masks(dataset: BaseSegDataset) -> bool:
    """Whether the images of a dataset have masks."""
    return 'seg_map_path' in dataset.get_data_info(0)


class OriginalFiles(Dataset):
    """Photos and masks as they are in a dataset's files, before any pipeline.

    An item is a dict with ``image``, RGB uint8 (H, W, 3), and, if the dataset has masks, ``mask``,
    class indices or 255, uint8 (H, W).

    Args:
        dataset (BaseSegDataset): The dataset.
        photos (bool): Whether items have an image.
    """

    def __init__(self, dataset: BaseSegDataset, photos: bool = True) -> None:
        self.dataset, self.photos = dataset, photos
        self.load_mask = LoadCheckedAnnotations() if has_masks(dataset) else None

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict:
        info, item = self.dataset.get_data_info(index), {}
        if self.photos:
            item['image'] = read_image(info['img_path'], channel_order='rgb')
            info['ori_shape'] = item['image'].shape[:2]  # which the mask must have
        if self.load_mask:
            item['mask'] = self.load_mask(info)['gt_seg_map']
        return item


def init_processes(cfg: Config) -> None:
    """Join the processes of the launch where no runner does, with or without GPUs.

    Args:
        cfg (Config): With the launcher of the command line. Changed in place.
    """
    launch.init_cpu_processes(cfg)
    if cfg.launcher != 'none' and not is_distributed():
        init_dist(cfg.launcher, **(cfg.get('env_cfg') or {}).get('dist_cfg', {}))


def process_images(
    dataset: Dataset,
    ids: Sequence[str],
    work: Callable[[str, dict[str, Any]], None],
    label: str,
    *,
    done: Collection[str] = (),
    num_workers: int = 0,
) -> None:
    """Do something with each image; every process of the launch does its share.

    Args:
        dataset (Dataset): The images, each of which is prepared once.
        ids (Sequence[str]): Their ids, in the order of the dataset.
        work (Callable[[str, dict], None]): Called with an id and a collated batch of that image.
        label (str): What is being done, for the display of progress.
        done (Collection[str]): Ids of images to leave out. What belongs to whom does not depend on
            it.
        num_workers (int): Workers that prepare images.
    """
    rank, world_size = get_dist_info()
    share = range(rank, len(ids), world_size)
    done = set(done)
    todo = [index for index in share if ids[index] not in done]
    if rest := len(share) - len(todo):
        print_log(f'{label}: {rest} of {len(share)} images were done before', 'current')
    loader = DataLoader(Subset(dataset, todo), num_workers=num_workers, collate_fn=pseudo_collate)
    items = zip(todo, loader, strict=True)
    if rank == 0:
        text = label + f' (process 1 of {world_size})' * (world_size > 1)
        items = track(items, text, len(todo))
    for index, batch in items:
        work(ids[index], batch)
    barrier()


@contextmanager
def reproducible() -> Iterator[None]:
    """Let a network give equal results for equal images in every process.

    Otherwise their last bits depend on which kernel of cuDNN was the fastest, and on a CPU on the
    number of threads, of which there is one here; several processes are as fast as threads.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.benchmark, cudnn.deterministic, torch.get_num_threads()
    cudnn.benchmark, cudnn.deterministic = False, True
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cudnn.benchmark, cudnn.deterministic = before[:2]
        torch.set_num_threads(before[2])


def spread(number: int, count: int) -> list[int]:
    """At most ``count`` indices below a number, at equal distances, with the first and the last."""
    return np.unique(np.linspace(0, number - 1, count, dtype=int)).tolist()
