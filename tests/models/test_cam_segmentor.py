from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample
from PIL import Image

from label_efficient_seg.engine import launch
from tests.models import tiny_cam

CLASSES = 4
SPEC = dict(num_train=4, num_val=4, num_target_train=1, num_target_val=1)
OPTIONS = {
    'train_dataloader.tagged.batch_size': 2,
    'train_dataloader.tagged.num_workers': 0,
    'train_dataloader.tagged.persistent_workers': False,
    'train_dataloader.tagged.dataset.spec': SPEC,
    'val_dataloader.batch_size': 2,
    'val_dataloader.num_workers': 0,
    'val_dataloader.persistent_workers': False,
    'val_dataloader.dataset.spec': SPEC,
    'test_dataloader.num_workers': 0,
    'test_dataloader.dataset.spec': SPEC,
    'model.backbone.base_channels': 4,
    'model.backbone.stem_channels': 4,
    'model.head.in_channels': 32,
    'train_cfg.val_interval': 2,
    'default_hooks.checkpoint.interval': 2,
    'log_level': 'ERROR',
}


def sample(tags: list[int] | None = None, ori: tuple[int, int] = (33, 46)) -> SegDataSample:
    metainfo = dict(img_path='x.jpg', ori_shape=ori, img_shape=ori)
    return SegDataSample(metainfo=metainfo | ({} if tags is None else dict(image_labels=tags)))


def pillow_resize(image: np.ndarray, scale: float) -> np.ndarray:
    height, width = (round(length * scale) for length in image.shape[1:])
    planes = [Image.fromarray(plane).resize((width, height), Image.BICUBIC) for plane in image]
    return np.stack([np.asarray(plane) for plane in planes])


