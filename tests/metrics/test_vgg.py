import pytest
import torch

from metrics.errors import MetricsError
from metrics.torchvision_ops import declare_missing_operators
from metrics.vgg import N_FEATURES, Vgg16

CPU = torch.device("cpu")


@pytest.mark.slow
def test_fc2_agrees_with_torchvision():
    declare_missing_operators()
    from torchvision.models import vgg16  # noqa: PLC0415 - after its operators

    torch.manual_seed(0)
    network = vgg16(weights=None).eval()
    images = torch.randn(2, 3, 224, 224)

    with torch.inference_mode():
        hidden = network.avgpool(network.features(images)).flatten(1)
        expected = network.classifier[:5](hidden)
        found = Vgg16(network.state_dict(), device=CPU, dtype=torch.float32).fc2(images)

    assert found.shape == (2, N_FEATURES)
    # the same float32 sums in another order
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


def test_vgg16_names_what_is_missing():
    with pytest.raises(
        MetricsError, match=r"not those of VGG16: 'features\.0\.weight'"
    ):
        Vgg16({}, device=CPU, dtype=torch.float32)
