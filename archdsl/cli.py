"""The command line. Every command is a few lines over the API; only this file prints or exits."""

from __future__ import annotations

import math
import os
import sys
import time
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from enum import StrEnum
from functools import cache
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

import archdsl
from archdsl import files, report
from archdsl.api import Arch, SpecError, require_arch, require_checked, select
from archdsl.compiler import Compilation, compile_bytes, compile_file
from archdsl.diagnostics import Diagnostic, Findings, Severity, catalogue, levels
from archdsl.diagnostics import render as findings_view
from archdsl.diagnostics.edits import first_numbers
from archdsl.diagnostics.levels import Levels
from archdsl.lower import scope
from archdsl.reading import decoded, read
from archdsl.source import Source
from archdsl.styled import Line, plain, rich_text, visible
from archdsl.words.arithmetic import Quantity
from archdsl.words.recipe import Data, Setting
from archdsl.words.word import Word

if TYPE_CHECKING:
    from rich.console import Console

    from archdsl.syntax.format import Style
    from archdsl.training import Job

WRITABLE = 0o222

STDOUT = Path("-")

MOMENT = 2.0
"""Seconds that a process leaves to another one, to tell what both have to tell."""

OK, FOUND, FAILED = 0, 1, 2
"""Exit codes: no errors; errors found; the tool could not do its work."""


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


class CheckFormat(StrEnum):
    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


app = typer.Typer(
    name="archdsl",
    help="A small declarative language for convolutional networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Spec = Annotated[
    str,
    typer.Argument(metavar="SPEC", help="A .arch file, FILE.arch:Name, or - for standard input."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Override a parameter of the arch."),
]
Colored = Annotated[Color, typer.Option("--color", help="Colour the output.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, such as runs/small-1.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or one like cuda:1.")]


def main() -> None:
    """The entry point. What the terminal's encoding lacks is escaped; a full disk is exit 2."""
    if sys.stdout is None or sys.stderr is None:
        sys.exit(FAILED)  # closed by whoever started this: there is nobody to tell
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, TextIOWrapper)]
    for stream in streams:
        stream.reconfigure(errors="backslashreplace")
    try:
        try:
            _keep_the_one_asked_for()
            app()
        finally:
            for stream in streams:
                stream.flush()
    except BrokenPipeError:
        _discard_output()
        sys.exit(FAILED)
    except OSError as error:
        _discard_output()
        place = error.filename or "the output"
        print(f"archdsl: {place}: {error.strerror or error}", file=sys.stderr)
        sys.exit(FAILED)


def _keep_the_one_asked_for() -> None:
    """Drop all commands but the one on the command line, if it is one: typer reads the options of
    every command that there is before it runs any."""
    asked = sys.argv[1:2]
    commands = [c for c in app.registered_commands if c.callback and [c.callback.__name__] == asked]
    app.registered_commands = commands or app.registered_commands


