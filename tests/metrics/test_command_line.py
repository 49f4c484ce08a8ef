import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from metrics import command_line
from metrics.command_line import main

DIGITS = ["--extractor", "digits", "--replicates", "0", "--no-cache"]


@pytest.fixture
def sides(tmp_path, make_images):
    paths = []
    for name, seed in (("real", 1), ("fake", 2)):
        path = tmp_path / f"{name}.npz"
        np.savez(path, make_images(40, seed=seed))
        paths.append(str(path))
    return paths


def fails(words, capsys):
    """Return the one line that a refused command writes."""
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_main_writes_json_and_a_table(sides, tmp_path, capsys):
    out = tmp_path / "out.json"

    assert main([*sides, *DIGITS, "--metrics", "fid,kid", "--json", str(out)]) == 0

    found = json.loads(out.read_text())
    assert list(found["metrics"]) == ["fid", "kid_mean"]
    assert {"metrics", "intervals", "warnings", "provenance"} <= set(found)
    table = capsys.readouterr().out
    assert table.splitlines()[0].split() == ["fid", f"{found['metrics']['fid']:.6g}"]


def test_main_shows_intervals_and_warnings(sides, capsys):
    words = [*sides, *DIGITS[:2], "--no-cache", "--metrics", "fid"]

    assert main(words) == 0

    table = capsys.readouterr().out
    assert "95 % [" in table
    assert "warning too-few-images: " in table


def test_main_quiet_says_nothing(sides, capsys):
    assert main([*sides, *DIGITS, "--metrics", "fid", "--quiet"]) == 0

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metrics", "fud"], "there is no metric fud"),
        (["--extractor", "resnet"], "the extractor must be one of inception-v3-fid"),
        (["--extractor", "digits:7"], "digits has the layers 64, logits; got 7"),
        (["--as", "nobody"], "--as must be one of published, torch-fidelity"),
        (["--limit", "1"], "the limit must be 2 or more images, got 1"),
        (["--batch-size", "x"], "invalid int value: 'x'; see python -m metrics"),
        (["--unknown"], "unrecognized arguments: --unknown"),
        (["--resize", "magic"], "invalid choice: 'magic'"),
        (["--weights", "none.pth", "--extractor", "vgg16-fc2"], "none.pth does not"),
        (["--json", "/none/out.json"], "the folder of /none/out.json does not exist"),
    ],
)
def test_main_refuses_mistakes_in_one_line(sides, words, message, capsys):
    assert message in fails([*sides, *DIGITS, *words], capsys)


