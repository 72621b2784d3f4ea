"""The tables of optimisers and of learning-rate schedules."""

from regard.registry import Table

OPTIMIZERS = Table("optimizer", "regard.training", {"adam": "optimizers:adam", "adamw": "optimizers:adamw"})
SCHEDULES = Table(
    "schedule",
    "regard.training",
    {
        "constant": "schedules:Constant",
        "inverse_sqrt": "schedules:InverseSquareRoot",
        "cosine": "schedules:Cosine",
        "linear": "schedules:Linear",
        "plateau": "schedules:Plateau",
    },
)