def _discard_output() -> None:
    """Point standard output to nowhere, so that closing it at exit cannot fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _version(shown: bool) -> None:
    if shown:
        print(f"archdsl {archdsl.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def check(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC...",
            help=".arch files, FILE.arch:Name, folders of files, or - for standard input.",
        ),
    ],
    format: Annotated[
        CheckFormat, typer.Option("--format", help="What to print.")
    ] = CheckFormat.TEXT,
    settings: Settings = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Make the first edit that is offered for an error.")
    ] = False,
    pick: Annotated[
        int | None,
        typer.Option("--pick", min=1, metavar="N", help="With --fix: make edit N instead."),
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="With --fix: write nothing; print what would change.")
    ] = False,
    deny: Annotated[
        list[str] | None,
        typer.Option("--deny", metavar="RULE", help="Make it an error; warnings: all of them."),
    ] = None,
    warn: Annotated[
        list[str] | None, typer.Option("--warn", metavar="RULE", help="Make it a warning.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="RULE", help="Do not tell of it; explain lists rules."),
    ] = None,
    color: Colored = Color.AUTO,
) -> None:
    """Prove shapes, parameters, costs and claims. Exit 0: no errors, 1: errors, 2: cannot work."""
    overrides = _overrides(settings, color)
    chosen = _levels(deny, warn, allow)
    names = _files(specs)
    if fix or pick is not None or diff:
        _require_fixable(names, fix, pick)
        repairs = [_fix(name, overrides, chosen, pick, diff) for name in names]
        if diff or FAILED in repairs:
            raise typer.Exit(max(repairs))
    compiled = [_compile(*files.target(name), overrides, chosen) for name in names]
    unknown = _unknown_overrides(compiled, overrides)
    # A file that others use as well is complained of once.
    found = {d.place: d for compilation in compiled for d in compilation.diagnostics}
    diagnostics = [*found.values(), *unknown]
    _print_found(format, compiled, diagnostics, color)
    raise typer.Exit(_exit_code(diagnostics))


@app.command()
def fmt(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC...",
            help=".arch files, folders of them, or - for standard input to standard output.",
        ),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; list what would change, and exit 1.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; print what would change.")
    ] = False,
    color: Colored = Color.AUTO,
) -> None:
    """Give specs the one layout. Exit 0: done, 1: errors, or changes of --check, 2: cannot work."""
    names = _files(specs)
    raise typer.Exit(max(_format(name, check, diff, color) for name in names))


@app.command()
def render(
    spec: Spec,
    svg: Annotated[
        bool, typer.Option("--svg", help="Draw an SVG with Graphviz (default).")
    ] = False,
    dot: Annotated[
        bool, typer.Option("--dot", help="Write Graphviz's text; needs no dot.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to; default: NAME.svg here."),
    ] = None,
    settings: Settings = None,
    color: Colored = Color.AUTO,
) -> None:
    """Draw the network: stages, shapes, devices and what crosses between them."""
    from archdsl.diagram.graph import graph
    from archdsl.diagram.layout import GraphvizMissing, LayoutFailed
    from archdsl.diagram.layout import svg as lay_out

    suffix = _suffix(svg, dot, output)
    arch = _load(spec, settings, color)
    path = output or Path(f"{_stem(spec, arch)}{suffix}")
    text = graph(arch.analysis)
    try:
        data = text.encode() if suffix == ".dot" else lay_out(text)
    except (GraphvizMissing, LayoutFailed) as error:
        _fail(str(error))
    _write(path, data, arch)
    print(path)
    _print_findings(arch.diagnostics, color, to_stderr=True)
    raise typer.Exit(_exit_code(arch.diagnostics))


@app.command()
def emit(
    spec: Spec,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to; default: standard output."),
    ] = None,
    onnx: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write ONNX there, and no module but with -o."),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --onnx: a run's weights; default: initial ones."),
    ] = None,
    script: Annotated[
        bool,
        typer.Option(
            "--train", help="With -o NAME.py: also a script by the recipe, NAME_train.py."
        ),
    ] = False,
    layout: Annotated[
        str,
        typer.Option(
            metavar="fused|towers|ranks",
            help="One device, several in one process, or a process for each.",
        ),
    ] = "fused",
    settings: Settings = None,
    color: Colored = Color.AUTO,
) -> None:
    """Write the network as a standalone PyTorch module, or as ONNX."""
    if output == STDOUT:
        output = None
    if onnx == STDOUT:
        _fail("--onnx -: ONNX is no text, so name a file")
    if onnx is not None and output is not None and onnx.resolve() == output.resolve():
        _fail(f"--onnx and -o would both write {output}: name two files")
    if layout != "fused" and (script or onnx is not None):
        _fail(f"--layout {layout}: --train and --onnx write the fused layout; leave one away")
    if script and output is None:
        _fail("--train writes a script beside the module: name the module, such as -o network.py")
    if weights is not None and onnx is None:
        _fail("--weights goes with --onnx: a module's text holds none")
    arch = _load(spec, settings, color)
    _require_checked(arch, color)
    if onnx is not None:
        _emit_onnx(arch, onnx, weights)
        if output is None:
            return
    if script and output is not None:
        _emit_with_script(arch, output)
        return
    text = _module_text(arch, layout)
    if output is None:
        print(text, end="")
    else:
        _write(output, text.encode(), arch)
        print(output)


@app.command()
def train(
    spec: Spec,
    data: Annotated[
        str | None,
        typer.Option(metavar="KIND[:DIR]", help="Instead of the recipe's: shapes, folder:DIR, …"),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="NAME[,NAME…]", help="auto, cpu, cuda or one like cuda:1.")
    ] = "auto",
    layout: Annotated[
        str,
        typer.Option(
            metavar="auto|fused|towers|ranks", help="Where a network of several devices computes."
        ),
    ] = "auto",
    shard: Annotated[
        bool, typer.Option("--shard", help="Under torchrun: divide the weights over processes.")
    ] = False,
    steps: Annotated[
        int | None,
        typer.Option(min=1, max=10**9, help="How many steps, instead of the recipe's length."),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, max=10**9, help="How many epochs, instead of the recipe's length."),
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, max=10**9, help="Images in a step.")] = None,
    lr: Annotated[float | None, typer.Option(help="The optimizer's learning rate.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="What all randomness follows.")] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LINE", help="A line of the recipe: 'schedule cosine', 'set augment flip=yes'."
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run's folder; default: runs/NAME-N.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the newest run, or that of --run, or begin one."),
    ] = False,
    changed: Annotated[
        bool,
        typer.Option("--changed", help="With --resume: in spite of a new lr, schedule or length."),
    ] = False,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(
            metavar="STEPS", min=1, help="Default: after evaluations, 10 minutes at most."
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            metavar="auto|bf16|fp32|fp64", help="auto: bf16 where the device computes it."
        ),
    ] = "auto",
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits each time; in fp32, and slower.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Keep decoded images in memory alone.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but what is wrong.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Tell of the run in JSON, one object on a line.")
    ] = False,
    settings: Settings = None,
    color: Colored = Color.AUTO,
) -> None:
    """Train exactly the generated module, with the spec's recipe; keep everything in a folder."""
    with _told_once():
        arch = _load(spec, settings, color)
        _require_checked(arch, color)
        source = _source(data)
    _require_training()
    from archdsl import training
    from archdsl.training import memory

    memory.keep_freed()
    lines = [Source("--recipe", line) for line in recipe or ()]
    if lr is not None:
        if not math.isfinite(lr):
            _fail(f"--lr {lr}: it is a number of more than 0")
        lines.append(Source("--lr", f"set optimizer lr={lr!r}"))
    shorts = {"batch": batch, "seed": seed}
    lines += [Source(f"--{word}", f"{word} {n}") for word, n in shorts.items() if n is not None]
    told = training.reporter(_console(color), quiet=quiet, as_json=as_json)
    try:
        with _told_once():
            job = _job(arch, source, lines, color)
        training.train(
            job,
            run,
            device,
            steps,
            told,
            layout,
            epochs=epochs,
            resume=resume,
            changed=changed,
            checkpoint_every=checkpoint_every,
            shard=shard,
            precision=precision,
            deterministic=deterministic,
            cache=not no_cache,
        )
    except training.ToldElsewhere:
        raise typer.Exit(FAILED) from None
    except training.TrainingError as error:
        _fail(str(error))
    except training.Interrupted as stopped:
        with _told_once():
            print(stopped, file=sys.stderr)
            raise typer.Exit(stopped.exit_code) from None


