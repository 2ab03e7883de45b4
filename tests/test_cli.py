"""The commands as a user runs them: output, files, exit codes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from archdsl.cli import app
from archdsl.cli.commands import HOMES
from archdsl.syntax.parse import MAX_FINDINGS
from tests.helpers import ROOT, SPECS, network

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def spec(folder: Path, body: str, name: str = "net.arch", header: str = "Net") -> Path:
    path = folder / name
    path.write_text(network(body, header), encoding="utf-8")
    return path


# --- check ------------------------------------------------------------------------------------


def test_check_of_alexnet_is_clean() -> None:
    result = run("check", str(SPECS / "alexnet.arch"))
    assert result.exit_code == 0
    for figure in ("60,965,224", "60,954,656", "724,406,816", "2,079,811", "13 claims hold"):
        assert figure in result.stdout
    assert "\x1b" not in result.stdout


def test_check_of_the_typo_is_not() -> None:
    result = run("check", str(SPECS / "alexnet_224.arch"))
    assert result.exit_code == 1
    assert "(224 − 11) / 4 + 1 = 54.25, which rounds down to 54" in result.stdout
    assert "input 3x227x227" in result.stdout
    assert result.stdout.rstrip().splitlines()[-2:] == [
        "2 errors",
        "archdsl check --fix applies 1 · archdsl explain lossy-stride",
    ]


def test_check_of_a_folder_of_files_and_of_standard_input(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    spec(tmp_path, "input 8\nlinear 2", "a.arch", "First")
    spec(tmp_path / "deep", "input 8\nlinear 2", "b.arch", "Second")
    both = run("check", str(tmp_path))
    assert both.exit_code == 0
    assert both.stdout.index("First") < both.stdout.index("Second")
    piped = run("check", "-", stdin=network("input 8\nlinear 2", "Piped"))
    assert piped.exit_code == 0
    assert "Piped  <stdin>" in piped.stdout


def test_one_bad_file_hides_no_other(tmp_path: Path) -> None:
    good = spec(tmp_path, "input 8\nlinear 2")
    result = run("check", str(tmp_path / "missing.arch"), str(good))
    assert result.exit_code == 2
    assert "missing.arch: No such file or directory" in result.stdout
    assert "Net" in result.stdout


@pytest.mark.parametrize(
    ("content", "code", "name"),
    [
        (b"", 1, "no-arch"),
        (b"\xff\xfe\x00binary", 2, "not-text"),
        (b"\x00\x01\x02", 1, "syntax"),
        (b"# only a comment\n", 1, "no-arch"),
    ],
)
def test_files_that_are_no_specs(tmp_path: Path, content: bytes, code: int, name: str) -> None:
    path = tmp_path / "bad.arch"
    path.write_bytes(content)
    result = run("check", str(path))
    assert result.exit_code == code
    assert name in result.stdout


def test_a_folder_without_specs(tmp_path: Path) -> None:
    result = run("check", str(tmp_path))
    assert result.exit_code == 2
    assert "without .arch files" in result.stderr


def test_json_is_one_document_for_all_files(tmp_path: Path) -> None:
    bad = spec(tmp_path, "input 3x8x8\nconv 8 3x3 strid=2")
    result = run("check", str(SPECS / "alexnet.arch"), str(bad), "--format", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert [arch["name"] for arch in document["archs"]] == ["AlexNet", "Net"]
    (finding,) = document["diagnostics"]
    assert (finding["code"], finding["name"], finding["severity"]) == (
        "E202",
        "unknown-argument",
        "error",
    )
    assert (finding["file"], finding["line"], finding["column"]) == (str(bad), 3, 14)
    assert finding["help"] == ["did you mean 'stride'?"]


def test_json_of_the_typo_carries_its_fixes() -> None:
    document = json.loads(run("check", str(SPECS / "alexnet_224.arch"), "--format", "json").stdout)
    lossy = document["diagnostics"][0]
    assert [fix["title"] for fix in lossy["fixes"]] == ["input 3x227x227", "pad=2", "rounding=ceil"]
    (edit,) = lossy["fixes"][0]["edits"]
    assert edit["replacement"] == "3x227x227"
    claims = {claim["text"]: claim["holds"] for claim in document["archs"][0]["claims"]}
    assert claims["conv1 neurons 253_440"] is False and claims["conv2 neurons 186_624"] is True


def test_json_of_a_missing_file_has_null_places() -> None:
    document = json.loads(run("check", "missing.arch", "--format", "json").stdout)
    (finding,) = document["diagnostics"]
    assert finding["code"] == "E001"
    assert finding["line"] is None and document["archs"] == []


def test_set_overrides_a_parameter() -> None:
    result = run("check", str(SPECS / "small.arch"), "--set", "classes=100", "--format", "json")
    assert result.exit_code == 0
    (arch,) = json.loads(result.stdout)["archs"]
    assert arch["stages"][-1]["output"] == [100]
    assert arch["params"] == 2_644_234 + 90 * 193
    assert [claim["holds"] for claim in arch["claims"]] == [True, None, None]


@pytest.mark.parametrize(
    "setting", ["classes", "classes=", "=3", "classes=many", "a=1 b=2", "a=(1"]
)
def test_a_set_that_is_no_setting(setting: str) -> None:
    result = run("check", str(SPECS / "small.arch"), "--set", setting)
    assert result.exit_code == 2
    assert "bad-override" in result.stderr


def test_a_set_of_an_unknown_parameter_is_told_the_near_one() -> None:
    result = run("check", str(SPECS / "small.arch"), "--set", "clases=10")
    assert result.exit_code == 2
    assert "did you mean 'classes'?" in result.stdout


def test_color_is_forced_and_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(SPECS / "alexnet.arch")
    assert "\x1b[" in run("check", path, "--color", "always").stdout
    assert "\x1b[" not in run("check", path, "--color", "never").stdout


def test_a_terminal_is_coloured_unless_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    command = [sys.executable, "-c", script, sys.executable, "-m", "archdsl", "check"]

    def seen(**extra: str) -> str:
        environment = {"PATH": "/usr/bin:/bin", "TERM": "xterm-256color", "COLUMNS": "80", **extra}
        process = subprocess.run(
            [*command, str(SPECS / "alexnet.arch")],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        return process.stdout.decode()

    assert "\x1b[" in seen()
    assert "\x1b[" not in seen(NO_COLOR="1")


# --- emit -------------------------------------------------------------------------------------


def test_emit_writes_a_module(tmp_path: Path) -> None:
    output = tmp_path / "small.py"
    result = run("emit", str(SPECS / "small.arch"), "-o", str(output))
    assert result.exit_code == 0
    assert output.read_text(encoding="utf-8") == run("emit", str(SPECS / "small.arch")).stdout


def test_emit_refuses_what_does_not_check(tmp_path: Path) -> None:
    output = tmp_path / "typo.py"
    result = run("emit", str(SPECS / "alexnet_224.arch"), "-o", str(output))
    assert result.exit_code == 1
    assert "lossy-stride" in result.stderr
    assert not output.exists()


def test_emit_does_not_overwrite_its_spec(tmp_path: Path) -> None:
    path = spec(tmp_path, "input 8\nlinear 2")
    before = path.read_bytes()
    result = run("emit", str(path), "-o", str(path))
    assert result.exit_code == 2
    assert path.read_bytes() == before


def test_one_arch_of_several_is_chosen_by_name(tmp_path: Path) -> None:
    path = tmp_path / "two.arch"
    text = network("input 8\nlinear 2", "One") + network("input 9\nlinear 3", "Two")
    path.write_text(text, encoding="utf-8")
    assert "class Two(" in run("emit", f"{path}:Two").stdout
    unnamed = run("emit", str(path))
    assert unnamed.exit_code == 2
    assert "One, Two" in unnamed.stderr
    assert run("emit", f"{path}:Three").exit_code == 2


# --- the program ------------------------------------------------------------------------------


def test_version_and_help() -> None:
    assert run("--version").stdout == "archdsl 0.6.0\n"
    shown = run("--help").stdout
    listed = re.findall(r"^│ (\w+)  ", shown, re.MULTILINE)
    assert {"check", "render", "emit", "train"} < set(listed)
    assert listed == list(HOMES)


def test_a_mistyped_command_is_told_the_near_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "archdsl", "chekc"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Did you mean 'check'?" in done.stderr


def test_a_bad_option_is_exit_2() -> None:
    assert run("check", "--frobnicate").exit_code == 2


def test_a_closed_pipe_is_no_traceback() -> None:
    process = subprocess.run(
        f"{sys.executable} -m archdsl check {SPECS / 'alexnet.arch'} | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout.startswith("AlexNet")
    assert "Traceback" not in process.stderr


def test_what_nobody_reads_is_exit_2() -> None:
    """1 would say that errors were found."""
    command = f"{sys.executable} -m archdsl check {SPECS / 'zoo'}"
    process = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}; {command} >&-; echo $?"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout == "2\n2\n"
    assert process.stderr.startswith("archdsl: standard output is closed")


def test_writing_keeps_what_was_there_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archdsl import files

    path = tmp_path / "kept.py"
    path.write_text("mine", encoding="utf-8")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write(path, b"new")
    assert path.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_output_goes_through_links_and_into_pipes(tmp_path: Path) -> None:
    real, link = tmp_path / "real.py", tmp_path / "link.py"
    real.write_text("old", encoding="utf-8")
    link.symlink_to(real)
    assert run("emit", str(SPECS / "small.arch"), "-o", str(link)).exit_code == 0
    assert link.is_symlink() and real.read_text(encoding="utf-8").startswith('"""SmallAlexNet')
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE, text=True) as reader:
        assert run("emit", str(SPECS / "small.arch"), "-o", str(fifo)).exit_code == 0
        assert reader.communicate()[0] == real.read_text(encoding="utf-8")
    assert fifo.is_fifo()


