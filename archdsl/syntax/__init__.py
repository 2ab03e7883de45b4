"""Text to tree: `grammar.lark`, the nodes, the parser."""
