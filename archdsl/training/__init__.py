"""The training room: a checked network and its recipe go in, a run's folder comes out.

`data` is where images come from, `together` several processes, `keeping` the run's folder while
it lasts, `afterwards` what can be done with it then, `parts` what scripts have a copy of. It prints
nothing by itself.
"""

from archdsl.training.afterwards.comparison import Entry, compared, draw_comparison
from archdsl.training.afterwards.judging import Judgement, Prediction, evaluate_run, predict
from archdsl.training.afterwards.past import PastRun, past_run
from archdsl.training.errors import (
    Differs,
    Finished,
    Interrupted,
    ToldElsewhere,
    TrainingError,
    WrongClasses,
)
from archdsl.training.job import Job, job
from archdsl.training.loop import train
from archdsl.training.options import Options
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
    "Differs",
    "Entry",
    "Evaluation",
    "Finished",
    "Interrupted",
    "Job",
    "Judgement",
    "Options",
    "PastRun",
    "Prediction",
    "Reporter",
    "Result",
    "Silent",
    "Started",
    "Stepped",
    "ToldElsewhere",
    "TrainingError",
    "WrongClasses",
    "compared",
    "draw_comparison",
    "evaluate_run",
    "job",
    "past_run",
    "predict",
    "reporter",
    "train",
]
