import warnings

import pytest
import torch

from metrics.errors import MetricsError
from metrics.inception import (
    FID_INCEPTION,
    IMAGENET_INCEPTION,
    InceptionV3,
    check_state,
    fold_batch_norms,
)
from metrics.torchvision_ops import declare_missing_operators

ALL = frozenset({"64", "192", "768", "2048", "spatial", "logits"})
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def torchvision_network():
    """torchvision's Inception with weights that keep its activations' scale."""
    declare_missing_operators()
    from torchvision.models import inception_v3  # noqa: PLC0415 - after its operators

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = inception_v3(weights=None, init_weights=False, transform_input=False)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.normal_(module.bias, 0, 0.1)
        elif isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return network.eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, 299, 299, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def torchvision_layers(torchvision_network, images):
    """Layers seen by hooks in torchvision's own network, before any of our code."""
    seen = {}
    hooks = {
        "64": torchvision_network.maxpool1,
        "192": torchvision_network.maxpool2,
        "768": torchvision_network.Mixed_6e,
        "spatial": torchvision_network.Mixed_6d.branch1x1,
        "2048": torchvision_network.Mixed_7c,
    }
    for name, module in hooks.items():
        module.register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.update({name: output})
        )
    with torch.inference_mode():
        logits = torchvision_network(images)
    layers = {
        name: seen[name].mean(dim=(2, 3)) for name in ("64", "192", "768", "2048")
    }
    layers["spatial"] = seen["spatial"].relu()[:, :7].flatten(1)
    layers["logits"] = logits - torchvision_network.fc.bias
    return layers


@pytest.mark.slow
def test_imagenet_inception_agrees_with_torchvision(
    torchvision_network, images, torchvision_layers
):
    network = InceptionV3(
        torchvision_network.state_dict(),
        IMAGENET_INCEPTION,
        device=CPU,
        dtype=torch.float32,
    )

    with torch.inference_mode():
        found = network.layers(images, ALL)

    assert set(found) == ALL
    for name, expected in torchvision_layers.items():
        scale = expected.abs().max()
        # the same float32 sums in another order
        assert (found[name] - expected).abs().max() < 1e-5 * scale, name


@pytest.mark.slow
def test_layers_computes_only_what_is_wanted(torchvision_network, images):
    network = InceptionV3(
        torchvision_network.state_dict(),
        IMAGENET_INCEPTION,
        device=CPU,
        dtype=torch.float32,
    )

    with torch.inference_mode():
        assert set(network.layers(images[:1], frozenset({"64"}))) == {"64"}


@pytest.mark.slow
def test_bfloat16_stays_near_float32(inception_weights, images):
    state = torch.load(inception_weights, weights_only=True)
    exact, rounded = (
        InceptionV3(state, FID_INCEPTION, device=CPU, dtype=dtype)
        for dtype in (torch.float32, torch.bfloat16)
    )

    with torch.inference_mode():
        # A quarter of an image: not every processor is fast at bfloat16.
        quarters = images[:, :, :150, :150]
        wanted = exact.layers(quarters, frozenset({"2048"}))["2048"]
        found = rounded.layers(quarters, frozenset({"2048"}))["2048"]

    assert found.dtype == torch.float32
    # bfloat16 keeps 8 bits; the published table of faster ways saw 1.7e-2
    assert (found - wanted).norm() < 3e-2 * wanted.norm()


def test_fold_batch_norms_names_what_is_missing():
    with pytest.raises(MetricsError, match=r"lack the tensor 'a\.bn\.weight'"):
        fold_batch_norms({"a.conv.weight": torch.zeros(1, 1, 1, 1)})


def test_check_state_refuses_other_networks():
    with pytest.raises(MetricsError, match="not those of an Inception v3"):
        check_state({"x": torch.zeros(1)}, FID_INCEPTION)


@pytest.mark.slow
def test_check_state_refuses_other_class_counts(torchvision_network):
    with pytest.raises(MetricsError, match="must have 1008 classes, got 1000"):
        check_state(torchvision_network.state_dict(), FID_INCEPTION)


@pytest.mark.slow
def test_check_state_refuses_nan(torchvision_network):
    state = dict(torchvision_network.state_dict())
    state["fc.bias"] = torch.full((1000,), torch.nan)

    with pytest.raises(MetricsError, match=r"tensor fc\.bias is not finite"):
        check_state(state, IMAGENET_INCEPTION)
