"""The table that `check` prints, and its JSON."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archdsl import load, report
from archdsl.compiler import compile_bytes, compile_file
from archdsl.diagram.page import page
from archdsl.report import short
from archdsl.styled import plain
from archdsl.watch import told
from tests.helpers import GOLDEN, ROOT, SPECS, assert_golden, compiled, network

COMPOSED = ["zoo/googlenet", "zoo/resnet50", "zoo/densenet121"]
"""With blocks, branches and repeats, some in a file of their own."""


def table(name: str) -> str:
    """As from the repository's root: the title's spacing depends on the file's path."""
    path = SPECS / f"{name}.arch"
    (analysis,) = compile_bytes(path.read_bytes(), str(path.relative_to(ROOT))).archs
    return "\n".join(plain(line) for line in report.table(analysis)) + "\n"


@pytest.mark.parametrize("name", ["alexnet", "alexnet_224", "small", *COMPOSED])
def test_the_table_is_the_golden_one(name: str) -> None:
    assert_golden(GOLDEN / "report" / f"{name}.txt", table(name))


@pytest.mark.parametrize("name", ["alexnet", "small", *COMPOSED])
def test_columns_sum_to_the_totals(name: str) -> None:
    figures = r" ([\d,]+)  +([\d.]+)(?: ([kMG]))? +([\d,]+)$"
    rows = re.findall(figures, table(name), re.MULTILINE)
    arch = load(SPECS / f"{name}.arch")
    assert len(rows) == len(arch.network.stages)
    assert sum(int(row[0].replace(",", "")) for row in rows) == arch.params
    units = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
    macs = sum(float(row[1]) * units[row[2]] for row in rows)
    rounding = sum(0.05 * units[row[2]] for row in rows)
    assert macs == pytest.approx(arch.macs, abs=rounding)
    outputs = sum(int(row[3].replace(",", "")) for row in rows)
    assert outputs + arch.network.input.size == arch.activations


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.arch")), ids=lambda path: path.stem)
def test_it_fits_80_columns(path: Path) -> None:
    for analysis in compile_file(path).archs:
        lines = [plain(line) for line in report.table(analysis)]
        assert max(map(len, lines[2:])) <= 80  # the title has the file's path


def test_a_claim_in_a_block_is_one_line_and_counts_as_often_as_it_is_used() -> None:
    text = "block unit(n) { conv n 1x1 -> (n, 8, 8); relu -> 4x8x8 }\n" + network(
        "input 3x8x8\na: unit 4\nb: unit 4\nrepeat 2 { unit 5 }"
    )
    lines = [plain(line) for line in report.table(compiled(text).archs[0])]
    assert [" ".join(line.split()) for line in lines if "->" in line] == [
        "✓ a.unit.conv -> 4x8x8 and 3 more like it",
        "✓ a.unit.relu -> 4x8x8 and 1 more like it",
        "✗ b.repeat.1.unit.relu -> 4x8x8 5x8x8 and 1 more like it",
    ]
    assert lines[-1] == "  6 claims hold, 2 claims are wrong"


def test_check_watch_and_the_page_say_alike_what_holds_and_what_is_not_judged() -> None:
    """Of other classes than the file has, what is claimed in figures is not judged."""
    source = (
        "arch Net(classes=10) {\n  input 4x8x8\n  a: conv 8 1x1 -> 8x8x8\n"
        "  b: linear classes -> classes\n  expect params 5170\n  expect a params 40\n}\n"
    )
    found = compile_bytes(source.encode(), "net.arch", {"classes": 7})
    (analysis,) = found.archs
    assert plain(list(report.table(analysis))[-1]) == "  2 claims hold, 2 not judged"
    watched = [plain(line) for line in told(found, "net.arch", "12:00:00")]
    assert watched[1].startswith("  ✓ Net") and watched[1].endswith("2 claims hold, 2 not judged")
    assert ">2 hold, 2 not judged<" in page(analysis, found.diagnostics)
    (whole,) = compile_bytes(source.encode(), "net.arch").archs
    assert report.tally(whole.verdicts[:1]) == "1 claim holds"
    assert ">✓ 4 hold<" in page(whole)


def test_a_file_of_blocks_says_so() -> None:
    module = compiled("let n=1 m=2\nblock unit { relu }\n").module
    assert module is not None
    assert plain(report.library(module)) == (
        "spec.arch  no network, but 1 block and 2 lets for other files to use"
    )


