"""torchinfo's summary of an emitted module:  python torchinfo_summary.py FILE.py CLASS 3 227 227"""

import sys
from importlib.util import module_from_spec, spec_from_file_location

from torchinfo import summary


def main() -> None:
    path, name, *size = sys.argv[1:]
    spec = spec_from_file_location("emitted", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    summary(getattr(module, name)(), input_size=(1, *map(int, size)), device="cpu", verbose=1)


if __name__ == "__main__":
    main()
