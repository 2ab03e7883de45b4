"""The training room: a checked network and its recipe go in, a run's folder comes out.

It alone, with the runtime helpers, imports torch; it prints nothing by itself.
"""

from archdsl.training.comparison import Entry, compared, draw_comparison
from archdsl.training.errors import Interrupted, ToldElsewhere, TrainingError
from archdsl.training.job import Job, job
from archdsl.training.judging import Judgement, Prediction, evaluate_run, predict
from archdsl.training.loop import train
from archdsl.training.past import PastRun, past_run
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
    "Entry",
    "Evaluation",
    "Interrupted",
    "Job",
    "Judgement",
    "PastRun",
    "Prediction",
    "Reporter",
    "Result",
    "Silent",
    "Started",
    "Stepped",
    "ToldElsewhere",
    "TrainingError",
    "compared",
    "draw_comparison",
    "evaluate_run",
    "job",
    "past_run",
    "predict",
    "reporter",
    "train",
]
