"""Where braces do not balance, what is certain is told all the same."""

from __future__ import annotations

import pytest

from tests.helpers import compiled

WRONG = "arch Wrong {\n  input 3x8x8\n  conv 4 3x3 -> 4x8x8\n}\n"
"""(8 − 3) + 1 = 6."""

UNCLOSED = "arch Open {\n  input 3x8x8\n  conv 4 3x3 -> 4x8x8\n  add { relu\n}\n"
STRAY = "arch Closed {\n  input 3x8x8\n  }\n  conv 4 3x3 -> 4x8x8\n}\n"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (WRONG + UNCLOSED, ["E401", "E101"]),  # the first arch is what it is
        (UNCLOSED + WRONG, ["E101"]),  # the second one may stand in the first
        (WRONG + STRAY, ["E401", "E101"]),
        (STRAY + WRONG, ["E101", "E401"]),  # an arch begins anew
    ],
)
def test_only_where_braces_do_not_balance_is_silence(text: str, codes: list[str]) -> None:
    found = [d.rule.code for d in compiled(text).diagnostics]
    assert [code for code in found if code != "E205"] == codes
