import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hypeweb.models import SampleSet
from hypeweb.services import archives, imports
from hypeweb.services.errors import DomainError
from tests.factories import png_bytes


def table(n, *, seed=0, name="image"):
    rng = np.random.default_rng(seed)
    cells = [{"bytes": png_bytes(rng), "path": f"{i}.png"} for i in range(n)]
    return pa.table({name: cells, "label": list(range(n))})


@pytest.mark.django_db
def test_a_folder_of_tables_becomes_a_set(researcher, tmp_path):
    (tmp_path / "data").mkdir()
    for shard in range(2):
        path = tmp_path / "data" / f"train-{shard:05d}-of-00002.parquet"
        pq.write_table(table(40, seed=shard), path)
    (tmp_path / "README.md").write_text("A data set.")
    sample_set = SampleSet(name="hf", owner=researcher, origin="real")
    imports.import_directly(sample_set=sample_set, source=str(tmp_path), size=None)
    sample_set.refresh_from_db()
    assert sample_set.n_samples == 80
    assert sample_set.n_duplicates == 0
    first = sample_set.samples.first()
    assert first.source_name == "train-00000-of-00002/000000 0.png"


def test_a_binary_column_and_an_empty_cell(tmp_path):
    data = png_bytes(np.random.default_rng(0))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"jpg": [data, None], "text": ["a", "b"]}), path)
    archive = archives.open_archive(str(path))
    entries = list(archive.entries)
    assert [entry.source for entry in entries] == [data, None]
    assert archive.n_entries == 2


def test_splits_are_not_mixed_unless_named(tmp_path):
    for split in ("train", "test"):
        pq.write_table(table(1), tmp_path / f"{split}-00000-of-00001.parquet")
    with pytest.raises(DomainError, match="holds the splits test and train; name"):
        archives.open_archive(str(tmp_path))
    assert archives.open_archive(str(tmp_path / "train-*.parquet")).n_entries == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read as parquet"),
        (pa.table({"label": [1]}), "must have one column of images.*got label"),
        (
            pa.table({"a": [b"x"], "b": [b"x"]}),
            "or one named “image”; got a, b",
        ),
    ],
)
def test_another_table_is_a_sentence(tmp_path, content, sentence):
    path = tmp_path / "a.parquet"
    if content is None:
        path.write_bytes(b"no table")
    else:
        pq.write_table(content, path)
    with pytest.raises(DomainError, match=sentence):
        archives.open_archive(str(path))
