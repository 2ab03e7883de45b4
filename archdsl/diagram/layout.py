"""Layout: DOT text to SVG, by Graphviz."""

from __future__ import annotations


class GraphvizMissing(Exception):
    """The `dot` program is not installed."""


class LayoutFailed(Exception):
    """`dot` did not draw the text; the message is what it said."""


def svg(dot: str) -> bytes:
    """The picture of DOT text as SVG, the same bytes for the same text and Graphviz.

    Raises GraphvizMissing, or LayoutFailed with what `dot` wrote to stderr.
    """
    import graphviz

    try:
        picture: bytes = graphviz.Source(dot).pipe(format="svg", quiet=True)
    except graphviz.ExecutableNotFound as error:
        raise GraphvizMissing(
            "drawing needs Graphviz's program 'dot', which is not on the PATH: install it "
            "(Debian: apt-get install graphviz; macOS: brew install graphviz); "
            "--dot writes the DOT text and works without it"
        ) from error
    except graphviz.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip() if error.stderr else str(error)
        raise LayoutFailed(said) from error
    return picture
