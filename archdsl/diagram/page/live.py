"""Live pages: those of a file that is being edited, which keep the last good picture."""

from __future__ import annotations

import time
from collections.abc import Mapping

from archdsl.compiler import Compilation
from archdsl.diagram.page.body import Live
from archdsl.diagram.page.document import page
from archdsl.diagram.page.picture import Picture, draw
from archdsl.diagram.page.server import Site

STALE = "The picture is that of the last version without errors."


class LivePages:
    """The pages of a file's networks, made anew of each compilation of it."""

    def __init__(self, name: str, site: Site) -> None:
        self.name = name
        self.site = site
        self.good: dict[str, Picture] = {}
        """The last picture of each network of which there was nothing wrong."""

    def show(self, compilation: Compilation) -> None:
        """Serve what this compilation gives."""
        version = str(time.time_ns())
        self.site.put(self._pages(compilation, version), version)

    def _pages(self, compilation: Compilation, version: str) -> Mapping[str, str]:
        """A page to each network; one by the file's name where it gives none."""
        names = tuple(analysis.network.name for analysis in compilation.archs)
        live = Live(version, names)
        if not names:
            kept = next(iter(self.good.values()), Picture())
            return {
                self.name: page(
                    None, compilation.diagnostics, kept.noted(STALE), name=self.name, live=live
                )
            }
        pages = {}
        for analysis in compilation.archs:
            name = analysis.network.name
            if compilation.ok or name not in self.good:
                picture = draw(analysis, compilation.diagnostics)
            else:
                picture = self.good[name].noted(STALE)
            if compilation.ok:
                self.good[name] = picture
            pages[name] = page(analysis, compilation.diagnostics, picture, live=live)
        return pages
