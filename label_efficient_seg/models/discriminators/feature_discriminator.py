from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class FeatureDiscriminator(BaseModule):
    """D and C of SIGN: is a pixel's feature real, and of which class is it?

    Both share a 1x1 convolution, ReLU and dropout, and end in a 1x1 convolution each.

    Args:
        in_channels (int): Channels of the features.
        num_classes (int): Number of classes.
        channels (int): Channels of the shared layer.
        dropout (float): Dropout ratio of the shared layer.
        loss_adv (dict, optional): The GAN loss. ``dict(type='AdversarialLoss', mode='lsgan')``, as
            in the paper, when absent; the released code has ``dict(type='SigmoidL1Loss')``.
        init_cfg (dict, optional): Initialisation; that of the release when absent.

    Source: Gu et al., CaGNet, ACM MM 2020; Cheng et al., SIGN, ICCV 2021.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        channels: int = 1024,
        dropout: float = 0.5,
        loss_adv: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d', mode='fan_in'))
        self.shared = nn.Sequential(
            nn.Conv2d(in_channels, channels, 1), nn.ReLU(inplace=True), nn.Dropout(dropout)
        )
        self.judge = nn.Conv2d(channels, 1, 1)
        self.classifier = nn.Conv2d(channels, num_classes, 1)
        self.loss_adv = MODELS.build(loss_adv or dict(type='AdversarialLoss', mode='lsgan'))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Judge and classify features.

        Args:
            features (Tensor): (N, in_channels, H, W).

        Returns:
            tuple[Tensor, Tensor]: Scores of being real, (N, 1, H, W), the higher the more real,
            and of the classes, (N, num_classes, H, W).
        """
        hidden = self.shared(features)
        return self.judge(hidden), self.classifier(hidden)

    def adversarial_loss(self, judgement: Tensor, real: bool, valid: Tensor) -> Tensor:
        """GAN loss of judgements against one label.

        Args:
            judgement (Tensor): Scores of being real, (N, 1, H, W).
            real (bool): The label that the loss pulls towards.
            valid (Tensor): Boolean mask of the pixels that count, (N, H, W).

        Returns:
            Tensor: Scalar mean over the valid pixels; 0 when there is none.
        """
        return self.loss_adv(judgement, real, valid[:, None])
