"""Generated text as a Python module that is imported like any other."""

import hashlib
import sys
from importlib.abc import ExecutionLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType


class _Text(ExecutionLoader):
    """Imports a text under a file's name, and leaves no __pycache__ beside it.

    It tells the text to `inspect`, and so to tracebacks and debuggers, whether there is such a
    file or not.
    """

    def __init__(self, text: str, filename: str) -> None:
        self.text = text
        self.filename = filename

    def get_source(self, fullname: str) -> str:
        return self.text

    def get_filename(self, fullname: str) -> str:
        return self.filename

    def is_package(self, fullname: str) -> bool:
        return False


def imported(text: str, filename: str) -> ModuleType:
    """The module that a generated text is, as if it stood in the file of that name.

    The same text of the same file is the same module; another one leaves that alone.
    """
    told = hashlib.sha256(f"{filename}\0{text}".encode()).hexdigest()
    name = f"archdsl_generated_{told[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    loader = _Text(text, filename)
    specification = spec_from_loader(name, loader)
    assert specification is not None, "it is given a loader"
    module = module_from_spec(specification)
    sys.modules[name] = module  # dataclasses, typing and inspect look a class's module up there
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]  # as `import` does
        raise
    return module