def _require_training() -> None:
    """Ends the program where the training room cannot be loaded."""
    # OpenMP's threads spin while they wait; where another program takes a core, that halves the
    # speed. This must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import archdsl.training  # noqa: F401
    except ModuleNotFoundError as error:
        _fail(
            f"training needs {error.name}: install it with  pip install 'archdsl[train]', "
            "or in a checkout  pip install '.[train]'"
        )


def _source(data: str | None) -> Data | None:
    """The data of --data; ends the program where it is none."""
    from archdsl.words.recipe import data_from_text

    source = data_from_text(data) if data is not None else None
    if data is not None and source is None:
        _fail(
            f"--data {data}: write shapes, folder:DIR, parquet:DIR, cifar10:PATH, "
            "cifar100:PATH or mnist:DIR"
        )
    return source


def _job(arch: Arch, data: Data | None, lines: list[Source], color: Color) -> Job:
    """What is trained; ends the program where the recipe does not fit the network."""
    from archdsl import training

    try:
        return training.job(arch, data, lines)
    except SpecError as error:
        _print_findings(error.diagnostics, color, to_stderr=True)
        raise typer.Exit(FAILED) from None
    except training.TrainingError as error:
        _fail(str(error))


@contextmanager
def _told_once() -> Iterator[None]:
    """What all processes that torchrun starts on a machine have to tell, the first of them tells.

    The others leave it a moment: torchrun ends all with the first one that ends.
    """
    if os.environ.get("LOCAL_RANK", "0") == "0":
        yield
        return
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    except typer.Exit:
        time.sleep(MOMENT)
        raise


