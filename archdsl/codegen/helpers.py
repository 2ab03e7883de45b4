"""What torch lacks: definitions of runtime/'s files, copied into a module as they stand there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from archdsl.codegen import parts
from archdsl.codegen.parts import Import

_ROOM = "runtime"


class Helpers:
    """The definitions that a module takes of each file, with all that they use."""

    def __init__(self, wanted: Mapping[str, Iterable[str]]) -> None:
        self.texts = [parts.definitions(stem, names, _ROOM) for stem, names in wanted.items()]
        self.names = frozenset().union(*(parts.binds(stem, _ROOM) for stem in wanted))
        """Names that these files give, which nothing else in the module may have."""
        used = set[str]().union(*map(parts.names, self.texts))
        known = [line for stem in wanted for line in parts.imports(stem, _ROOM)]
        self._needed = [line for line in known if line.binds in used and line.source != _FUTURE]

    def imports(self, own: Iterable[Import]) -> str:
        """The import statements of a module that needs these itself."""
        return parts.import_lines(list(dict.fromkeys([*own, *self._needed])))


_FUTURE = "__future__"
