"""What makes a trained model fast, and a training step: nothing here changes what is computed.

Two functions are the doors. `freeze.prepare` is for searches, and `translator.py` calls it; `training.accelerated` is
for the forward pass of training and validation, which `training/` calls. No other room imports this one, and with
`REGARD_KERNELS=off` both give back the model as it is.

freeze           `prepare`: a model over parameters that no longer change
training         `accelerated`: a model whose forward pass runs as programs, with gradients
programs         one step of each decoder as a program of regard/recurrent, by the type of the decoder
encoder          the recurrent encoder
decoder, state   a decoder step by step, and its state
token_cache      what tokens add to a step
step, records    a program one step at a time, and how compiled code reads it
linear           layers that run once per source
folded_values    the output projection of an attention, multiplied into the values
vocabulary       the target vocabulary, with the output layer
output_step      the step function over the whole vocabulary
shortlist_step   the step function over a shortlist
greedy_steps     several greedy steps in one call
beam_steps       several steps of a beam in one call, over the memory of beam_buffers
"""
