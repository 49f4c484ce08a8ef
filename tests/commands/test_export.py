import json

import pytest
from django.core.management import CommandError, call_command

from tests.factories import join, walk

pytestmark = pytest.mark.django_db


def test_export_writes_a_file(study, tmp_path):
    walk(join(study))
    out = tmp_path / "trials.json"
    call_command("export", study.slug, what="trials", form="json", out=out)
    assert len(json.loads(out.read_text())) == 4


def test_export_names_the_studies_there_are(study, tmp_path):
    with pytest.raises(CommandError, match=r"no study 'x'; there are: a-study\."):
        call_command("export", "x", out=tmp_path / "x.csv")


def test_export_says_where_it_cannot_write(study, tmp_path):
    with pytest.raises(CommandError, match="cannot be written: No such file"):
        call_command("export", study.slug, out=tmp_path / "no" / "x.csv")


def test_the_dictionary_is_printed(capsys):
    call_command("data_dictionary")
    assert capsys.readouterr().out.startswith("# Data dictionary\n")
