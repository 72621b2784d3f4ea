/* Products of rows with a matrix in panels: PANEL columns each, stored row after row, in the order of reading. */

#pragma once

#include "simd.h"

#define PANEL 16
#define ROWS 6 /* rows whose sums stay in registers: 12 vectors, beside 2 of the matrix and 1 of the row */

static inline int64_t panels(int64_t columns) { return (columns + PANEL - 1) / PANEL; }

/* Write panel p of a matrix (depth, columns) with row stride `down` and column stride `across`. */
static inline void pack_panel(const float *from, int64_t down, int64_t across, int64_t depth, int64_t columns, int64_t p,
                              float *to) {
    const int64_t here = smaller(PANEL, columns - p * PANEL);
    from += p * PANEL * across;
    to += p * PANEL * depth;
    for (int64_t k = 0; k < depth; k++)
        for (int64_t c = 0; c < PANEL; c++) to[k * PANEL + c] = c < here ? from[k * down + c * across] : 0.0f;
}

/* Where a product is written, and what is added to it: to + r · stride and plus + r · plus_stride are the beginnings of
   row r; with plus_rows, row plus_rows[r] of `plus` is added. */
typedef struct {
    const float *bias, *plus;
    const int64_t *plus_rows;
    float *to;
    int64_t plus_stride, stride;
} destination;

/* The size of a block. With AVX-512 a panel is one vector, and a block has two panels, so that there are enough
   independent sums. Sums run over the depth in the same order either way: the same bits. */
#if LANES == 16
#define PANELS_AT_ONCE 2 /* panels of a block */
#define BLOCK_ROWS 8    /* rows of a block, whose sums stay in registers: 16 of 32, beside 2 of the panels and 1 of the row */
#else
#define PANELS_AT_ONCE 1
#define BLOCK_ROWS ROWS
#endif
#define PANEL_VECTORS (PANEL / LANES) /* vectors of a panel */
#define BLOCK_VECTORS (PANELS_AT_ONCE * PANEL_VECTORS)

/* `count` rows against `panels_at_once` panels. Both are constants after inlining. */
static inline __attribute__((always_inline)) void block(int count, int panels_at_once, const float *from, int64_t depth,
                                                        const float *panel, int64_t left, const destination *out) {
    vec sums[BLOCK_ROWS][BLOCK_VECTORS];
    const int vectors = panels_at_once * PANEL_VECTORS;
    for (int r = 0; out->plus && r < count; r++)
        prefetch(out->plus + (out->plus_rows ? out->plus_rows[r] : r) * out->plus_stride, panels_at_once * PANEL);
#pragma GCC unroll 8
    for (int r = 0; r < count; r++)
#pragma GCC unroll 2
        for (int h = 0; h < vectors; h++) sums[r][h] = broadcast(0.0f);
    for (int64_t k = 0; k < depth; k++) {
#pragma GCC unroll 8
        for (int r = 0; r < count; r++)
#pragma GCC unroll 2
            for (int h = 0; h < vectors; h++) {
                const float *at = panel + h / PANEL_VECTORS * depth * PANEL + k * PANEL + h % PANEL_VECTORS * LANES;
                sums[r][h] = muladd(broadcast(from[r * depth + k]), load(at), sums[r][h]);
            }
    }
#pragma GCC unroll 8
    for (int r = 0; r < count; r++) {
        const float *plus = out->plus ? out->plus + (out->plus_rows ? out->plus_rows[r] : r) * out->plus_stride : NULL;
#pragma GCC unroll 2
        for (int h = 0; h < vectors; h++) {
            const int64_t at = h * LANES, rest = left - at;
            if (rest <= 0) break;
            if (out->bias) sums[r][h] += get(out->bias + at, rest);
            if (plus) sums[r][h] += get(plus + at, rest);
            put(out->to + r * out->stride + at, rest, sums[r][h]);
        }
    }
}

/* At most BLOCK_ROWS rows. */
static inline __attribute__((always_inline)) void blocks_of(int panels_at_once, int64_t count, const float *from, int64_t depth,
                                                            const float *panel, int64_t left, const destination *out) {
    switch (count) {
    case 1: block(1, panels_at_once, from, depth, panel, left, out); break;
    case 2: block(2, panels_at_once, from, depth, panel, left, out); break;
    case 3: block(3, panels_at_once, from, depth, panel, left, out); break;
    case 4: block(4, panels_at_once, from, depth, panel, left, out); break;
    case 5: block(5, panels_at_once, from, depth, panel, left, out); break;
#if BLOCK_ROWS == 8
    case 6: block(6, panels_at_once, from, depth, panel, left, out); break;
    case 7: block(7, panels_at_once, from, depth, panel, left, out); break;
#endif
    default: block(BLOCK_ROWS, panels_at_once, from, depth, panel, left, out);
    }
}

/* Not inlined: in its caller, the loops would not have enough registers. */
static __attribute__((noinline)) void multiply_block(int64_t panels_at_once, int64_t count, const float *from, int64_t depth,
                                                     const float *panel, int64_t left, const destination *out) {
    if (panels_at_once == 1) blocks_of(1, count, from, depth, panel, left, out);
    else blocks_of(PANELS_AT_ONCE, count, from, depth, panel, left, out);
}

/* to = from (rows, depth) · panels + bias + plus, for the panels [first, last) of a matrix with `columns` columns; all
   pointers of `all` belong to column 0, and `plus` may be `to`. The result of a row does not depend on other rows. */
static void multiply(const float *from, int64_t rows, int64_t depth, const float *matrix, int64_t first, int64_t last,
                     int64_t columns, const destination *all) {
    const int64_t blocks = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    for (int64_t p = first, here; p < last; p += here) {
        here = smaller(PANELS_AT_ONCE, last - p);
        const int64_t column = p * PANEL, left = smaller(here * PANEL, columns - column);
        const float *panel = matrix + column * depth;
        for (int64_t b = 0, row = 0, count; b < blocks; b++, row += count) {
            const float *a = from + row * depth;
            destination out = *all;
            count = (rows - row + blocks - b - 1) / (blocks - b);
            out.to += row * out.stride + column;
            if (out.bias) out.bias += column;
            if (out.plus) out.plus += column + (out.plus_rows ? 0 : row * out.plus_stride);
            if (out.plus_rows) out.plus_rows += row;
            multiply_block(here, count, a, depth, panel, left, &out);
        }
    }
}