def bilinear(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Interpolate (C, h, w) between pixel centres, one axis after the other."""
    for axis, length in ((1, size[0]), (2, size[1])):
        old = values.shape[axis]
        position = np.clip((np.arange(length) + 0.5) * old / length - 0.5, 0, old - 1)
        low = np.floor(position).astype(int)
        high, weight = np.minimum(low + 1, old - 1), position - low
        shape = [-1 if i == axis else 1 for i in range(3)]
        weight = weight.reshape(shape)
        values = values.take(low, axis) * (1 - weight) + values.take(high, axis) * weight
    return values


@torch.no_grad()
def plain_cams(model, image: np.ndarray, classes: list[int], size, root: bool = False):
    """Maps of the classes and probabilities of all, written down as in the paper."""
    weight = model.head.classifier.weight.numpy()[:, :, 0, 0]
    total, scores = 0, []
    for scale in model.scales:
        for flip in (False, True):
            scaled = pillow_resize(image, scale) if scale != 1 else image
            scaled = scaled[:, :, ::-1] if flip else scaled
            features = model.backbone(torch.from_numpy(scaled.copy())[None])[-1][0].numpy()
            response = np.einsum('ck,khw->chw', weight, features)
            scores.append(1 / (1 + np.exp(-response.mean((1, 2)))))
            maps = np.maximum(response[[c - 1 for c in classes]], 0)
            maps = bilinear(np.sqrt(maps) if root else maps, size)
            total = total + (maps[:, :, ::-1] if flip else maps)
    cams = total / (total.max((1, 2), keepdims=True) + 1e-5)
    return cams, np.mean(scores, 0)


@pytest.mark.parametrize('root', [False, True])
@pytest.mark.parametrize('size', [(33, 46), (40, 61)])
def test_equals_a_plain_rendering(root, size):
    # The second size is that of an image that the pipeline made smaller.
    model = tiny_cam.build_segmentor(CLASSES, scales=(1.0, 0.5, 1.5), square_root=root)
    image, tags = torch.randn(1, 3, 33, 46), [1, 4]
    (result,) = model.predict(image, [sample(tags, size)])
    expected, _ = plain_cams(model, image[0].numpy(), tags, size, root)
    np.testing.assert_allclose(result.cams.data, expected, atol=1e-4)
    assert result.cams.data.dtype == torch.float32 and result.cam_classes == tags
    background = (1 - expected.max(0, keepdims=True)) ** 16
    index = np.concatenate([background, expected]).argmax(0)
    prediction = result.pred_sem_seg.data[0].numpy()
    assert (prediction == np.array([0, *tags])[index]).mean() > 0.999
    assert set(np.unique(prediction)) == {0, 1, 4}


def test_predicted_labels():
    image = torch.randn(1, 3, 33, 46)
    for threshold in (0.2, 0.5, 0.8):
        model = tiny_cam.build_segmentor(CLASSES, labels='predicted', label_threshold=threshold)
        everything = list(range(1, CLASSES + 1))
        cams, scores = plain_cams(model, image[0].numpy(), everything, (33, 46))
        expected = [c for c in everything if scores[c - 1] > threshold]
        # Tags are not read, even if there are any.
        (result,) = model.predict(image, [sample([1])])
        assert result.cam_classes == expected
        maps = cams[[c - 1 for c in expected]]
        np.testing.assert_allclose(result.cams.data, maps, atol=1e-4)


@pytest.mark.parametrize('tags', [[], [1, 2, 3, 4]])
def test_no_class_and_all_classes(tags):
    model = tiny_cam.build_segmentor(CLASSES, scales=(1.0,), flip=False)
    (result,) = model.predict(torch.randn(1, 3, 20, 24), [sample(tags, (20, 24))])
    assert result.cams.data.shape == (len(tags), 20, 24)
    assert result.pred_sem_seg.data.shape == (1, 20, 24)
    assert set(result.pred_sem_seg.data.unique().tolist()) <= {0, *tags}


def test_images_of_a_batch_are_read_one_at_a_time():
    model, sizes = tiny_cam.build_segmentor(CLASSES), []
    model.backbone.register_forward_pre_hook(lambda _, args: sizes.append(tuple(args[0].shape)))
    images = torch.randn(2, 3, 24, 32)
    together = model.predict(images, [sample([1, 2]), sample([3])])
    assert all(size[0] == 1 for size in sizes) and len(sizes) == 2 * 4 * 2
    for image, result, tags in zip(images, together, ([1, 2], [3]), strict=True):
        (alone,) = model.predict(image[None], [sample(tags)])
        assert result.cams.data.equal(alone.cams.data)


def test_padding_does_not_count():
    model = tiny_cam.build_segmentor(CLASSES)
    image = torch.randn(1, 3, 20, 24)
    padded = torch.nn.functional.pad(image, (0, 8, 0, 12))
    (one,) = model.predict(image, [sample([2], (20, 24))])
    (two,) = model.predict(padded, [sample([2], (20, 24))])
    assert one.cams.data.equal(two.cams.data)


def test_tags_are_needed():
    model, image = tiny_cam.build_segmentor(CLASSES), torch.randn(1, 3, 20, 24)
    with pytest.raises(ValueError, match=r"'x.jpg' comes without image_labels: .* meta_keys"):
        model.predict(image, [sample()])
    with pytest.raises(ValueError, match=r"'x.jpg' has the tag 5, .* the classes 1 to 4"):
        model.predict(image, [sample([2, 5])])
    with pytest.raises(ValueError, match='has the tag 0'):
        model.predict(image, [sample([0])])
    with pytest.raises(ValueError, match='CAMSegmentor does not train'):
        model(image, [sample([1])], mode='loss')
    with pytest.raises(ValueError, match="'given' or 'predicted'"):
        tiny_cam.build_segmentor(labels='guessed')


def load(work_dir: Path, options: dict) -> Config:
    cfg = launch.load_config('affinitynet/resnet18_toy_cls', str(work_dir))
    cfg.merge_from_dict({k: v for k, v in options.items() if cfg.get(k.split('.')[0]) is not None})
    cfg.experiment_name = work_dir.name
    return cfg


def train(work_dir: Path, iterations: int, resume: bool = False, **options) -> dict:
    """Train the toy's classifier in miniature; its weights."""
    init_default_scope('mmseg')
    options = {**OPTIONS, 'train_cfg.max_iters': iterations, **options}
    cfg = load(work_dir, options)
    # The end of the schedule is that of the whole training, also of an interrupted one.
    cfg.param_scheduler[0].end = 4
    if resume:
        launch.set_resume(cfg)
    return launch.build_runner(cfg).train().state_dict()


def test_a_trained_classifier_is_taken_over(tmp_path):
    pytest.importorskip('mmpretrain')
    whole = train(tmp_path / 'whole', 4)
    train(tmp_path / 'resumed', 2)
    resumed = train(tmp_path / 'resumed', 4, resume=True)
    assert whole.keys() == resumed.keys()
    assert all(whole[key].equal(resumed[key]) for key in whole)

    init_default_scope('mmseg')
    cams = {'model.type': 'CAMSegmentor', 'model.scales': (1.0,)}
    cfg = load(tmp_path / 'cam', {**OPTIONS, **cams})
    launch.prepare_test(cfg, str(tmp_path / 'whole' / 'iter_4.pth'))
    runner = launch.build_runner(cfg)
    metrics = runner.test()
    assert 0 <= metrics['mIoU'] <= 100
    assert runner.model.head.classifier.weight.equal(whole['head.classifier.weight'])
    assert set(runner.model.state_dict()) == set(whole)


def test_number_of_classes_is_checked(tmp_path):
    pytest.importorskip('mmpretrain')
    message = r'model\.head has num_classes=7, but the dataset has \d foreground classes \(striped'
    with pytest.raises(ValueError, match=message):
        train(tmp_path, 2, **{'model.head.num_classes': 7})
