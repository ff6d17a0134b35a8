import torch
import torch.nn.functional as F
from mmseg.registry import MODELS


def build(**kwargs):
    return MODELS.build(
        dict(type='FeatureDiscriminator', in_channels=5, num_classes=3, channels=7, **kwargs)
    )


def test_equals_the_formula():
    network, features = build().eval(), torch.randn(2, 5, 4, 6)
    state = network.state_dict()
    hidden = F.conv2d(features, state['shared.0.weight'], state['shared.0.bias']).clamp(min=0)
    judgement, scores = network(features)
    torch.testing.assert_close(
        judgement, F.conv2d(hidden, state['judge.weight'], state['judge.bias'])
    )
    torch.testing.assert_close(
        scores, F.conv2d(hidden, state['classifier.weight'], state['classifier.bias'])
    )
    assert judgement.shape == (2, 1, 4, 6) and scores.shape == (2, 3, 4, 6)
    assert len(state) == 6


def test_dropout_is_between_the_layers_in_training_only():
    network, features = build(dropout=0.5), torch.randn(1, 5, 4, 4)
    assert not torch.equal(network.train()(features)[1], network(features)[1])
    assert torch.equal(network.eval()(features)[1], network(features)[1])


def test_least_squares_of_the_paper_and_the_loss_of_the_release():
    judgement = torch.tensor([[[[-1.0, 0.5, 3.0]]]])
    valid = torch.tensor([[[True, True, False]]])
    assert build().adversarial_loss(judgement, True, valid) == (2**2 + 0.5**2) / 2
    assert build().adversarial_loss(judgement, False, valid) == (1 + 0.5**2) / 2
    released = build(loss_adv=dict(type='SigmoidL1Loss'))
    torch.testing.assert_close(
        released.adversarial_loss(judgement, False, valid), judgement[0, 0, 0, :2].sigmoid().mean()
    )
    assert build().adversarial_loss(judgement, True, valid & False) == 0


def test_initialisation_of_the_release():
    network = MODELS.build(dict(type='FeatureDiscriminator', in_channels=200, num_classes=90))
    network.init_weights()
    for conv in (network.shared[0], network.judge, network.classifier):
        fan_in = conv.weight[0].numel()
        # The standard error of the few weights of the judge.
        tolerance = 4 / (2 * conv.weight.numel()) ** 0.5
        deviation = (2 / fan_in) ** 0.5
        assert abs(conv.weight.std() / deviation - 1) < tolerance
        assert (conv.bias == 0).all()
