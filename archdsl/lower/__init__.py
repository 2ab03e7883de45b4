"""Tree to network: parameters filled in, statements bound to words, layers gathered to stages."""
