"""The page as text: what is in it, that all of it is linked, and that nothing in it is obeyed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from base64 import b64encode

import pytest

from archdsl.compiler import compile_bytes, compile_file
from archdsl.diagram.page import Live, Picture, draw, page
from archdsl.diagram.page.colors import VARIABLES, named
from archdsl.diagram.page.document import RELOAD, SCRIPTS, STYLES
from archdsl.diagram.palette import PALETTES, Theme
from archdsl.diagram.style import Fold, Style
from tests.diagram.helpers import needs_dot
from tests.diagram.page.helpers import HOSTILE, Parsed, page_of, shipped
from tests.helpers import ROOT, SPECS, compiled, network

ASSETS = ROOT / "archdsl" / "diagram" / "page" / "assets"


def links(text: str) -> dict[str, object]:
    """What the page's script is given."""
    found = re.search(r'<script type="application/json" id="links">(.*?)</script>', text)
    assert found
    return dict(json.loads(found[1]))


def test_alexnet_is_told_whole() -> None:
    text = page_of(shipped("alexnet"), picture=Picture())
    parsed = Parsed(text)
    assert parsed.open == []
    for told in (
        "3×227×227 → 96×55×55 (227 − 11) / 4 + 1 = 55",
        "96·3·11·11 + 96 = 34,944",
        "105.4 M",
        "total 1000 60,965,224 724.4 M 2,079,811",
        "neurons ~650k ~ 650,000 659,272 +1.4 %",
        "fc6 256×6×6 of conv5.maxpool 9,216 4,718,592 bytes (4.72 MB)",
        "0–1, each 30,482,612 362,203,408",
        "optimizer sgd lr=0.01 momentum=0.9 weight_decay=5e-4 rule=paper",
        "✓ 13 hold",
    ):
        assert told in parsed.text
    assert len(text.encode()) < 300_000


@needs_dot
@pytest.mark.parametrize("fold", Fold)
def test_every_part_is_linked_to_its_row_its_lines_and_its_place_in_the_picture(
    fold: Fold,
) -> None:
    compilation = compile_file(SPECS / "zoo" / "squeezenet1_1.arch")
    (analysis,) = compilation.archs
    network = analysis.network
    text = page_of(compilation, picture=draw(analysis, style=Style(fold=fold)))
    parsed = Parsed(text)
    paths = [*(stage.path for stage in network.stages), *(part.path for part in network.parts)]
    rows = [row["data-part"] for row in parsed.of("tr") if (row.get("id") or "").startswith("row-")]
    assert sorted(filter(None, rows)) == sorted(paths)
    given = links(text)
    drawn = {group["data-part"] for group in parsed.of("g") if "data-part" in group}
    lines = {item["id"] for item in parsed.of("li") if "id" in item}
    for path in paths:
        owners = given["drawn"].get(path, [path])  # type: ignore[attr-defined]
        assert owners and set(owners) <= drawn, path
        written = given["lines"][path]  # type: ignore[index]
        assert written and set(written) <= lines, path
    # The squeezing convolution stands in the block, in line 31, which line 10 uses.
    assert given["lines"]["fire2.fire.conv"] == ["L1-31", "L1-10"]  # type: ignore[index]


