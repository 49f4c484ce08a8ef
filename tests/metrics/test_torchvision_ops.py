import subprocess
import sys

from metrics.torchvision_ops import declare_missing_operators


def test_torchvision_can_be_imported_after_the_declaration():
    code = (
        "from metrics.torchvision_ops import declare_missing_operators as declare\n"
        "declare(); declare()\n"
        "import torchvision.models, torchvision.transforms.v2\n"
    )

    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_declare_missing_operators_declares_once():
    assert declare_missing_operators() is declare_missing_operators()
