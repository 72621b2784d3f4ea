"""`regard export`: a trained model for programs without PyTorch."""

from pathlib import Path
from typing import Annotated

import typer

from regard.cli.errors import reported, say
from regard.cli.options import Quiet, RunPath, Threads
from regard.cli.workers import set_up
from regard.errors import UsageError


@reported
def command(
    run: RunPath,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The directory to write.")],
    *,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Write a model as ONNX: the encoder, and one step of the decoder, which also gives the attention weights.

    DIR then has encoder.onnx, step.onnx, both tokenisers, and model.json, which says what the graphs read and give.
    They take any number of sources of any length. What they compute is compared with the model. It needs regard[onnx];
    to use them, onnxruntime is enough.

    Example: regard export runs/en-de --out onnx
    """
    set_up(threads)
    try:
        import onnxruntime
        import onnxscript
    except ImportError as error:
        raise UsageError(
            f"ONNX needs {error.name}, which is not installed. Install it with: pip install 'regard[onnx]'"
        ) from error
    del onnxruntime, onnxscript
    import torch

    from regard.exporting.export import export
    from regard.run.directory import Run

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already. Choose another --out, or remove it.")
    opened = Run(run)
    model, _ = opened.load_model(torch.device("cpu"))
    difference = export(model, *opened.sides, out)
    if not quiet:
        say(
            f"{out} has the encoder and one step of the decoder; they differ from the model by at most {difference:.1e}"
        )
        say("next: OnnxModel in regard.exporting.runtime translates with them, without PyTorch")
