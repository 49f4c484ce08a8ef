import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_warning_is_explained_in_the_documentation():
    raised = set()
    for path in (ROOT / "metrics").rglob("*.py"):
        raised |= set(re.findall(r'Finding\(\s*"([a-z0-9-]+)"', path.read_text()))
    text = (ROOT / "docs" / "metrics.md").read_text()
    table = text.split("## Warnings")[1].split("\n## ")[0]

    assert raised == set(re.findall(r"^\| `([a-z0-9-]+)`", table, flags=re.MULTILINE))
