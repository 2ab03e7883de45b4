"""Repair: the small edits of a spec that would make what its author claims true."""

from archdsl.analysis.repair.search import Effort, with_repairs

__all__ = ["Effort", "with_repairs"]
