"""What hypotheses that continue the same one have in common: all that is computed from the state before alone.

In a beam several hypotheses continue the same one, each with a token of its own. What does not depend on the token is
the same for all of them, and a program that computes it first computes it once.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from regard.recurrent.program import Gru, Linear, Lstm, Operation, Program, read, written


def hoisted(program: Program, picked: Collection[str] = ()) -> Program:
    """The same program; in every sum, the terms that are computed from the state before alone come first, in a register
    of their own.

    Args:
        picked: registers that are given for each row. Where a sum begins with one and cells alone read it, these add it
            instead, so that the rest needs no token.
    """
    found: Program = ()
    added: dict[str, str] = {}
    for terms in _sums(program):
        terms = [_adding(term, added) for term in terms]
        known, into = from_state((*found, *terms)), terms[-1].into
        first = terms[0]
        if isinstance(first, Linear) and first.plus in picked and _only_cells_read(program, into):
            added[into] = str(first.plus)
            terms = [replace(first, plus=None), *terms[1:]]
        early = [term for term in terms if isinstance(term, Linear) and term.source in known]
        late = [term for term in terms if isinstance(term, Linear) and term.source not in known]
        if early and late and None in (early[0].plus, late[0].plus):  # the sum begins with one of them
            terms = [*_added(early, f"{into}.state", None), *_added(late, into, f"{into}.state")]
        found = (*found, *terms)
    return found


def from_state(program: Program) -> frozenset[str]:
    """The registers that are computed from the state before alone, and those of this state."""
    known: set[str] = {name for name in read(program) if name.endswith("-")}
    for operation in program:
        if all(name in known for name in read((operation,))):
            known.update(written((operation,)))
        else:
            known.difference_update(written((operation,)))
    return frozenset(known)


def _sums(program: Program) -> list[list[Operation]]:
    """The operations in an order that serves; those that add up to one register, and are read by no other, together."""
    readers = Counter(name for operation in program for name in read((operation,)))
    sums: list[list[Operation]] = []
    for operation in program:
        terms = [operation]
        if isinstance(operation, Linear) and operation.plus:
            alone = operation.plus == operation.into or readers[operation.plus] == 1
            for earlier in sums:
                if alone and isinstance(earlier[-1], Linear) and earlier[-1].into == operation.plus:
                    sums.remove(earlier)
                    terms = [*earlier, operation]
                    break
        sums.append(terms)
    return sums


def _only_cells_read(program: Program, register: str) -> bool:
    """And nothing else, as their gates."""
    readers = [operation for operation in program if register in read((operation,))]
    return bool(readers) and all(isinstance(each, Gru | Lstm) and each.gates == register for each in readers)


def _adding(operation: Operation, added: dict[str, str]) -> Operation:
    """A cell adds what its gates no longer begin with."""
    if isinstance(operation, Gru | Lstm) and operation.gates in added:
        return replace(operation, plus=added[operation.gates])
    return operation


def _added(terms: list[Linear], into: str, plus: str | None) -> list[Linear]:
    """The terms as a sum in a register, after what it begins with."""
    found = []
    for term in terms:
        found.append(replace(term, into=into, plus=plus))
        plus = into
    return found