BROKEN = """
input 3x8x8
a: conv 4 3x3
b: conv 4 30x30
c: relu
d: maxpool 2x2   -> 4x4x4
e: conv 2 3x3
f: convv 9 1x1
g: linear 10
h: linear 5
"""


def lines_of(body: str) -> list[str]:
    return [plain(line) for line in report.table(compiled(network(body)).archs[0])]


def test_the_table_goes_up_to_the_failing_layer_and_on_from_claims() -> None:
    rows = {line[2:].split()[0]: line for line in lines_of(BROKEN)[3:11]}
    # 3·3·3·4 + 4 = 112 parameters, 108 of them for each of 6·6 places; 4·6·6 outputs
    assert rows["a"].split()[-5:] == ["4x6x6", "112", "3.9", "k", "144"]
    assert [name for name, row in rows.items() if row.startswith("✗ ")] == ["b", "f"]
    for name in "bcf":
        assert rows[name].split()[-4:] == ["?"] * 4
    assert rows["d"].split()[-4:] == ["*4x4x4", "?", "?", "?"]
    assert rows["e"].split()[-4:] == ["*2x2x2", "74", "288", "8"]  # 2·4·9 + 2; 72 · 2·2
    assert rows["g"].split()[-4:] == ["10", "?", "?", "?"]  # whatever goes in
    assert rows["h"].split()[-4:] == ["5", "55", "50", "5"]


def test_it_says_where_it_stops_and_what_it_counts() -> None:
    assert lines_of(BROKEN)[12:18] == [
        f"  {112 + 74 + 55} parameters ({108 + 72 + 50} weights) · {108 * 36 + 288 + 50:,} MACs",
        f"  {3 * 8 * 8 + 144 + 8 + 5} activations per image, the input's included",
        "  in the 3 of 8 stages whose figures are known",
        "  ✗ stops at b: it cannot take 4x6x6; known again by the claim of d",
        "  ✗ stops at f: its statement is wrong; known again from g on",
        "  * on the claim d -> 4x4x4",
    ]
    joined = "input 3x8x8\na: concat { conv 4 3x3 } { conv 4 1x1 }\nb: relu"
    assert "  ✗ stops at a: its branches cannot be joined; the shapes after it are unknown" in (
        lines_of(joined)
    )
    own = "input 3x8x8\na: conv 4 30x30 -> 4x4x4\nb: relu"
    assert "  ✗ stops at a: it cannot take 3x8x8; what follows stands on its claim" in lines_of(own)


def test_where_nothing_is_known_there_are_no_totals() -> None:
    lines = lines_of("input 3x8x8\na: conv 4 30x30")
    assert "  totals are unknown: no stage's figures are known" in lines


def test_a_shape_after_a_lossy_layer_is_marked_as_claimed() -> None:
    lines = lines_of("input 3x224x224\na: conv 96 11x11 stride=4 -> 96x55x55\nb: relu\nc: linear 9")
    marks = ["*96x55x55" in lines[3], "*96x55x55" in lines[4], "*9" in lines[5]]
    assert marks == [True, True, False]
    assert "  * on the claim a -> 96x55x55, not on the 96x54x54 that it gives" in lines


def test_what_a_claim_cannot_change_is_not_marked() -> None:
    """A wrong claim is not used to infer, so nothing stands on it."""
    lines = lines_of("input 3x8x8\na: conv 4 3x3 -> 4x9x9\nb: relu")
    assert not any("*" in line for line in lines)


LONG = "a" * 70


@pytest.mark.parametrize(
    "body",
    [
        f"input 3x64x64\n{LONG}: conv 8 3x3 -> 9x62x62\nexpect {LONG} params 3",
        f"input 3x64x64\ndevices 2\n{LONG}: conv 8 3x3\nrelu\nb: conv 8 3x3",
        f"input 3x64x64\nb: conv 8 99x99\n{LONG}: relu -> 3x9x9\nc: {LONG} 9",
        "input 100000x100x100\na: conv 100_000 3x3 groups=10\n"
        "repeat 99 { conv 100_000 3x3 groups=100 }",
        f"input 100000x100x100\ndevices 1000\n{LONG}: conv 100_000 1x1\n"
        f"concat {{ conv 100_000 1x1 }} {{ conv 100_000 1x1 }}\nb{LONG}: linear 1001\nprelu",
    ],
)
def test_long_names_and_figures_stay_within_80_columns(body: str) -> None:
    assert max(map(len, lines_of(body))) <= 80


