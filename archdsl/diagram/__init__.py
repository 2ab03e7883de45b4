"""Pictures of a network: its graph as DOT text, and that text laid out as SVG."""
