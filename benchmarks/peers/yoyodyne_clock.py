"""What yoyodyne scores after how many seconds, written down while it trains. Runs in its environment, without Regard.

yoyodyne's own log has no time. Lightning loads the class by its name, from the settings of a run.
"""

import json
import time
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer


class Clock(Callback):
    """Add a line to `path` after each validation: seconds of training, epochs, updates, accuracy as a share."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.start = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start: yoyodyne's own limit of time counts from here, too."""
        self.start = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write a line, but not for the batches that Lightning tries before training."""
        if trainer.sanity_checking:
            return
        line = {
            "seconds": time.monotonic() - self.start,
            "epochs": trainer.current_epoch + 1,
            "updates": trainer.global_step,
            "accuracy": float(trainer.callback_metrics["val_accuracy"]),
        }
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