def test_many_stops_are_counted() -> None:
    stops = "\n".join(f"s{n}: convv" for n in range(9))
    lines = lines_of(f"input 3x8x8\n{stops}")
    assert sum(line.startswith("  ✗ stops at") for line in lines) == 4
    assert "    and in 5 more stages" in lines


# --- several devices --------------------------------------------------------------------------


def plan_of(body: str) -> list[str]:
    """The lines between the totals and the claims."""
    lines = lines_of(body)
    start = next(n for n, text in enumerate(lines) if "activations per image" in text)
    return lines[start + 2 :]


def test_the_exchanges_of_alexnet_sum_to_its_traffic() -> None:
    rows = re.findall(r"^  \w+ +\S+ of \w+ +([\d,]+) +([\d.]+) MB$", table("alexnet"), re.MULTILINE)
    assert sum(int(numbers.replace(",", "")) for numbers, _ in rows) == 60_672
    assert sum(float(megabytes) for _, megabytes in rows) == pytest.approx(31.1, abs=0.2)


def test_devices_that_do_not_have_the_same() -> None:
    # Of 10 features the first devices have 3, of the 3 after them 1; the last has none of those.
    assert plan_of("input 6\ndevices 4\nbatchnorm\na: linear 10\nb: linear 3 bias=no") == [
        "  ⇄ before  reads    numbers/image  bytes/batch",
        "  b         10 of a             30      15.4 kB",
        "  ⇄ 30 numbers per image cross between the devices in a forward pass ·",
        "    15.4 kB at the default batch 128 in float32",
        "",
        "  device     params    MACs  activations",
        "  0–1 each       43      28           16",  # 12 + 21 + 10; 18 + 10; 6 + 6 + 3 + 1
        "  2              36      22           15",
        "  3              26      12           14",
        "  imbalance  16.2 %  24.4 %        4.9 %",  # 4 · 43 / 148, 4 · 28 / 90, 4 · 16 / 61
        "  12 of the parameters are on every device",
    ]


def test_what_is_hardly_uneven_is_not_called_even() -> None:
    *_, imbalance = plan_of("input 9\ndevices 2\na: linear 10_001\nrelu\nlinear 2 bias=no")
    assert imbalance == "  imbalance  < 0.1 %  < 0.1 %      < 0.1 %"


def test_devices_that_exchange_nothing() -> None:
    assert plan_of("input 4x8x8\ndevices 2\na: conv 4 3x3\nb: conv 4 3x3 groups=2") == [
        "  nothing crosses between the devices",
        "",
        "  device     params   MACs  activations",
        "  each of 2     112  3.2 k          360  balanced",  # 74 + 38; 72·36 + 36·16
    ]


def test_an_exchange_names_what_is_read_from_where_the_reader_stands() -> None:
    text = "block unit(n) { conv n 1x1; relu; conv n 1x1 }\n" + network(
        "input 4x8x8\ndevices 2\na: conv 4 1x1\nbody: repeat 2 { unit 4 }\n"
        "c: concat { conv 2 1x1 } { conv 2 1x1 }\nd: linear 2\nlinear 2"
    )
    lines = [plain(line) for line in report.table(compiled(text).archs[0])]
    start = next(n for n, text in enumerate(lines) if "⇄ before" in text)
    assert [" ".join(line.split()) for line in lines[start + 1 : start + 8]] == [
        "body.repeat.1.unit.conv 4x8x8 of a 256 131.1 kB",
        "…dy.repeat.1.unit.conv_2 4x8x8 of relu 256 131.1 kB",
        "body.repeat.2.unit.conv 4x8x8 of repeat.1.unit.… 256 131.1 kB",
        "…dy.repeat.2.unit.conv_2 4x8x8 of relu 256 131.1 kB",
        "…oncat.1.conv and 1 more 4x8x8 of body 256 131.1 kB",
        "d 4x8x8 of c 256 131.1 kB",
        "d.linear_2 2 of linear 2 1.0 kB",
    ]


def test_many_exchanges_are_added_up_by_stage() -> None:
    body = "input 4x8x8\ndevices 2\na: conv 4 1x1\nb: repeat 15 { conv 4 1x1 }\nc: linear 2"
    assert sum(" of " in line for line in plan_of(body)[1:17]) == 16
    assert plan_of(body.replace("15", "16"))[:4] == [
        "  ⇄ before  reads         numbers/image  bytes/batch",
        "  b         16 exchanges          4,096       2.1 MB",
        "  c         1 exchange              256     131.1 kB",
        "  ⇄ 4,352 numbers per image cross between the devices in a forward pass ·",
    ]