@app.command()
def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, such as runs/small-1.")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="Where the plot goes: .png or .svg."),
    ] = Path("compare.png"),
    format: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.TEXT,
    color: Colored = Color.AUTO,
) -> None:
    """Draw the losses of runs in one plot, and print what each came to."""
    if output.suffix.lower() not in (".png", ".svg"):
        _fail(f"-o {output}: a plot is written as .png or .svg")
    _require_training()
    from archdsl import training
    from archdsl.training.afterwards import tables

    try:
        entries = training.compared(runs)
        training.draw_comparison(entries, output)
    except training.TrainingError as error:
        _fail(str(error))
    if format is Format.JSON:
        _print_document({"plot": str(output), "runs": [entry.as_json() for entry in entries]})
    else:
        _print([*tables.comparison(entries), ()], color)
        print(output)


@app.command()
def evaluate(
    run: Run,
    data: Annotated[
        str | None,
        typer.Option(metavar="KIND[:DIR]", help="Instead of the run's: shapes, folder:DIR, …"),
    ] = None,
    crops: Annotated[
        int | None, typer.Option(metavar="1|10", help="Views of an image; default: the recipe's.")
    ] = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    color: Colored = Color.AUTO,
) -> None:
    """Judge a run's network again, from its folder alone. A folder is code: its module is run."""
    if crops not in (None, 1, 10):
        _fail(f"--crops {crops}: it is 1 or 10")
    source = _source(data)
    _require_training()
    from archdsl import training
    from archdsl.training.afterwards import tables

    told = training.reporter(_console(color, to_stderr=True), quiet=as_json)
    try:
        found = training.evaluate_run(training.past_run(run), source, crops, device, told)
    except training.TrainingError as error:
        _fail(str(error))
    finally:
        told.ended()
    if as_json:
        _print_document(found.as_json())
    else:
        _print(list(tables.judgement(found)), color)


@app.command()
def predict(
    run: Run,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many classes to tell.")] = 5,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    color: Colored = Color.AUTO,
) -> None:
    """Ask a run's network what is in images. A run's folder is code: its module is run. Exit 2:
    an image cannot be read."""
    _require_training()
    from archdsl import training
    from archdsl.training.afterwards import tables

    try:
        found = list(training.predict(training.past_run(run), images, top, device))
    except training.TrainingError as error:
        _fail(str(error))
    if as_json:
        _print_document({"run": str(run), "images": [each.as_json() for each in found]})
    else:
        _print(list(tables.predictions(found)), color)
    problems = [each.problem for each in found if each.problem]
    for problem in problems:
        print(f"archdsl: {visible(problem)}", file=sys.stderr)
    raise typer.Exit(FAILED if problems else OK)


@app.command()
def diff(
    before: Annotated[
        str,
        typer.Argument(metavar="A", help="A .arch file, FILE.arch:Name, or - for standard input."),
    ],
    after: Annotated[str, typer.Argument(metavar="B", help="What it became, given alike.")],
    format: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.TEXT,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Override a parameter, in each that has it."
        ),
    ] = None,
    color: Colored = Color.AUTO,
) -> None:
    """What changed from one network to another. Exit 0: nothing, 1: something, 2: cannot work."""
    from archdsl import diff as structural
    from archdsl.diff import view

    archs = _two(before, after, _overrides(settings, color), color)
    _require_comparable({before: archs[0], after: archs[1]}, color)
    found = structural.difference(*(arch.analysis for arch in archs))
    errors = [sum(map(structural.unsettles, arch.diagnostics)) for arch in archs]
    if format is Format.JSON:
        _print_document(view.as_json(found, errors))
    else:
        unsound = dict(pair for pair in zip((before, after), errors, strict=True) if pair[1])
        _print(list(view.text(found, unsound)), color)
    raise typer.Exit(FOUND if found.changes else OK)


