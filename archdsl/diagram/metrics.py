"""How wide text is in Helvetica, and in the fonts that stand for it: Arial, Liberation, Nimbus.

Graphviz reckons glyphs in whole pixels, by which a line of figures is some 5 % too narrow for what
shows the SVG.
"""

from __future__ import annotations

EM = 1000
"""Of the units that widths are told in."""

_GLYPHS = {
    191: "'",
    222: "ijl",
    260: "|",
    278: " !,./:;I[\\]ft",
    333: "()-`r",
    334: "{}",
    355: '"',
    389: "*",
    469: "^",
    500: "Jckvsxyz",
    556: "#$0123456789?L_abdeghnopqu",
    584: "+<=>~×",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1000: "…→",
    1015: "@",
}
"""Adobe's metrics of Helvetica: characters by their advance widths."""

_WIDTHS = {glyph: width for width, glyphs in _GLYPHS.items() for glyph in glyphs}

_OTHER = 600
"""Of any other character, about."""


def text_width(text: str, size: float) -> float:
    """The width of plain text in points, in a font of `size` points."""
    return sum(_WIDTHS.get(character, _OTHER) for character in text) * size / EM
