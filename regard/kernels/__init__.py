"""Kernels: all compiled code, and the one door to it. What is spent most of the time on, without what plain PyTorch holds.

Reading order:

    library           is the library there, which variant, does it fit: `kernels()`     library.py, c/library.c
    structs           every record that crosses, compared with C's own at load          structs.py, c/exports.h
    operands          checks of what is handed over                                     operands.py
    additive          v · tanh(q + k), and its gradients: what scores call              additive.py
                      the same compiled; the same in PyTorch, block by block            additive_native.py, additive_blocks.py
    matmul            to += left · right, where AVX-512 makes it faster                 matmul.py, c/matmul.c
    linear            a layer over all steps, of such products                          linear.py
    layout            matrices as compiled code reads them                              layout.py, c/panel_matmul.h
    softmax           of an output layer, for a loss                                    softmax.py, c/softmax.c
    logits            normaliser, best tokens of given logits                           logits.py
    topk              the best tokens of an output layer, without its logits            topk.py, c/topk.c
    argmax_int8       the best token of a few rows, by reading a quarter of the layer   argmax_int8.py, c/argmax_int8.c
    topk_shortlist    the same where each row may use some tokens alone                 topk_shortlist.py, c/topk_shortlist.c

Recurrent programs (regard/unroll) call c/rnn_sequence.c, c/rnn_encoder.c and c/decoder_step.c through the same door, the
beam search (regard/search) c/beam_search.c.

In c/: `simd.h` eight or sixteen numbers at a time, `threads.h` a call on many threads, `rnn_ops.h` and `additive_step.h`
what a step is made of, `tanh_pairs.h` and `vocab_tiles.h` what several sources share. Each source is compiled once per
instruction set.
"""
