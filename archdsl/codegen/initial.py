"""Initial weights: an arch's `init` lines as a method of the generated class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archdsl.codegen import writer
from archdsl.network import Network
from archdsl.words.declaration import Initial, Kaiming, Normal, Uniform, Xavier

LAYERS = (
    "        for name, module in self.named_modules():",
    "            if not isinstance(module, nn.Conv2d | nn.Linear):",
    "                continue",
)
"""The loop over the layers that have initial values."""


def reset_parameters(
    network: Network, attributes: Mapping[str, str], layers: Sequence[str] = LAYERS
) -> Iterator[str]:
    """`reset_parameters`, as the `init` lines say; nothing if there are none.

    `layers` are the lines of its loop over the convolutions and linear layers.
    """
    weights, biases = initial_values(network)
    if not weights and not biases:
        return
    weighted = [s.name for s in network.stages if any(layer.op.weighted for layer in s.layers)]
    yield "    def reset_parameters(self) -> None:"
    yield '        """Initial weights and biases; what is not named keeps PyTorch\'s default."""'
    yield from layers
    indent = " " * 12
    weight_groups, bias_groups = _grouped(weights), _grouped(biases)
    if any(len(stages) < len(weighted) for _, stages in [*weight_groups, *bias_groups]):
        yield f'{indent}stage_name = name.partition(".")[0]'
    calls = [
        (_initial_call(distribution), [attributes[stage] for stage in stages])
        for distribution, stages in weight_groups
    ]
    yield from _by_stage(calls, len(weighted), indent)
    if bias_groups:
        yield f"{indent}if module.bias is not None:"
        calls = [
            (_constant(value), [attributes[stage] for stage in stages])
            for value, stages in bias_groups
        ]
        yield from _by_stage(calls, len(weighted), indent + "    ")


def _by_stage(
    statements: Sequence[tuple[str, Sequence[str]]], weighted: int, indent: str
) -> Iterator[str]:
    """Each statement under the condition that the stage is one of those it is for."""
    keyword = "if"
    left = weighted
    for statement, stages in statements:
        if len(stages) == weighted:
            yield f"{indent}{statement}"
            return
        if len(stages) == left:
            yield f"{indent}else:"
        else:
            quoted = [f'"{stage}"' for stage in stages]
            if len(quoted) == 1:
                yield f"{indent}{keyword} stage_name == {quoted[0]}:"
            else:
                yield from writer.listing(f"{keyword} stage_name in ", quoted, indent, ":")
        yield f"{indent}    {statement}"
        keyword = "elif"
        left -= len(stages)


def _constant(value: object) -> str:
    match value:
        case 0.0:
            return "nn.init.zeros_(module.bias)"
        case 1.0:
            return "nn.init.ones_(module.bias)"
    return f"nn.init.constant_(module.bias, {value!r})"


def initial_values(network: Network) -> tuple[dict[str, Initial], dict[str, float]]:
    """The distribution of weights and the value of biases by stage; later `init` lines win."""
    weights: dict[str, Initial] = {}
    biases: dict[str, float] = {}
    for init in network.inits:
        word = init.word
        for stage in network.stages:
            if word.stages and stage.name not in word.stages:
                continue
            if not any(layer.op.weighted for layer in stage.layers):
                continue
            if word.weights is not None:
                weights[stage.name] = word.weights
            if word.bias is not None:
                biases[stage.name] = float(word.bias)
    return weights, biases


def _grouped(values: Mapping[str, object]) -> list[tuple[object, list[str]]]:
    groups: list[tuple[object, list[str]]] = []
    for stage, value in values.items():
        group = next((stages for known, stages in groups if known == value), None)
        if group is None:
            groups.append((value, [stage]))
        else:
            group.append(stage)
    return sorted(groups, key=lambda group: len(group[1]))  # the largest goes into the `else`


def _initial_call(distribution: object) -> str:
    match distribution:
        case Normal(mean=mean, std=std):
            return f"nn.init.normal_(module.weight, mean={mean!r}, std={std!r})"
        case Uniform(low=low, high=high):
            return f"nn.init.uniform_(module.weight, a={low!r}, b={high!r})"
        case Xavier():
            return "nn.init.xavier_uniform_(module.weight)"
        case Kaiming():
            return 'nn.init.kaiming_normal_(module.weight, nonlinearity="relu")'
    raise TypeError(f"{distribution!r} is no distribution")
