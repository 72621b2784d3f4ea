/* Products of a few rows with a matrix that is laid out in panels: PANEL columns each, row after row, as they are read. */

#pragma once

#include "simd.h"

#define PANEL 16
#define ROWS 6 /* rows whose sums stay in registers: 12 vectors, beside 2 of what is read and 1 of the row */

static inline int64_t panels(int64_t columns) { return (columns + PANEL - 1) / PANEL; }

/* Lay out panel p of a matrix (depth, columns) whose rows are `down` apart and whose columns `across`. */
static inline void pack_panel(const float *from, int64_t down, int64_t across, int64_t depth, int64_t columns, int64_t p,
                              float *to) {
    const int64_t here = smaller(PANEL, columns - p * PANEL);
    from += p * PANEL * across;
    to += p * PANEL * depth;
    for (int64_t k = 0; k < depth; k++)
        for (int64_t c = 0; c < PANEL; c++) to[k * PANEL + c] = c < here ? from[k * down + c * across] : 0.0f;
}

/* What a product adds to its sums, and where they go: row r begins at plus + r · plus_stride, to + r · stride; with
   plus_rows, it adds the row plus_rows[r] of plus. */
typedef struct {
    const float *bias, *plus;
    const int64_t *plus_rows;
    float *to;
    int64_t plus_stride, stride;
} sink;

/* What a product holds at a time. With AVX-512 a panel is one vector, and two panels are read side by side, so that sums
   wait for nothing. A sum goes over the depth in order either way: the same bits. */
#if LANES == 16
#define ABREAST 2 /* panels of a block */
#define TALL 8    /* rows of a block, whose sums stay in registers: 16 of 32, beside 2 of the panels and 1 of the row */
#else
#define ABREAST 1
#define TALL ROWS
#endif
#define PIECES (PANEL / LANES) /* vectors of a panel */
#define HELD (ABREAST * PIECES)

/* `count` rows against `abreast` panels. Both are constants where this is inlined. */
static inline __attribute__((always_inline)) void block(int count, int abreast, const float *from, int64_t depth,
                                                        const float *panel, int64_t left, const sink *out) {
    vec sums[TALL][HELD];
    const int held = abreast * PIECES;
    for (int r = 0; out->plus && r < count; r++)
        fetch(out->plus + (out->plus_rows ? out->plus_rows[r] : r) * out->plus_stride, abreast * PANEL);
#pragma GCC unroll 8
    for (int r = 0; r < count; r++)
#pragma GCC unroll 2
        for (int h = 0; h < held; h++) sums[r][h] = spread(0.0f);
    for (int64_t k = 0; k < depth; k++) {
#pragma GCC unroll 8
        for (int r = 0; r < count; r++)
#pragma GCC unroll 2
            for (int h = 0; h < held; h++) {
                const float *at = panel + h / PIECES * depth * PANEL + k * PANEL + h % PIECES * LANES;
                sums[r][h] = muladd(spread(from[r * depth + k]), load(at), sums[r][h]);
            }
    }
#pragma GCC unroll 8
    for (int r = 0; r < count; r++) {
        const float *plus = out->plus ? out->plus + (out->plus_rows ? out->plus_rows[r] : r) * out->plus_stride : NULL;
#pragma GCC unroll 2
        for (int h = 0; h < held; h++) {
            const int64_t at = h * LANES, rest = left - at;
            if (rest <= 0) break;
            if (out->bias) sums[r][h] += get(out->bias + at, rest);
            if (plus) sums[r][h] += get(plus + at, rest);
            put(out->to + r * out->stride + at, rest, sums[r][h]);
        }
    }
}

/* As many rows as a block has at most. */
static inline __attribute__((always_inline)) void blocks_of(int abreast, int64_t count, const float *from, int64_t depth,
                                                            const float *panel, int64_t left, const sink *out) {
    switch (count) {
    case 1: block(1, abreast, from, depth, panel, left, out); break;
    case 2: block(2, abreast, from, depth, panel, left, out); break;
    case 3: block(3, abreast, from, depth, panel, left, out); break;
    case 4: block(4, abreast, from, depth, panel, left, out); break;
    case 5: block(5, abreast, from, depth, panel, left, out); break;
#if TALL == 8
    case 6: block(6, abreast, from, depth, panel, left, out); break;
    case 7: block(7, abreast, from, depth, panel, left, out); break;
#endif
    default: block(TALL, abreast, from, depth, panel, left, out);
    }
}

/* A function of its own: beside those of what calls it, its loops would not have registers enough. */
static __attribute__((noinline)) void multiply_block(int64_t abreast, int64_t count, const float *from, int64_t depth,
                                                     const float *panel, int64_t left, const sink *out) {
    if (abreast == 1) blocks_of(1, count, from, depth, panel, left, out);
    else blocks_of(ABREAST, count, from, depth, panel, left, out);
}

/* to = from (rows, depth) · panels + bias + plus, for the panels [first, last) of a matrix of so many columns; all
   pointers of `all` are those of column 0, and `plus` may be `to`. What a row gives does not depend on the others. */
static void multiply(const float *from, int64_t rows, int64_t depth, const float *matrix, int64_t first, int64_t last,
                     int64_t columns, const sink *all) {
    const int64_t blocks = (rows + TALL - 1) / TALL;
    for (int64_t p = first, here; p < last; p += here) {
        here = smaller(ABREAST, last - p);
        const int64_t column = p * PANEL, left = smaller(here * PANEL, columns - column);
        const float *panel = matrix + column * depth;
        for (int64_t b = 0, row = 0, count; b < blocks; b++, row += count) {
            const float *a = from + row * depth;
            sink out = *all;
            count = (rows - row + blocks - b - 1) / (blocks - b);
            out.to += row * out.stride + column;
            if (out.bias) out.bias += column;
            if (out.plus) out.plus += column + (out.plus_rows ? 0 : row * out.plus_stride);
            if (out.plus_rows) out.plus_rows += row;
            multiply_block(here, count, a, depth, panel, left, &out);
        }
    }
}
