"""Kernels: all compiled code, and the one door to it.

Reading order:

    library           is it there, which variant, does it fit: `kernels()`             library.py, c/library.c
    structs           every record that crosses, compared with C's own at load         structs.py, c/exports.h
    operands          checks of what is handed over                                    operands.py
    additive          v · tanh(q + k), and its gradients: what scores call             additive.py
                      compiled; or in PyTorch, block by block                          additive_native.py, _blocks.py
    matmul            to += left · right, where AVX-512 makes it faster                matmul.py
    linear            a layer over all steps, of such products                         linear.py
    layout            matrices as compiled code reads them                             layout.py, c/panel_matmul.h
    softmax           of an output layer, for a loss                                   softmax.py
    logits            the normaliser and the best tokens of given logits               logits.py
    topk              the best tokens of an output layer, without its logits           topk.py
    argmax_int8       the best token of a few rows, from a quarter of the layer        argmax_int8.py
    topk_shortlist    the same where each row may use some tokens alone                topk_shortlist.py

Recurrent programs (regard/recurrent) call c/rnn_sequence.c, c/rnn_encoder.c and c/decoder_step.c through the same door,
the beam search (regard/search) c/beam_search.c. What the sources share: c/simd.h, eight or sixteen numbers at a time;
c/threads.h, a call on many threads; c/rnn_ops.h and c/additive_step.h, what a step is made of; c/tanh_pairs.h; and
c/vocab_tiles.h. Each source is compiled once per instruction set.
"""
