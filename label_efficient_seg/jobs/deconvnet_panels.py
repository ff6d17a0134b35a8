"""Shows on single images what proposals and the layers of the decoder contribute."""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.progress import track
from ..job_settings import DeconvNetPanelSettings
from ..ops import crop_boxes
from ..visualization import make_activation_panel, make_aggregation_panel, save_image
from .base import Job
from .image_loop import OriginalFiles, spread

# Among so many of the best proposals, one is shown layer by layer.
CANDIDATES = 10


class DeconvNetPanelJob(Job):
    """Draws what proposals and the layers of the decoder of a DeconvNet contribute.

    See :class:`DeconvNetPanelSettings`.

    Files in the folder::

        aggregation/<id>.png    proposals, and predictions with some numbers of them
        activations/<id>.png    one proposal, layer by layer; only of a ``DeconvNetHead``
        log/
    """

    Settings = DeconvNetPanelSettings

    def work(self) -> None:
        model, ids, meta = self.load_model(), self.ids, self.dataset.metainfo
        if not getattr(model, 'by_proposals', False):
            raise UserError(
                f'the {type(model).__name__} of this config does not segment by proposals; set '
                "model.type='ProposalEncoderDecoder' and model.test_cfg.mode='proposal'"
            )
        files, chosen = OriginalFiles(self.dataset), spread(len(ids), self.settings.num_images)
        for index in track(chosen, 'panels', len(chosen)):
            batch, item = pseudo_collate([self.dataset[index]]), files[index]
            boxes, predictions = self._predict(model, batch)
            panel = make_aggregation_panel(
                item['image'], boxes, predictions, meta['classes'], meta['palette'],
                item.get('mask'), caption=ids[index],
            )  # fmt: skip
            save_image(panel, self.out_dir / 'aggregation' / f'{ids[index]}.png')
            self._draw_layers(model, batch, item['image'], ids[index])
        print_log(f'panels of {len(chosen)} images are in {self.out_dir}', 'current')

    def _predict(self, model: nn.Module, batch: dict) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        """Boxes in pixels of the file, and class indices by the number of proposals."""
        predictions = {}
        for count in sorted(self.settings.counts):
            model.settings['num_proposals'] = count
            (result,) = model.test_step(copy.deepcopy(batch))
            predictions[count] = result.pred_sem_seg.data[0].cpu().numpy()
        size = tuple(result.ori_shape[:2])
        # Boxes of the file, not of what the pipeline made of it.
        boxes = model.boxes_of(dict(proposals=result.proposals, ori_shape=size), size)
        return boxes.numpy(), predictions

    @torch.no_grad()
    def _draw_layers(self, model: nn.Module, batch: dict, image: np.ndarray, name: str) -> None:
        if not hasattr(model.decode_head, 'fc6_deconv'):
            return
        data = model.data_preprocessor(copy.deepcopy(batch), False)
        inputs, size = data['inputs'][0], model.settings['crop_size']
        boxes = model.boxes_of(data['data_samples'][0].metainfo, tuple(inputs.shape[1:]))
        if not len(boxes):
            return
        crops = crop_boxes(inputs, boxes[:CANDIDATES], size)
        foreground = 1 - model(crops).softmax(1)[:, 0]
        best = int(foreground.mean((1, 2)).argmax())
        photo = torch.from_numpy(image).permute(2, 0, 1).float()
        scale = [b / a for a, b in zip(inputs.shape[:0:-1], image.shape[1::-1], strict=True)]
        box = (boxes[best : best + 1] * torch.tensor(scale * 2)).round().long()
        shown = crop_boxes(photo, box, size)[0].permute(1, 2, 0).round().byte().numpy()
        maps = decoder_activations(model, crops[best], foreground[best])
        panel = make_activation_panel(shown, maps, f'{name}: proposal {best + 1}')
        save_image(panel, self.out_dir / 'activations' / f'{name}.png')


@torch.no_grad()
def decoder_activations(
    model: nn.Module, image: Tensor, foreground: Tensor
) -> list[tuple[str, np.ndarray]]:
    """One channel of each level of a ``DeconvNetHead``: before and after its convolutions.

    It is the channel that goes with the foreground best, by the correlation over the pixels. An
    unpooled map is shown in the channel of the layer before, whose values it spreads.

    Args:
        model (nn.Module): Segmentor with that head.
        image (Tensor): Preprocessed, shape (3, H, W).
        foreground (Tensor): How likely a pixel is of any class but the background, shape (H, W).

    Returns:
        list[tuple[str, np.ndarray]]: Name with size, and map, from the smallest to the largest.

    Source: Noh et al., Learning Deconvolution Network, ICCV 2015, fig. 4.
    """
    head, seen = model.decode_head, []

    def keep(kind: str, features: Tensor) -> None:
        seen.append((kind, features[0].float()))

    handles = [head.fc6_deconv.register_forward_hook(lambda _, __, out: keep('fc6-deconv', out))]
    for stage in head.stages:
        handles.append(stage.register_forward_pre_hook(lambda _, args: keep('unpool', args[0])))
        handles.append(stage.register_forward_hook(lambda _, __, out: keep('deconv', out)))
    try:
        model(image[None])
    finally:
        for handle in handles:
            handle.remove()
    found, channel = [], 0
    for kind, features in seen:
        if kind != 'unpool':
            channel = _channel_of(features, foreground)
        height, width = features.shape[1:]
        found.append((f'{kind} {width}x{height}', features[channel].cpu().numpy()))
    return found


def _channel_of(features: Tensor, foreground: Tensor) -> int:
    """Index of the channel, of (C, h, w), that correlates most with a map (H, W)."""
    size = tuple(features.shape[1:])
    target = F.interpolate(foreground[None, None], size, mode='bilinear', antialias=True).flatten()
    target, values = target - target.mean(), features.flatten(1)
    values = values - values.mean(1, keepdim=True)
    return int((values @ target / values.norm(dim=1).clamp(min=1e-8)).argmax())
