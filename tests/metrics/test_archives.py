import gzip
import io
import tarfile
import zipfile

import pytest

from metrics import archives
from metrics.archives import check_unpacked_size, open_tar, open_zip
from metrics.errors import BrokenImageError, MetricsError

MEBI = 1 << 20


def test_open_zip_refuses_other_files(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"nothing")

    with pytest.raises(MetricsError, match=r"a\.zip is not a readable zip"):
        open_zip(tmp_path / "a.zip")


def test_open_zip_refuses_versions_it_does_not_know(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"0123456789")
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 6] = 99
    path.write_bytes(bytes(data))

    with pytest.raises(MetricsError, match=r"a\.zip is not a readable zip"):
        open_zip(path)


def test_open_tar_refuses_other_files(tmp_path):
    for content in (
        b"nothing",
        gzip.compress(b"nothing"),
        gzip.compress(b"x" * 999)[:9],
    ):
        (tmp_path / "a.tar").write_bytes(content)
        with pytest.raises(MetricsError, match=r"a\.tar is not a readable tar"):
            open_tar(tmp_path / "a.tar")


def test_open_zip_refuses_bombs_when_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(70 * MEBI))

    (file,) = open_zip(tmp_path / "a.zip")

    with pytest.raises(
        BrokenImageError, match=r"bomb\.png would unpack from .* remove"
    ):
        file.read_bytes()


def test_open_zip_names_damaged_entries(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"0123456789")
    path.write_bytes(path.read_bytes().replace(b"0123456789", b"9876543210"))

    (file,) = open_zip(path)

    with pytest.raises(BrokenImageError, match=r"a\.png is damaged inside the archive"):
        file.read_bytes()


def test_open_zip_names_encrypted_entries(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"0123456789")
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + offset] |= 1
    path.write_bytes(bytes(data))

    (file,) = open_zip(path)

    with pytest.raises(BrokenImageError, match="is encrypted or packed in an unknown"):
        file.read_bytes()


def test_open_tar_names_cut_entries(tmp_path):
    path = tmp_path / "a.tar"
    entry = tarfile.TarInfo("a.png")
    entry.size = 5000
    with tarfile.open(path, "w") as archive:
        archive.addfile(entry, io.BytesIO(b"x" * entry.size))
    path.write_bytes(path.read_bytes()[:5632])
    (file,) = open_tar(path)
    path.write_bytes(path.read_bytes()[:2000])

    with pytest.raises(BrokenImageError, match=r"a\.png is cut off inside the archive"):
        file.read_bytes()


def test_open_tar_refuses_endless_streams(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_TAR_BYTES", MEBI)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(bytes(3 * MEBI)))

    with pytest.raises(MetricsError, match="unpacks to more than 0 GiB"):
        open_tar(tmp_path / "a.tar.gz")


@pytest.mark.parametrize(
    ("packed", "unpacked"),
    [(MEBI, 65 * MEBI), (1, MEBI), (600 * MEBI // 2, 500 * MEBI)],
)
def test_check_unpacked_size_lets_images_pass(packed, unpacked):
    check_unpacked_size("a", packed=packed, unpacked=unpacked)


@pytest.mark.parametrize(
    ("packed", "unpacked"), [(1000, 65 * MEBI), (600 * MEBI, 600 * MEBI)]
)
def test_check_unpacked_size_refuses_what_no_image_weighs(packed, unpacked):
    with pytest.raises(BrokenImageError, match="would unpack"):
        check_unpacked_size("a", packed=packed, unpacked=unpacked)
