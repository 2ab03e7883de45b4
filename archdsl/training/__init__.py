"""The training room: a checked network and its recipe go in, a run's folder comes out.

It alone, with the runtime helpers, imports torch; it prints nothing by itself.
"""

from archdsl.training.errors import Interrupted, TrainingError
from archdsl.training.job import Job, job
from archdsl.training.loop import train
from archdsl.training.progress import reporter
from archdsl.training.report import (
    Evaluation,
    Reporter,
    Result,
    Silent,
    Started,
    Stepped,
)

__all__ = [
    "Evaluation",
    "Interrupted",
    "Job",
    "Reporter",
    "Result",
    "Silent",
    "Started",
    "Stepped",
    "TrainingError",
    "job",
    "reporter",
    "train",
]
