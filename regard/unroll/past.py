"""What rows that continue one row share: all that follows from the step before alone.

Hypotheses of a beam part after a step: several continue the same one, each with a token of its own. Until the token
comes into it they are one row, and a program whose sums begin with the past multiplies it once.
"""

from collections import Counter
from dataclasses import replace

from regard.unroll.program import Linear, Operation, Program, read, written


def past_first(program: Program) -> Program:
    """The same program; in every sum, the terms that follow from the step before stand first, in a register of their
    own."""
    found: Program = ()
    for terms in _sums(program):
        past, into = of_the_past((*found, *terms)), terms[-1].into
        early = [term for term in terms if isinstance(term, Linear) and term.source in past]
        late = [term for term in terms if isinstance(term, Linear) and term.source not in past]
        if early and late and None in (early[0].plus, late[0].plus):  # the sum begins with one of them
            terms = [*_added(early, f"{into}.past", None), *_added(late, into, f"{into}.past")]
        found = (*found, *terms)
    return found


def of_the_past(program: Program) -> frozenset[str]:
    """The registers that follow from the step before alone, those of it among them."""
    past: set[str] = {name for name in read(program) if name.endswith("-")}
    for operation in program:
        if all(name in past for name in read((operation,))):
            past.update(written((operation,)))
        else:
            past.difference_update(written((operation,)))
    return frozenset(past)


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


def _added(terms: list[Linear], into: str, plus: str | None) -> list[Linear]:
    """The terms as a sum in a register, behind what it begins with."""
    found = []
    for term in terms:
        found.append(replace(term, into=into, plus=plus))
        plus = into
    return found
