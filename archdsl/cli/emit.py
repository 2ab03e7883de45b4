"""archdsl emit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archdsl.api import Arch
from archdsl.cli import options
from archdsl.cli.exits import fail
from archdsl.cli.options import Color, Colored, Settings, Spec
from archdsl.cli.reading import load_checked
from archdsl.cli.writing import write
from archdsl.codegen import layouts
from archdsl.codegen.layout import Layout
from archdsl.codegen.probes import probes
from archdsl.codegen.pytorch import module
from archdsl.codegen.script import module_name
from archdsl.codegen.script import script as training_script
from archdsl.codegen.trainable import TrainingError

STDOUT = Path("-")


def emit(
    spec: Spec,
    output: Annotated[Path | None, options.output("Where to; default: standard output.")] = None,
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
        fail("--onnx -: ONNX is no text, so name a file")
    if onnx is not None and output is not None and onnx.resolve() == output.resolve():
        fail(f"--onnx and -o would both write {output}: name two files")
    if layout != "fused" and (script or onnx is not None):
        fail(f"--layout {layout}: --train and --onnx write the fused layout; leave one away")
    if script and output is None:
        fail("--train writes a script beside the module: name the module, such as -o network.py")
    if weights is not None and onnx is None:
        fail("--weights goes with --onnx: a module's text holds none")
    arch = load_checked(spec, settings, color)
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
        write(output, text.encode(), arch)
        print(output)


def _module_text(arch: Arch, name: str) -> str:
    """The module in the layout of that name."""
    if name not in set(Layout):
        fail(f"--layout {name}: it is {', '.join(Layout)}")
    layout = Layout(name)
    if layout is not Layout.FUSED and arch.network.devices == 1:
        fail(
            f"--layout {name}: {arch.name} is a network of one device, which nothing divides; "
            "take --layout fused"
        )
    return layouts.module(arch.analysis, probes(arch.analysis), layout).text


def _emit_with_script(arch: Arch, output: Path) -> None:
    """Write the module and, beside it, the script that trains it; neither where one cannot be."""
    made = module(arch.analysis, probes(arch.analysis))
    try:
        name = module_name(output.name)
        script = training_script(arch.analysis, made.class_name, name)
    except TrainingError as error:
        fail(f"--train: {error}")
    beside = output.with_name(f"{name}_train.py")
    if beside.exists() and not (beside.is_file() and beside.read_bytes() == script.encode()):
        fail(f"{beside} exists and is not what would be written: remove it, or choose another -o")
    for path, text in ((output, made.text), (beside, script)):
        write(path, text.encode(), arch)
        print(path)


def _emit_onnx(arch: Arch, path: Path, weights: Path | None) -> None:
    """Write a network as ONNX, with the weights of a file or with initial ones."""
    try:
        import torch

        from archdsl.codegen.onnx import CannotExport, exported
        from archdsl.torch import WeightsError, build

        torch.manual_seed(0)  # the same spec gives the same file
        data = exported(build(arch, weights=weights), arch.analysis)
    except ModuleNotFoundError as error:
        fail(
            f"emit --onnx needs {error.name}: install it with  pip install 'archdsl[onnx]', "
            "or in a checkout  pip install '.[onnx]'"
        )
    except (WeightsError, CannotExport) as error:
        fail(str(error))
    write(path, data, arch)
    print(path)
