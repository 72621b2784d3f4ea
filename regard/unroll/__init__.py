"""Recurrent loops over all steps of a known sequence: one description, run by compiled code or by PyTorch."""

from regard.kernels.linear import projected
from regard.kernels.structs import Chooser
from regard.unroll.course import Aim, Course, roomy
from regard.unroll.engine import compiled, loop, serves
from regard.unroll.entered import VECTORS, Entered
from regard.unroll.following import follow
from regard.unroll.program import Gru, Linear, Look, Lstm, Operation, Program, Tanh, Tensors
from regard.unroll.reads import Reads, reads_serve
from regard.unroll.records import Seen
from regard.unroll.recurrent import unroll, unrolls
from regard.unroll.steps import Steps, powers, steps_serve

__all__ = [
    "VECTORS",
    "Aim",
    "Chooser",
    "Course",
    "Entered",
    "Gru",
    "Linear",
    "Look",
    "Lstm",
    "Operation",
    "Program",
    "Reads",
    "Seen",
    "Steps",
    "Tanh",
    "Tensors",
    "compiled",
    "follow",
    "loop",
    "powers",
    "projected",
    "reads_serve",
    "roomy",
    "serves",
    "steps_serve",
    "unroll",
    "unrolls",
]
