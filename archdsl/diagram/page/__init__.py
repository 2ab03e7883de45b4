"""The page: one HTML file with the graph, the figures and the source of a network, linked."""

from archdsl.diagram.page.body import Live
from archdsl.diagram.page.document import page
from archdsl.diagram.page.picture import Picture, draw

__all__ = ["Live", "Picture", "draw", "page"]
