"""Repair: the small edits of a spec that would make what its author claims true."""

from archdsl.analysis.repair.search import with_repairs

__all__ = ["with_repairs"]
