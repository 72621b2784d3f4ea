"""Kernels: what a mechanism spends its time on, computed without what a plain expression would hold in memory.

Reading order:

    additive   v · tanh(q + k), and its gradients: what scores call             additive.py
    native     the compiled form: is it there, which one, and the calls         native.py, additive.c
    blocks     the same in PyTorch alone, block by block, on any device         blocks.py
    products   large sums of products, where AVX-512 makes them faster          products.py, products.c
"""
