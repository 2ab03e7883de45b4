"""archdsl: a small declarative language for convolutional networks.

>>> import archdsl
>>> net = archdsl.load("specs/alexnet.arch")
>>> net.params, net.check().ok
(60965224, True)
"""

from archdsl.api import Arch, CheckResult, SpecError, load
from archdsl.network import Network
from archdsl.shape import Shape

__all__ = ["Arch", "CheckResult", "Network", "Shape", "SpecError", "load"]
__version__ = "0.2.0"
