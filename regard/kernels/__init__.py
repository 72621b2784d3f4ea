"""Kernels: all compiled code, and the Python functions that call it.

Reading order:

    library           loads the library, checks it, picks a variant: `kernels()`       library.py, c/library.c
    structs           records that Python and C share, checked at load                 structs.py, c/exports.h
    operands          checks of arguments                                              operands.py
    additive          v · tanh(q + k), and its gradients; scores call it               additive.py
                      in compiled code, or in blocks of PyTorch                        additive_native.py, _blocks.py
    matmul            to += left · right, if AVX-512 makes it faster                   matmul.py
    linear            a linear layer over all steps, by matmul                         linear.py
    layout            matrices in the layout of compiled code                          layout.py, c/panel_matmul.h
    softmax           softmax of an output layer, for a loss                           softmax.py
    logits            log-probabilities and the best tokens of given logits            logits.py
    topk              the best tokens of an output layer, without storing logits       topk.py
    argmax_int8       the best token of a few rows, from weights of 8 bits             argmax_int8.py
    topk_shortlist    the best tokens if each row may use only some tokens             topk_shortlist.py

`regard/recurrent` calls c/rnn_sequence.c through the same library; `regard/compiled` calls c/rnn_encoder.c,
c/decoder_step.c and c/beam_search.c. Shared headers: c/simd.h (vectors), c/threads.h, c/rnn_ops.h and c/additive_step.h
(the operations of a step), c/tanh_pairs.h, c/vocab_tiles.h. Each source is compiled once per instruction set.
"""