@needs_dot
def test_the_same_page_each_time() -> None:
    script = (
        "import sys; from pathlib import Path; from archdsl.compiler import compile_file;"
        "from archdsl.diagram.page import draw, page;"
        "c = compile_file(Path('specs/alexnet.arch')); a = c.archs[0];"
        "sys.stdout.buffer.write(page(a, c.diagnostics, draw(a, c.diagnostics)).encode())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert len(found.pop()) < 300_000


def test_what_is_found_comes_first() -> None:
    text = page_of(shipped("alexnet_224"), picture=Picture())
    parsed = Parsed(text)
    finding = "conv1 never sees the last row and column of its 224x224 input"
    assert parsed.text.index(finding) < parsed.text.index("layer output params MACs activations")
    assert parsed.text.count(finding) >= 2  # and at its line
    for told in ("= 54.25, which rounds down to 54", "pad=2", "as in torchvision's AlexNet"):
        assert told in parsed.text


def test_a_file_without_a_network_has_a_page() -> None:
    found = compile_bytes(b"arch Net {\n  input 3x4x4\n  conv \xff", "net.arch")
    parsed = Parsed(page(None, found.diagnostics, name="net.arch"))
    assert "net.arch is not UTF-8 text" in parsed.text
    found = compile_bytes(b"archh Net { input 3x4x4 }", "net.arch")
    assert not found.archs
    parsed = Parsed(page(None, found.diagnostics, name="net.arch"))
    assert "'archh'" in parsed.text
    assert "1 archh Net { input 3x4x4 }" in parsed.text


def test_what_is_missed_at_the_end_of_a_file_is_told_there() -> None:
    found = compiled("arch Net {\n  input 3x4x4\n  conv 4 3x3\n")
    parsed = Parsed(page_of(found, picture=Picture()))
    (finding,) = (d for d in found.diagnostics if "}" in d.message or "closed" in d.message)
    assert finding.primary
    lines = {item.get("id") for item in parsed.of("li")}
    assert f"L1-{finding.primary.span.line}" in lines
    targets = {str(link["href"])[1:] for link in parsed.of("a") if str(link["href"])[0] == "#"}
    assert targets <= {attributes.get("id") for _, attributes in parsed.elements}


def test_a_file_for_others_to_use_says_so() -> None:
    found = compile_bytes(b"block pair(n) { conv n 1x1; relu }", "blocks.arch")
    assert found.diagnostics == ()
    parsed = Parsed(page(None, (), name="blocks.arch"))
    assert "No network, but definitions for other files to use." in parsed.text


def test_without_graphviz_there_is_the_table_and_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    text = page_of(shipped("small"))
    parsed = Parsed(text)
    assert "Graphviz's program dot is not installed" in parsed.text
    assert not [svg for svg in parsed.of("svg") if svg.get("id") == "graph"]
    assert "layer output params MACs activations" in parsed.text


def test_claims_have_both_figures() -> None:
    found = compiled(
        network("input 3x4x4\nconv 4 3x3 -> 4x2x2\nexpect params 100\nexpect macs ~400")
    )
    parsed = Parsed(page_of(found, picture=Picture()))
    assert "params 100 100 112 +12.0 %" in parsed.text  # 4·3·9 + 4
    assert "macs ~400 ~ 400 432 +8.0 %" in parsed.text  # 4·2·2 × 3·9, beyond 5 %
    assert "✗ 1 holds, 2 are wrong" in parsed.text


# --- safety -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile() -> str:
    return page_of(compiled(HOSTILE))


def test_text_of_a_spec_is_nothing_but_text(hostile: str) -> None:
    parsed = Parsed(hostile)
    assert parsed.open == []
    assert not {"img", "b", "iframe", "object", "embed", "form"} & {
        tag for tag, _ in parsed.elements
    }
    assert [script.get("type") for script in parsed.of("script")] == ["application/json", None]
    assert len(parsed.of("style")) == 1
    for tag, attributes in parsed.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("href", "src", "action", "xlink:href"):
            assert re.fullmatch(r"#[\w.-]+|data:,", attributes.get(name) or "data:,"), tag
    # It is all there to be read.
    for said in (
        "</script><script>hacked=1</script> <img src=x onerror=hacked=1> ]]>",
        "\"quotes' \\ &lt;b&gt;",
        "# javascript:hacked=1 </style><style>*{display:none}</style>",
        "größer <b onmouseover=hacked=1> مرحبا بالعالم 🎉",
        "# <svg onload=hacked=1>",
    ):
        assert said in parsed.text


def test_the_policy_names_no_host_and_allows_the_pages_own_text_only(hostile: str) -> None:
    parsed = Parsed(hostile)
    (policy,) = (m["content"] for m in parsed.of("meta") if m.get("http-equiv"))
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert "connect-src" not in rules
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        inside = re.findall(rf"<{tag}>(.*?)</{tag}>", hostile, re.DOTALL)
        hashes = [b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inside]
        assert rules[rule] == " ".join(f"'sha256-{digest}'" for digest in hashes)


def test_a_served_page_differs_by_its_reload_alone() -> None:
    found = shipped("small")
    analysis = found.archs[0]
    offline = page(analysis, found.diagnostics)
    served = page(analysis, found.diagnostics, live=Live("7"))
    assert "EventSource" not in offline
    assert "connect-src &#x27;self&#x27;" in served
    assert links(served) == {**links(offline), "version": "7"}
    assert set(Parsed(offline).texts) == set(Parsed(served).texts)


def test_the_networks_of_a_file_are_linked_where_it_is_served() -> None:
    found = shipped("small")
    text = page(found.archs[0], live=Live("1", ("SmallAlexNet", "Other")))
    assert {"href": "?arch=Other"} in Parsed(text).of("a")


def test_no_asset_reaches_out_or_stores_anything() -> None:
    reaching = re.compile(
        r"https?:|//[a-z]+\.|@import|url\(|fetch\(|XMLHttp|innerHTML|outerHTML|"
        r"insertAdjacent|document\.write|eval\(|Function\(|Storage|cookie|indexedDB"
    )
    files = sorted(ASSETS.iterdir())
    assert {file.name for file in files} == {*STYLES, *SCRIPTS, RELOAD}
    for file in files:
        assert not reaching.search(file.read_text(encoding="utf-8")), file


# --- colours ----------------------------------------------------------------------------------


def test_colours_that_are_one_in_the_light_are_one_in_the_dark() -> None:
    light, dark = (dict(named(PALETTES[theme])) for theme in Theme)
    assert light.keys() == dark.keys()
    for name, color in light.items():
        assert dark[VARIABLES[color]] == dark[name], name


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb: WCAG 2.2."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", Theme)
def test_text_can_be_read_on_all_that_is_behind_it(theme: Theme) -> None:
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", (ASSETS / "look.css").read_text(encoding="utf-8"))
    assert blocks[1].split() == blocks[2].split()  # asked for, and preferred
    own = dict(re.findall(r"--(\w+): (#\w+);", blocks[list(Theme).index(theme)]))
    colors = dict(named(PALETTES[theme])) | own
    for text in ("ink", "muted", "accent", "good", "warning", "wrong", "traffic", "comment"):
        for behind in ("paper", "column"):
            assert contrast(colors[text], colors[behind]) >= 4.5, (text, behind)
    for behind in ("paper", "hot", "chosen"):
        for text in ("ink", "muted", "accent", "good", "wrong", "comment", "string"):
            assert contrast(colors[text], colors[behind]) >= 4.5, (text, behind)