def test_emit_of_a_named_arch_does_not_overwrite_its_spec(tmp_path: Path) -> None:
    path = spec(tmp_path, "input 8\nlinear 2")
    before = path.read_bytes()
    assert run("emit", f"{path}:Net", "-o", str(path)).exit_code == 2
    assert path.read_bytes() == before


def test_pictures_of_two_archs_of_a_file_are_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = network("input 8\nlinear 2", "One") + network("input 9\nlinear 3", "Two")
    Path("two.arch").write_text(text, encoding="utf-8")
    assert run("render", "two.arch:One", "--dot").stdout == "two-One.dot\n"
    assert run("render", "two.arch:Two", "--dot").stdout == "two-Two.dot\n"


def test_a_parameter_set_to_its_default_changes_nothing() -> None:
    result = run("check", str(SPECS / "alexnet.arch"), "--set", "classes=1000")
    assert "13 claims hold" in result.stdout and "--set changes" not in result.stdout


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("check specs/alexnet.arch > /dev/full", 2),
        ("check specs/alexnet.arch >&-", 2),
        ("check - <&-", 2),
        ("PYTHONIOENCODING=ascii check specs/alexnet.arch", 0),
        ("check /dev/zero", 2),
    ],
)
def test_streams_that_fail_are_no_traceback(command: str, code: int) -> None:
    setting, _, rest = command.rpartition("check ")
    done = subprocess.run(
        f"{setting}{sys.executable} -m archdsl check {rest}",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == code


def test_a_text_of_broken_lines_is_given_up_in_time(tmp_path: Path) -> None:
    path = tmp_path / "signs.arch"
    path.write_text("=\n" * 20_000, encoding="utf-8")
    result = run("check", str(path), "--format", "json")
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)["diagnostics"]) == MAX_FINDINGS