def test_there_is_no_plan_of_what_cannot_be_placed() -> None:
    lines = lines_of("input 4x8x8\ndevices 2\na: conv 4 1x1\nb: conv 4 1x1\nc: conv 5 1x1")
    assert not any("cross" in line or "device " in line for line in lines)


# --- JSON -------------------------------------------------------------------------------------


def test_json_has_the_documented_fields() -> None:
    (analysis,) = compile_file(SPECS / "alexnet.arch").archs
    document = report.as_json(analysis)
    assert {key: document[key] for key in ("name", "params", "weights", "macs", "activations")} == {
        "name": "AlexNet",
        "params": 60_965_224,
        "weights": 60_954_656,
        "macs": 724_406_816,
        "activations": 2_079_811,
    }
    conv1 = document["stages"][0]
    assert (conv1["name"], conv1["output"], conv1["params"]) == ("conv1", [96, 27, 27], 34_944)
    assert conv1["layers"][0] == {
        "name": "conv1.conv",
        "word": "conv",
        "output": [96, 55, 55],
        "claimed": False,
        "params": 34_944,
        "macs": 105_415_200,
    }
    assert document["stages"][-1]["output"] == [1000]
    assert document["claims"][0] == {
        "text": "conv1 -> 96x55x55",
        "holds": True,
        "claimed": "96x55x55",
        "actual": "96x55x55",
        "percent": None,
        "remark": "",
        "memory": [],
        "line": 6,
    }
    assert document["stops"] == []
    assert document["known"] == {
        "stages": 8,
        **{key: document[key] for key in ("params", "weights", "macs", "activations")},
    }
    # (60,965,224 − 60,000,000) / 60,000,000
    assert document["claims"][9]["percent"] == pytest.approx(1.6087, abs=1e-4)
    assert document["claims"][9]["text"] == "params ~60M"
    assert document["claims"][9]["actual"] == 60_965_224


def test_json_of_a_plan() -> None:
    body = "input 6\ndevices 2\nbatchnorm\na: linear 5\nb: linear 3 bias=no\ntrain { batch 4 }"
    document = report.as_json(compiled(network(body)).archs[0])
    imbalance = document["plan"].pop("imbalance")
    assert document["plan"] == {
        "devices": [
            {"device": 0, "params": 12 + 21 + 10, "macs": 18 + 10, "activations": 6 + 6 + 3 + 2},
            {"device": 1, "params": 12 + 14 + 5, "macs": 12 + 5, "activations": 6 + 6 + 2 + 1},
        ],
        "common": 12,
        "exchanges": [
            {
                "layers": ["b.linear"],
                "source": "a.linear",
                "shape": [5],
                "traffic": 5,
                "bytes": 80,
            }
        ],
        "traffic": 5,
        "bytes": 80,
        "returns": False,
        "batch": 4,
        "precision": "float32",
    }
    assert imbalance == pytest.approx(
        {"params": 100 * 6 / 37, "macs": 100 * 5.5 / 22.5, "activations": 100 * 1 / 16}
    )
    one = report.as_json(compiled(network("input 6\nlinear 5")).archs[0])
    assert one["plan"] is None


def test_json_of_what_is_unknown_is_null() -> None:
    result = compiled(network("input 3x8x8\nb: conv 4 30x30\nexpect params 3"))
    document = report.as_json(result.archs[0])
    assert document["params"] is None and document["macs"] is None
    assert document["stages"][0]["output"] is None
    assert document["stages"][0]["layers"][0]["params"] is None
    assert document["claims"][0]["holds"] is None and document["claims"][0]["actual"] is None
    assert document["claims"][0]["remark"] == "not every shape is known"


def test_json_carries_the_marks_of_the_table() -> None:
    document = report.as_json(compiled(network(BROKEN)).archs[0])
    assert document["stops"] == [
        {"layer": "b.conv", "why": "it cannot take 4x6x6"},
        {"layer": "f.convv", "why": "its statement is wrong"},
    ]
    assert [stage["name"] for stage in document["stages"] if stage["claimed"]] == ["d", "e"]
    assert document["known"] == {
        "stages": 3,
        "params": 241,
        "weights": 230,
        "macs": 4_226,
        "activations": 349,
    }


def test_short_figures() -> None:
    figures = [0, 999, 1_000, 724_406_816, 1_135_256_096, 2 * 10**12]
    assert [short(n) for n in figures] == ["0", "999", "1.0 k", "724.4 M", "1.14 G", "2.00 T"]