def test_main_refuses_a_folder_for_json_before_the_work(
    sides, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(command_line, "evaluate", None)

    message = fails([*sides, *DIGITS, "--json", str(tmp_path)], capsys)

    assert message == f"{tmp_path} is a folder; name a file in it\n"


def test_main_tells_in_one_line_that_json_cannot_be_written(
    sides, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out.json"
    out.write_text("older")

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command_line.Path, "replace", full)
    words = [*sides, *DIGITS, "--metrics", "fid", "--quiet", "--json", str(out)]

    message = fails(words, capsys)

    assert "out.json cannot be written (No space left on device)" in message
    assert out.read_text() == "older"
    assert not list(tmp_path.glob(".*"))


def test_main_writes_json_to_a_pipe(sides):
    words = [*sides, *DIGITS, "--metrics", "fid", "--quiet", "--json", "/dev/stdout"]

    found = subprocess.run(
        [sys.executable, "-m", "metrics", *words],
        check=True,
        capture_output=True,
        text=True,
    )

    assert json.loads(found.stdout)["metrics"]["fid"] > 0


def test_main_refuses_missing_sources(tmp_path, capsys):
    words = [str(tmp_path / "none"), str(tmp_path / "none")]

    assert "none does not exist" in fails(words, capsys)


def test_main_offline_names_file_address_and_folder(sides, tmp_path, capsys):
    from metrics.weights import PUBLISHED, PublishedWeights  # noqa: PLC0415

    url = "http://127.0.0.1:9/net.pth"
    patched = {**PUBLISHED, "inception-v3-fid": PublishedWeights("net.pth", url, "0")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("metrics.weights.PUBLISHED", patched)
        message = fails(sides, capsys)

    for part in ("net.pth", url, str(tmp_path / "weights")):
        assert part in message


def test_main_keeps_features_where_told(sides, tmp_path):
    cache = tmp_path / "cache"
    words = [*sides, "--extractor", "digits", "--metrics", "fid", "--quiet"]

    assert main([*words, "--cache", str(cache)]) == 0

    assert len(list(cache.glob("*.npz"))) == 2


def test_main_is_interrupted_quietly(sides, monkeypatch, capsys):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "evaluate", interrupt)

    assert main([*sides, *DIGITS]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_main_tells_what_it_left_out(sides, tmp_path, make_images, capsys):
    folder = tmp_path / "folder"
    folder.mkdir()
    for index, image in enumerate(make_images(12)):
        Image.fromarray(image).save(folder / f"{index}.png")
    for index in range(5):
        (folder / f"broken{index}.png").write_bytes(b"broken")
    words = [sides[0], str(folder), *DIGITS, "--metrics", "fid", "--skip-broken"]

    assert main(words) == 0

    shown = capsys.readouterr().out
    assert "warning skipped: 5 of the 17 generated images were left out: " in shown
    assert "broken2.png is not an image" in shown
    assert "and 2 more, all listed in the result." in shown

    words = ["statistics", str(folder), str(tmp_path / "a.npz"), *DIGITS]
    assert main([*words, "--skip-broken"]) == 0
    assert capsys.readouterr().err.startswith("warning skipped: 5 of the 17 given ima")


def test_statistics_refuses_a_place_before_the_work(
    sides, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(command_line, "extract_side", None)
    out = str(tmp_path / "none" / "a.npz")

    message = fails(["statistics", sides[0], out, *DIGITS], capsys)

    assert message == f"the folder of {out} does not exist; make it first\n"


def test_statistics_does_not_replace_a_pipe(sides, tmp_path):
    words = ["statistics", sides[0], "/dev/stdout", *DIGITS]

    found = subprocess.run(
        [sys.executable, "-m", "metrics", *words], check=True, capture_output=True
    )

    (tmp_path / "a.npz").write_bytes(found.stdout)
    assert np.load(tmp_path / "a.npz")["mu"].shape == (64,)


def test_statistics_stand_in_for_images(sides, tmp_path, capsys):
    out, result = tmp_path / "stats.npz", tmp_path / "out.json"
    assert main(["statistics", sides[0], str(out), "--extractor", "digits"]) == 0

    words = [str(out), sides[1], *DIGITS, "--metrics", "fid", "--json", str(result)]
    assert main(words) == 0

    assert json.loads(result.read_text())["metrics"]["fid"] > 0
    assert set(np.load(out).files) >= {"mu", "sigma"}
    assert "fid" in capsys.readouterr().out


def test_doctor_lists_what_there_is(capsys):
    assert main(["doctor"]) == 0

    found = dict(
        line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()
    )
    assert {"python", "torch", "device", "cache"} <= set(found)


def test_explain_compares_results(sides, tmp_path, capsys):
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    words = [*sides, *DIGITS, "--metrics", "fid", "--quiet", "--json"]
    main([*words, str(first)])
    main([*words, str(second), "--limit", "20"])

    assert main(["explain", str(first), str(second)]) == 0

    assert "counts.fake is 40 and 20" in capsys.readouterr().out


def test_plot_draws_a_result(sides, tmp_path, capsys):
    result = tmp_path / "out.json"
    main([*sides, *DIGITS, "--quiet", "--json", str(result)])

    assert main(["plot", str(result)]) == 0

    picture = tmp_path / "out.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out == f"{picture}\n"


def test_other_commands_refuse_mistakes_in_one_line(tmp_path, capsys):
    (tmp_path / "a.json").write_text("{}")

    for words, message in (
        (["explain", "none.json", "none.json"], "none.json cannot be read"),
        (
            ["plot", str(tmp_path / "a.json")],
            "is not an evaluation written with --json",
        ),
        (["plot"], "the following arguments are required: result"),
    ):
        assert message in fails(words, capsys)


def test_module_runs_and_imports_lightly(sides):
    code = "import sys, metrics; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

    found = subprocess.run(
        [sys.executable, "-m", "metrics", *sides, "--metrics", "fud"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("there is no metric fud")