@pytest.mark.parametrize("command", ["render", "emit", "train"])
def test_a_file_of_blocks_has_no_network_to_work_on(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blocks.arch").write_text("block unit { relu }\n")
    result = run(command, "blocks.arch")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "blocks.arch has no network" in result.stderr
    assert "folder: name one of its .arch files" in run(command, ".").stderr


def test_folders_are_searched_but_for_hidden_ones_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "arch Net {\n  input 8\n  linear 2\n}\n"
    for name in ("a/net.arch", ".hidden/net.arch", "runs/net-1/net.arch"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "runs/net-1/metrics.jsonl").write_text("")
    os.mkfifo(tmp_path / "a/pipe.arch")
    titles = [line for line in run("check", ".").stdout.splitlines() if line.startswith("Net")]
    assert [line.split()[1] for line in titles] == ["a/net.arch"]


def test_a_read_only_file_is_not_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.arch"
    path.write_text("arch Net { input 8;linear 2 }")
    path.chmod(0o444)
    result = run("fmt", "net.arch")
    assert result.exit_code == 2 and "it is read-only" in result.stderr
    assert path.read_text() == "arch Net { input 8;linear 2 }"


def test_lines_may_end_as_on_old_macs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.arch").write_bytes(b"arch Net {\r  input 8 # a vector\r  linear 2\r}\r")
    assert run("check", "net.arch").exit_code == 0
    assert run("fmt", "net.arch").exit_code == 0
    assert (tmp_path / "net.arch").read_text() == (
        "arch Net {\n  input 8  # a vector\n  linear 2\n}\n"
    )


# --- emit: where it is written ------------------------------------------------------------------


def test_a_dash_is_standard_output() -> None:
    spec = str(SPECS / "small.arch")
    assert run("emit", spec, "-o", "-").stdout == run("emit", spec).stdout != ""


def test_a_module_says_what_was_set() -> None:
    done = run("emit", str(SPECS / "small.arch"), "--set", "classes=5")
    assert "Generated by archdsl from small.arch with classes=5." in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--onnx", "-"], "--onnx -: ONNX is no text, so name a file"),
        (["--onnx", "a.x", "-o", "./a.x"], "--onnx and -o would both write a.x: name two files"),
        (["--layout", "both"], "--layout both: it is fused, towers, ranks"),
        (
            ["--layout", "ranks"],
            "--layout ranks: SmallAlexNet is a network of one device, which nothing divides; "
            "take --layout fused",
        ),
        (
            ["--layout", "towers", "--onnx", "a.onnx"],
            "--layout towers: --train and --onnx write the fused layout; leave one away",
        ),
    ],
)
def test_emit_writes_nothing_that_is_not_clear(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("emit", str(SPECS / "small.arch"), *options)
    assert (done.exit_code, done.stderr) == (2, f"archdsl: {said}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_training_script_that_was_changed_is_kept(tmp_path: Path) -> None:
    """It is there to be changed; the module, which -o names, is not written either."""
    command = ["emit", str(SPECS / "small.arch"), "-o", str(tmp_path / "net.py"), "--train"]
    assert run(*command).exit_code == run(*command).exit_code == 0
    script = tmp_path / "net_train.py"
    script.write_text(script.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    (tmp_path / "net.py").unlink()
    done = run(*command)
    assert done.exit_code == 2
    assert done.stderr.endswith(
        "exists and is not what would be written: remove it, or choose another -o\n"
    )
    assert script.read_text(encoding="utf-8").endswith("# mine\n")
    assert not (tmp_path / "net.py").exists()
