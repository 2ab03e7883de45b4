"""Several files: what a use brings in, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl import SpecError, load
from archdsl.compiler import Compilation, compile_file


def written(folder: Path, **texts: str) -> Path:
    """Files of these names, `a__b` in a folder a; the first one."""
    paths = []
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.arch"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths[0]


def found(path: Path) -> list[str]:
    """What is wrong, paths relative to the folder of the file that was compiled."""
    return [
        f"{Path(d.file).name}: {d.rule.code} {d.message}".replace(f"{path.parent}/", "")
        for d in compile_file(path).diagnostics
    ]


def names(compilation: Compilation) -> list[str]:
    return [arch.network.name for arch in compilation.archs]


def test_blocks_archs_and_lets_come_by_name_relative_to_the_using_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        nets__main='use "../parts/blocks.arch"\n'
        "arch Main { input 3x8x8; a: part; b: conv width 1x1 }\n"
        "arch Varied from Base { replace relu with tanh }\n",
        parts__blocks='use "deep/lets.arch"\nlet width=5\nblock part { conv inner 1x1; relu }\n'
        "arch Base { input 3x8x8; relu }\n",
        parts__deep__lets="let inner=7\nblock hidden { relu }\n",
    )
    result = compile_file(path)
    assert result.diagnostics == ()
    assert names(result) == ["Main", "Varied"]  # Base is checked where it is written
    assert [str(result.archs[0].shapes.flows[stage].output) for stage in "ab"] == ["7x8x8", "5x8x8"]
    assert names(compile_file(path, arch="Base")) == ["Base"]
    assert load(path, arch="Base").name == "Base"


def test_what_a_used_file_uses_is_not_seen(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        a='use "b.arch"\narch Net { input 8; c: part }\narch V from Other { remove relu }\n',
        b='use "c.arch"\narch Mine { input 8; linear (2*n); part }\n',
        c="let n=2\nblock part { relu }\narch Other { input 8; relu }\n",
    )
    assert found(path) == [
        "a.arch: E201 'part' is no word of the language",
        "a.arch: E206 there is no arch 'Other' to be varied",
    ]
    assert found(tmp_path / "b.arch") == []


def test_a_file_that_two_use_is_one(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        top='use "left.arch"\nuse "right.arch"\narch Net { input 3x8x8; l; r }\n',
        left='use "shared.arch"\nblock l { part }\n',
        right=f'use "../{tmp_path.name}/shared.arch"\nblock r {{ part }}\n',
        shared="block part { relu }\nblock wrong { rely }\n",
    )
    assert found(path) == ["shared.arch: E201 'rely' is no word of the language"]
    module = compile_file(path).module
    assert module is not None
    assert [Path(source.name).stem for source in module.sources()] == [
        "top",
        "left",
        "right",
        "shared",
    ]


def test_files_that_use_each_other_in_a_circle(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        a='use "b.arch"\narch Net { input 8; relu }\n',
        b='use "c.arch"\n',
        c='use "a.arch"\n',
    )
    assert found(path) == ["c.arch: E213 a.arch uses b.arch uses c.arch uses a.arch"]


def test_a_missing_file_is_told_with_the_chain_of_uses(tmp_path: Path) -> None:
    path = written(tmp_path, a='use "b.arch"\n', b='use "c/gone.arch"\n')
    (finding,) = compile_file(path).diagnostics
    assert (finding.rule.code, Path(finding.file).name) == ("E212", "b.arch")
    assert finding.message == f"cannot read {tmp_path}/c/gone.arch: No such file or directory"
    assert finding.notes == (f"{tmp_path}/a.arch uses {tmp_path}/b.arch uses it",)


def test_a_used_file_that_is_no_text(tmp_path: Path) -> None:
    path = written(tmp_path, a='use "b.arch"\narch Net { input 8; relu }\n')
    (tmp_path / "b.arch").write_bytes(b"\xff")
    assert [line.partition(" ")[2][:4] for line in found(path)] == ["E212"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.arch")
    path = written(tmp_path, a='use "pipe.arch"\narch Net { input 8; relu }\n')
    assert found(path) == ["a.arch: E212 cannot read pipe.arch: it is no regular file"]


def test_mistakes_in_a_used_file_are_told_of_that_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        a='use "b.arch"\narch Net { input 3x8x8; c: part 9; part 3 }\n',
        b="block part(n) { conv 2 n }\nblock broken { conv ( }\nlet x=(1/0)\n",
    )
    assert found(path) == [
        "b.arch: E302 c.part.conv's 9x9 window is larger than its padded 8x8 input",
        "b.arch: E101 '}' cannot stand here",
        "b.arch: E204 1 / 0 is no number",
    ]
    finding = compile_file(path).diagnostics[0]
    assert [(Path(s.span.source.name).name, s.text) for s in finding.secondary][-1] == (
        "a.arch",
        "used here",
    )


def test_the_same_name_from_two_files(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        a='use "b.arch"\nuse "c.arch"\nlet n=3\nblock own { relu }\n'
        "arch Net { input 8; own; part }\n",
        b="block part { relu }\nlet n=1\n",
        c="block part { tanh }\nblock own { tanh }\n",
    )
    assert found(path) == [
        "a.arch: E208 'part' of c.arch is defined twice",
        "a.arch: E208 let n is defined twice",
        "a.arch: E208 block own is defined twice",
    ]


def test_a_chain_of_files_has_a_limit(tmp_path: Path) -> None:
    texts = {f"f{n}": f'use "f{n + 1}.arch"\n' for n in range(60)}
    path = written(tmp_path, **texts, f60="let n=1\n")
    assert [line.partition(" ")[2][:4] for line in found(path)] == ["E102"]


def test_an_arch_that_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path, a="arch Net { input 8 }\narch Other { input 8; relo }\n")
    with pytest.raises(SpecError, match=r"no network 'Nett'. It has: Net, Other"):
        load(path, arch="Nett")
    with pytest.raises(SpecError, match="Name one of them"):
        load(path)
    assert load(path, arch="Net").check().ok  # what is wrong with another arch is not its matter
    assert not load(path, arch="Other").check().ok


def test_what_a_missing_file_may_define_is_not_complained_of(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        a='use "block"\narch Net { input 8; part; rely }\narch V from Other { remove relu }\n',
        blocks="block part { relu }\n",
    )
    found = compile_file(path).diagnostics
    assert [d.message.replace(f"{tmp_path}/", "") for d in found] == [
        "cannot read block: No such file or directory",
        "'rely' is no word of the language",  # but near to one
    ]
    assert found[0].help == ("did you mean 'blocks.arch'?",)