@app.command()
def words(
    word: Annotated[
        str | None, typer.Argument(metavar="WORD", help="The word to explain; default: list all.")
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.TEXT,
    color: Colored = Color.AUTO,
) -> None:
    """The words of the language: all, or one with its arguments and an example."""
    from archdsl import reference

    found = list(reference.vocabulary() if word is None else reference.find(word))
    if word is not None and not found:
        _fail(reference.unknown(word))
    if format is Format.JSON:
        _print_document({"words": [reference.as_json(cls) for cls in found]})
    else:
        _print(list(reference.listing() if word is None else reference.pages(found)), color)


@app.command()
def explain(
    rule: Annotated[
        str | None,
        typer.Argument(metavar="RULE", help="A code or name: E301, lossy-stride; default: list."),
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.TEXT,
    color: Colored = Color.AUTO,
) -> None:
    """What a finding means, why it matters, an example, and what to do; or all that there are."""
    from archdsl import explain

    found = None if rule is None else catalogue.find(rule)
    if rule is not None and found is None:
        _fail(catalogue.unknown(rule))
    if format is Format.JSON:
        shown = catalogue.RULES if found is None else (found,)
        _print_document({"rules": [explain.as_json(each) for each in shown]})
    else:
        _print(list(explain.listing() if found is None else explain.page(found)), color)


# --- reading ----------------------------------------------------------------------------------


def _levels(deny: list[str] | None, warn: list[str] | None, allow: list[str] | None) -> Levels:
    """How findings count; ends the program where a rule is unknown or no matter of judgement."""
    try:
        return levels.chosen(deny or (), warn or (), allow or ())
    except levels.BadLevel as error:
        _fail(str(error))


def _overrides(settings: list[str] | None, color: Color) -> dict[str, Quantity]:
    """The parameters of --set; ends the program where one is no name=number."""
    findings = Findings()
    pairs = [scope.override(text, findings) for text in settings or []]
    if findings:
        _print_findings(findings, color, to_stderr=True)
        raise typer.Exit(FAILED)
    return dict(pair for pair in pairs if pair is not None)


def _files(specs: list[str]) -> list[str]:
    """The files that a command works on; ends the program where a folder has none."""
    try:
        return list(files.specs(specs))
    except FileNotFoundError as error:
        _fail(str(error))


def _stdin() -> bytes:
    if sys.stdin is None:
        _fail("standard input is closed")
    return sys.stdin.buffer.read()


def _compile(
    name: str, arch: str | None, overrides: dict[str, Quantity], chosen: Levels = levels.DEFAULT
) -> Compilation:
    """A file compiled; ends the program where it has no arch of the name that is asked for."""
    if name == files.STDIN:
        return compile_bytes(_stdin(), "<stdin>", overrides, levels=chosen)
    compilation = compile_file(Path(name), overrides, arch, chosen)
    if arch is not None:
        try:
            require_arch(compilation, name, arch)
        except SpecError as error:
            _fail(str(error))
    return compilation


def _unknown_overrides(
    compiled: list[Compilation], overrides: dict[str, Quantity]
) -> list[Diagnostic]:
    archs = [arch for compilation in compiled for arch in compilation.archs]
    known = {name for arch in archs for name in arch.network.parameters}
    unknown = [name for name in overrides if name not in known] if archs else []
    return [scope.unknown_override(name, known) for name in unknown]


def _load(spec: str, settings: list[str] | None, color: Color) -> Arch:
    """The one network that a command works on; ends the program where there is none."""
    overrides = _overrides(settings, color)
    path, name = files.target(spec)
    if Path(path).is_dir():
        _fail(f"{path} is a folder: name one of its .arch files")
    compilation = _compile(path, name, overrides)
    unknown = _unknown_overrides([compilation], overrides)
    if unknown or (compilation.diagnostics and not compilation.archs):
        diagnostics = [*compilation.diagnostics, *unknown]
        _print_findings(diagnostics, color, to_stderr=True)
        raise typer.Exit(_exit_code(diagnostics))
    try:
        return select(compilation, path, name)
    except SpecError as error:
        _fail(str(error))


def _two(before: str, after: str, overrides: dict[str, Quantity], color: Color) -> list[Arch]:
    """The networks to compare, each with the overrides that it has parameters for.

    Ends the program where one cannot be had.
    """
    if before == after == files.STDIN:
        _fail("only one of the two can be standard input")
    targets = [files.target(spec) for spec in (before, after)]
    for path, _ in targets:
        if Path(path).is_dir():
            _fail(f"{path} is a folder: diff compares two networks, FILE.arch or FILE.arch:Name")
    compiled = [_compile(path, name, overrides) for path, name in targets]
    missing = [c for c in compiled if c.diagnostics and not c.archs]
    unknown = _unknown_overrides(compiled, overrides) if not missing else []
    if missing or unknown:
        found = {d.place: d for compilation in missing for d in compilation.diagnostics}
        _print_findings([*found.values(), *unknown], color, to_stderr=True)
        raise typer.Exit(FAILED)
    try:
        return [
            select(compilation, *target)
            for compilation, target in zip(compiled, targets, strict=True)
        ]
    except SpecError as error:
        _fail(str(error))


def _require_comparable(archs: dict[str, Arch], color: Color) -> None:
    """Ends the program where one of the networks, by what was asked for, is not what its author
    means."""
    from archdsl.diff import prevents

    # What is wrong with a file of which both are is told once.
    found = {d.place: d for arch in archs.values() for d in arch.diagnostics if prevents(d)}
    if found:
        _print_findings(found.values(), color, to_stderr=True)
        wrong = [spec for spec, arch in archs.items() if any(map(prevents, arch.diagnostics))]
        _fail(f"cannot compare {' and '.join(wrong)}: edits or statements there have errors")


def _require_checked(arch: Arch, color: Color) -> None:
    try:
        require_checked(arch)
    except SpecError:
        _print_findings(arch.diagnostics, color, to_stderr=True)
        raise typer.Exit(FOUND) from None


# --- formatting -------------------------------------------------------------------------------


def _format(name: str, check: bool, diff: bool, color: Color) -> int:
    """Format one file, or show what would change in it; what `fmt` exits with for it."""
    source, marked = _read(name)
    findings = Findings([source] if isinstance(source, Diagnostic) else [])
    from archdsl.syntax.format import formatted

    text = formatted(source, _style(), findings) if isinstance(source, Source) else None
    if text is None or isinstance(source, Diagnostic):
        _print_findings(findings, color, to_stderr=True)
        return _exit_code(findings)
    before = f"\ufeff{source.text}" if marked else source.text
    changed = text != before
    if diff:
        _put("".join(_diff(source.name, before, text)))
    elif check and changed:
        print(source.name)
    elif name == files.STDIN and not check:
        _put(text)
    elif changed and (failed := _rewrite(source.name, text.encode())):
        return failed
    elif changed:
        print(source.name)
    return FOUND if check and changed else OK


def _require_fixable(names: list[str], fix: bool, pick: int | None) -> None:
    """Ends the program where the options of --fix do not fit together, or the files do not."""
    if not fix:
        _fail("--pick and --diff go with --fix")
    if files.STDIN in names:
        _fail("--fix changes a file: name it, since standard input cannot be changed")
    if pick is not None and len(names) > 1:
        _fail(f"--pick {pick}: the edits of one file are numbered, and {len(names)} are named")


def _fix(
    name: str, overrides: dict[str, Quantity], chosen: Levels, pick: int | None, diff: bool
) -> int:
    """Make the edits that are offered for a file, or print what they change."""
    from archdsl import fix

    path, arch = files.target(name)
    try:
        data = Path(path).read_bytes()
        before = data.decode("utf-8-sig")
    except (OSError, ValueError):
        return OK  # it is checked like any other file, which says what is wrong with it
    try:
        made = fix.chosen(compile_bytes(data, path, overrides, arch, chosen).diagnostics, pick)
        after = data if made is None else fix.applied(made.fix, path, data)
    except fix.CannotFix as error:
        if pick is not None:
            _fail(f"{path}: {error}")
        print(f"archdsl: {visible(str(error))}", file=sys.stderr)
        return FOUND
    if diff:
        _put("".join(_diff(path, before, after.decode("utf-8-sig"))))
    elif made is not None:
        if failed := _rewrite(path, after):
            return failed
        print(f"{path}: made  {visible(made.fix.title)}", file=sys.stderr)
        for number, other in made.others:
            print(f"  instead, --fix --pick {number}:  {visible(other.title)}", file=sys.stderr)
    return FOUND if made is not None else OK


def _read(name: str) -> tuple[Source | Diagnostic, bool]:
    """A spec, and whether it begins with a byte order mark, which is no part of its text."""
    if name == files.STDIN:
        data = _stdin()
        return decoded(data, "<stdin>"), data.startswith(BOM_UTF8)
    path = Path(name)
    source = read(path)
    if isinstance(source, Diagnostic) or not path.is_file():
        return source, False
    with path.open("rb") as file:
        return source, file.read(len(BOM_UTF8)) == BOM_UTF8


@cache
def _style() -> Style:
    """What the formatter takes from the words. One it does not know is a block's: a layer."""
    from archdsl.syntax.format import Style

    families = [family for family in Word.__subclasses__() if family.home]
    words = [cls for family in families for cls in family.words.values()]
    return Style(
        unlabelled=frozenset(cls.word for cls in words if not cls.labelled),
        tabular=frozenset(Setting.words),
    )


def _diff(name: str, before: str, after: str) -> Iterator[str]:
    """The lines of a unified diff, as `patch` reads it."""
    from difflib import unified_diff

    for line in unified_diff([*StringIO(before)], [*StringIO(after)], name, name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _put(text: str) -> None:
    """Print a spec, or a part of it, in its own encoding whatever that of the terminal is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())


def _rewrite(name: str, data: bytes) -> int:
    """Replace a spec by its new text; the exit code."""
    path = Path(name)
    try:
        if not path.is_file():
            raise OSError("it is no regular file; fmt - formats standard input")
        if not path.stat().st_mode & WRITABLE:
            raise OSError("it is read-only")
        files.write(path, data)
    except OSError as error:
        print(f"archdsl: cannot write {visible(name)}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    return OK


# --- writing ----------------------------------------------------------------------------------


def _module_text(arch: Arch, name: str) -> str:
    """The module in the layout of that name."""
    from archdsl.codegen import layouts
    from archdsl.codegen.layout import Layout
    from archdsl.codegen.probes import probes

    if name not in set(Layout):
        _fail(f"--layout {name}: it is {', '.join(Layout)}")
    layout = Layout(name)
    if layout is not Layout.FUSED and arch.network.devices == 1:
        _fail(
            f"--layout {name}: {arch.name} is a network of one device, which nothing divides; "
            "take --layout fused"
        )
    return layouts.module(arch.analysis, probes(arch.analysis), layout).text


def _emit_with_script(arch: Arch, output: Path) -> None:
    """Write the module and, beside it, the script that trains it; neither where one cannot be."""
    from archdsl.codegen.probes import probes
    from archdsl.codegen.pytorch import module
    from archdsl.codegen.script import module_name, script
    from archdsl.codegen.trainable import TrainingError

    made = module(arch.analysis, probes(arch.analysis))
    try:
        name = module_name(output.name)
        training = script(arch.analysis, made.class_name, name)
    except TrainingError as error:
        _fail(f"--train: {error}")
    beside = output.with_name(f"{name}_train.py")
    if beside.exists() and not (beside.is_file() and beside.read_bytes() == training.encode()):
        _fail(f"{beside} exists and is not what would be written: remove it, or choose another -o")
    for path, text in ((output, made.text), (beside, training)):
        _write(path, text.encode(), arch)
        print(path)


def _suffix(svg: bool, dot: bool, output: Path | None) -> str:
    if svg and dot:
        _fail("--svg and --dot: choose one")
    asked = ".dot" if dot else ".svg" if svg else None
    named = output.suffix if output is not None and not output.is_dir() else asked or ".svg"
    if named not in (".svg", ".dot") or asked not in (None, named):
        _fail(f"{output}: pictures are written as .svg or .dot, and --svg and --dot name them so")
    return named


def _stem(spec: str, arch: Arch) -> str:
    """What a picture is called: by its file, and by its arch where that was named."""
    if spec == files.STDIN:
        return arch.name
    stem = Path(arch.network.source.name).stem
    return f"{stem}-{arch.name}" if spec != arch.network.source.name else stem


def _emit_onnx(arch: Arch, path: Path, weights: Path | None) -> None:
    """Write a network as ONNX, with the weights of a file or with initial ones."""
    try:
        import torch

        from archdsl.codegen.onnx import CannotExport, exported
        from archdsl.torch import WeightsError, build

        torch.manual_seed(0)  # the same spec gives the same file
        data = exported(build(arch, weights=weights), arch.analysis)
    except ModuleNotFoundError as error:
        _fail(
            f"emit --onnx needs {error.name}: install it with  pip install 'archdsl[onnx]', "
            "or in a checkout  pip install '.[onnx]'"
        )
    except (WeightsError, CannotExport) as error:
        _fail(str(error))
    _write(path, data, arch)
    print(path)


def _write(path: Path, data: bytes, arch: Arch) -> None:
    spec = Path(arch.network.source.name)
    if spec.exists() and path.exists() and path.samefile(spec):
        _fail(f"{path} is the spec itself: choose another output file")
    try:
        files.write(path, data)
    except OSError as error:
        _fail(f"cannot write {path}: {error.strerror or error}")


def _exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    found = list(diagnostics)
    if any(d.rule.fatal for d in found):
        return FAILED
    return FOUND if any(d.severity is Severity.ERROR for d in found) else OK


def _fail(message: str) -> NoReturn:
    print(f"archdsl: {visible(message)}", file=sys.stderr)
    raise typer.Exit(FAILED)


def _print_found(
    format: CheckFormat, compiled: list[Compilation], diagnostics: list[Diagnostic], color: Color
) -> None:
    match format:
        case CheckFormat.TEXT:
            _print_checked(compiled, diagnostics, color)
        case CheckFormat.CONCISE:
            lines = [findings_view.concise(diagnostic) for diagnostic in diagnostics]
            _print([*lines, findings_view.summary(diagnostics)] if lines else [], color)
        case CheckFormat.JSON:
            document = {
                "archs": [report.as_json(arch) for c in compiled for arch in c.archs],
                "diagnostics": [findings_view.as_json(d) for d in diagnostics],
            }
            _print_document(document)
        case CheckFormat.SARIF:
            from archdsl.diagnostics import sarif

            _print_document(sarif.log(diagnostics, archdsl.__version__, _exit_code(diagnostics)))
        case CheckFormat.GITHUB:
            from archdsl.diagnostics import github

            for diagnostic in diagnostics:
                print(github.command(diagnostic))


def _print_document(document: dict[str, Any]) -> None:
    """Print JSON, in ASCII: the same for programs whatever the terminal's encoding, and nothing
    that a terminal obeys."""
    import json

    print(json.dumps(document, indent=2))


def _print_checked(
    compiled: list[Compilation], diagnostics: list[Diagnostic], color: Color
) -> None:
    lines: list[Line] = []
    for compilation in compiled:
        for analysis in compilation.archs:
            lines += [*report.table(analysis), ()]
        if compilation.module and not (compilation.archs or compilation.diagnostics):
            lines += [report.library(compilation.module), ()]
    numbers: dict[object, int] = {}  # of the first edit of each finding, as --pick takes them
    for compilation in compiled:
        for diagnostic, number in first_numbers(compilation.diagnostics):
            numbers.setdefault(diagnostic.place, number)
    numbered = [(diagnostic, numbers.get(diagnostic.place, 1)) for diagnostic in diagnostics]
    for diagnostic, number in numbered:
        lines += [*findings_view.text(diagnostic, number), ()]
    if diagnostics:
        lines.append(findings_view.summary(diagnostics))
        lines += findings_view.pointers(numbered)
    _print(lines[:-1] if lines and not lines[-1] else lines, color)


def _print_findings(
    diagnostics: Iterable[Diagnostic], color: Color, to_stderr: bool = False
) -> None:
    for diagnostic in diagnostics:
        _print([*findings_view.text(diagnostic), ()], color, to_stderr)


def _print(lines: list[Line], color: Color, to_stderr: bool = False) -> None:
    stream = sys.stderr if to_stderr else sys.stdout
    if _colored(color, stream.isatty()):
        console = _console(color, to_stderr)
        for line in lines:
            console.print(rich_text(line), soft_wrap=True)
    else:
        for line in lines:
            print(plain(line), file=stream)


def _colored(color: Color, terminal: bool) -> bool:
    """Whether to colour: --color goes before NO_COLOR, that before FORCE_COLOR, that before what
    is printed to. An empty variable counts as none, as no-color.org and force-color.org say; so
    does FORCE_COLOR=0."""
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("FORCE_COLOR", "0") not in ("", "0") or (
        terminal and os.environ.get("TERM") != "dumb"
    )


def _console(color: Color, to_stderr: bool = False) -> Console:
    from rich.console import Console

    terminal = (sys.stderr if to_stderr else sys.stdout).isatty()
    colored = _colored(color, terminal)
    return Console(
        stderr=to_stderr,
        highlight=False,
        force_terminal=terminal,
        no_color=not colored,
        color_system="standard" if colored else None,
    )
