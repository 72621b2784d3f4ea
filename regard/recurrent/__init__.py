"""Recurrent loops over all steps of a known sequence: one description, run by compiled code or by PyTorch.

program          what a step computes, as a list of operations: Linear, Gru, Lstm, Attend, Tanh
reference        the same, operation by operation, through torch's own autograd: the definition
autograd         `loop`: forward and backward over all steps, by one of two backends
native_backend   compiled code                 torch_backend   PyTorch
layer            one layer of torch.nn.GRU or LSTM as such a program
cells            the equations of both cells
hoist            what a program can compute before a token is known
expected, widths which tensors a program needs, and of which sizes
"""
