"""What the compiler finds: as data (`diagnostic`), by kind (`catalogue`), as text (`render`)."""

from archdsl.diagnostics import catalogue
from archdsl.diagnostics.diagnostic import (
    Diagnostic,
    Edit,
    Findings,
    Fix,
    Label,
    Rule,
    Severity,
    at,
)

__all__ = ["Diagnostic", "Edit", "Findings", "Fix", "Label", "Rule", "Severity", "at", "catalogue"]
