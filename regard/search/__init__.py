"""Search: from a step function to outputs. It knows no model: `step(tokens, state) → Step`, `state.select(rows)`.

    greedy.py          `greedy`: the most probable token at every step
    sampling.py        `sample`: drawn tokens
    forced.py          `force`: the score of a given target; `rank`: what else could have stood at each step
    beam.py            `beam`: the best outputs of a beam; beam_live.py, beam_finished.py and backpointers.py are its
                       parts
    diverse.py         `diverse_beam`: a beam of groups that avoid each other's tokens; diversity.py is how
    rules.py           what outputs have to keep to; ruled_step.py has a step function under rules, and first tokens
                       that are given
    constrained_step.py  a step function that says given phrases; phrases.py is how far it has come with them,
                       allocation.py how the beam divides its places by that
    asked.py           what a user asks of the output of each source, as tokens
    length_penalty.py  how finished hypotheses are ranked
    length_limit.py    the longest output
    ensemble.py        `Ensemble`: several step functions as one
    shortlist.py       `Shortlist`: a step function over part of the vocabulary
    start.py           `Reader`: from sources to the step function and the first state of models
    joint.py           `JointStep`: a decoder and the CTC of the same memory as one step function; ctc.py has its scores
    step_function.py   what a search asks of a model
    refill.py          further sentences enter greedy search and a beam where others have ended

All searches return `Hypothesis`, each with its weights. A search opens no gradient context of its own: call it under
`torch.inference_mode()`.
"""
