"""Random programs with blocks, joins, repeats and labels inside one another, all of them sound."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import hypothesis.strategies as st

RESERVED = ("half", "lambda", "type", "eval", "add_module", "float", "None")
"""Labels and blocks may be called so, modules may not."""

PARAMETER = "n"
"""What an arch's or a block's one parameter is called."""

KERNEL = "k"
"""What the other parameter of some blocks is called, which has a default."""

WIDTHS = ("2", "4", "6")
MAX_DEPTH = 3


class State(NamedTuple):
    """What is known where a statement stands."""

    width: str | None
    """The channels or features as they are written, None if only the checker knows them."""
    vector: bool
    """Whether there are features, and no map."""


@dataclass
class Writer:
    """Writes one program as it is drawn."""

    draw: st.DrawFn
    blocks: dict[str, State] = field(default_factory=dict)
    """What comes out of each block, whose width may be its parameter. All of them take maps."""
    names: list[str] = field(default_factory=lambda: list(RESERVED))
    labels: int = 0
    with_kernel: bool = False
    """Whether the block that is being written takes one."""
    kernels: dict[str, bool] = field(default_factory=dict)
    """Whether each block takes a kernel."""

    def program(self) -> str:
        draw = self.draw
        written = [self.block(f"b{n}") for n in range(draw(st.integers(0, 2)))]
        devices = draw(st.sampled_from(["", "", "devices 2"]))
        header = draw(st.sampled_from(["Net", f"Net({PARAMETER}=4)"]))
        widths = (*WIDTHS, PARAMETER) if "(" in header else WIDTHS
        lines, _ = self.body(State("4", False), widths, 0, self.draw(st.integers(0, 4)))
        return "\n".join([*written, f"arch {header} {{", "input 4x5x6", devices, *lines, "}", ""])

    def block(self, plain: str) -> str:
        name = self.reserved() or plain
        self.with_kernel = self.draw(st.booleans())
        lines, state = self.body(State(None, False), (*WIDTHS, PARAMETER), 1)
        self.kernels[name] = self.with_kernel
        self.with_kernel = False
        self.blocks[name] = state
        parameters = f"{PARAMETER}, {KERNEL}=3" if self.kernels[name] else PARAMETER
        return "\n".join([f"block {name}({parameters}) {{", *lines, "}"])

    def reserved(self) -> str | None:
        if self.names and self.draw(st.integers(0, 5)) == 0:
            return self.names.pop(self.draw(st.integers(0, len(self.names) - 1)))
        return None

    def body(
        self, state: State, widths: tuple[str, ...], depth: int, least: int = 0
    ) -> tuple[list[str], State]:
        """Some statements, and what comes out of them."""
        lines = []
        for _ in range(self.draw(st.integers(least, 4 if depth == 0 else 3))):
            line, state = self.statement(state, widths, depth)
            if self.draw(st.integers(0, 3)) == 0:
                self.labels += 1
                line = f"{self.reserved() or f'l{self.labels}'}: {line}"
            lines.append(line)
        return lines, state

    def statement(self, state: State, widths: tuple[str, ...], depth: int) -> tuple[str, State]:
        kinds = ["weighted", "weighted", "plain", "plain"]
        if depth < MAX_DEPTH:
            kinds += ["concat", "add", "repeat"]
        if self.blocks and not state.vector:
            kinds += ["use", "use"]
        match self.draw(st.sampled_from(kinds)):
            case "weighted":
                return self.weighted(state, self.draw(st.sampled_from(widths)))
            case "concat":
                return self.concat(state, widths, depth)
            case "add":
                return self.add(state, widths, depth)
            case "repeat":
                return self.repeat(state, widths, depth)
            case "use":
                name = self.draw(st.sampled_from(list(self.blocks)))
                width = self.draw(st.sampled_from(widths))
                out = self.blocks[name]
                kernel = self.draw(st.sampled_from(["", " k=1", " 5"]))
                line = f"{name} {width}{kernel if self.kernels[name] else ''}"
                return line, State(width if out.width == PARAMETER else None, out[1])
        return self.plain(state)

    def plain(self, state: State) -> tuple[str, State]:
        anywhere = ["relu", "batchnorm", "identity", "prelu", "dropout 0.2"]
        on_maps = ["maxpool 3 stride=1 pad=1", "lrn size=3", "lrn size=3 across=space", "flatten"]
        line = self.draw(st.sampled_from(anywhere if state.vector else anywhere + on_maps))
        return line, State(None, True) if line == "flatten" else state

    def weighted(self, state: State, width: str, vector: bool | None = None) -> tuple[str, State]:
        """A layer of so many outputs. Of a map it makes a map, or a vector."""
        if vector is None:
            vector = state.vector or self.draw(st.integers(0, 7)) == 0
        if vector:
            return f"linear {width}", State(width, True)
        kernels = ["1x1", "3x3 pad=1", "3x3 pad=1 groups=2", "2x2 pad=1 dilation=2"]
        if self.with_kernel:
            kernels += [f"{KERNEL} pad=same"] * 3
        kernel = self.draw(st.sampled_from(kernels))
        return f"conv {width} {kernel} bias=no", State(width, False)

    def concat(self, state: State, widths: tuple[str, ...], depth: int) -> tuple[str, State]:
        vector = state.vector or self.draw(st.integers(0, 3)) == 0
        branches: list[list[str]] = []
        for _ in range(self.draw(st.integers(2, 3))):
            lines, out = self.body(state, widths, depth + 1)
            if vector and not out.vector:
                lines.append(self.weighted(out, self.draw(st.sampled_from(widths)), True)[0])
            elif out.vector and not vector:
                lines = []  # a vector never becomes a map again
            branches.append(lines)
        return f"concat {_blocks(branches)}", State(None, vector)

    def add(self, state: State, widths: tuple[str, ...], depth: int) -> tuple[str, State]:
        width = self.draw(st.sampled_from(widths))
        vector = state.vector or self.draw(st.integers(0, 3)) == 0
        branches: list[list[str]] = []
        for _ in range(self.draw(st.integers(2, 3))):
            if state == State(width, vector) and self.draw(st.booleans()):
                branches.append([])
                continue
            lines, out = self.body(state, widths, depth + 1)
            if out.vector and not vector:
                lines, out = [], state
            if out != State(width, vector):
                lines.append(self.weighted(out, width, vector)[0])
            branches.append(lines)
        return f"add {_blocks(branches)}", State(width, vector)

    def repeat(self, state: State, widths: tuple[str, ...], depth: int) -> tuple[str, State]:
        count = self.draw(st.integers(0, 3))
        # What comes into the second iteration is what comes out of the first.
        lines, out = self.body(State(None, state.vector), widths, depth + 1)
        if out.vector and not state.vector:
            lines, out = [], state
        known = out.width if count else None
        return f"repeat {count} {_blocks([lines])}", State(known, state.vector)


def _blocks(bodies: list[list[str]]) -> str:
    return " ".join(f"{{ {'; '.join(lines)} }}" if lines else "{}" for lines in bodies)


@st.composite
def programs(draw: st.DrawFn) -> str:
    """The text of a file with one arch, Net."""
    return Writer(draw).program()
