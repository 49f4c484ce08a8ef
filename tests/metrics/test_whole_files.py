import os
import stat

import pytest

from metrics.whole_files import is_special, write_whole


def test_write_whole_leaves_one_file_readable_as_the_umask_lets_it(tmp_path):
    path = tmp_path / "out"
    path.write_text("older")
    before = os.umask(0o027)
    try:
        write_whole(path, lambda file: file.write(b"new"))
    finally:
        os.umask(before)

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_write_whole_keeps_what_was_there_when_it_fails(tmp_path):
    path = tmp_path / "out"
    path.write_text("older")

    def fail(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_whole(path, fail)

    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_write_whole_follows_links(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")

    write_whole(tmp_path / "link", lambda file: file.write(b"new"))

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_write_whole_writes_to_pipes_and_does_not_replace_them(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, lambda file: file.write(b"new"))
        found = os.read(reader, 10)
    finally:
        os.close(reader)

    assert found == b"new"
    assert is_special(pipe)
