/* Products of a few rows with a matrix that is laid out in panels: PANEL columns each, row after row, as they are read. */

#pragma once

#include "lanes.h"

#define PANEL (2 * LANES)
#define ROWS 6 /* rows of a product whose sums stay in registers: 12 vectors, beside 2 of the panel and 1 of the row */

static inline int64_t panels(int64_t columns) { return (columns + PANEL - 1) / PANEL; }

/* A vector of a row that may end before it; what is missing is zero. */
static inline vec get(const float *from, int64_t left) {
    if (__builtin_expect(left >= LANES, 1)) return load(from);
    float padded[LANES] __attribute__((aligned(ALIGNMENT))) = {0};
    memcpy(padded, from, sizeof(float) * left);
    return load(padded);
}

static inline void put(float *to, int64_t left, vec value) {
    if (__builtin_expect(left >= LANES, 1)) {
        store(to, value);
        return;
    }
    float padded[LANES] __attribute__((aligned(ALIGNMENT)));
    store(padded, value);
    memcpy(to, padded, sizeof(float) * left);
}

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

/* `count` rows against one panel. The count is a constant where this is inlined. */
static inline __attribute__((always_inline)) void block(int count, const float *from, int64_t depth,
                                                        const float *panel, int64_t left, const sink *out) {
    vec sums[ROWS][2];
#pragma GCC unroll 6
    for (int r = 0; r < count; r++) sums[r][0] = sums[r][1] = spread(0.0f);
    for (int64_t k = 0; k < depth; k++) {
        const vec first = load(panel + k * PANEL), second = load(panel + k * PANEL + LANES);
#pragma GCC unroll 6
        for (int r = 0; r < count; r++) {
            const vec value = spread(from[r * depth + k]);
            sums[r][0] = muladd(value, first, sums[r][0]);
            sums[r][1] = muladd(value, second, sums[r][1]);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < count; r++)
        for (int half = 0; half < 2 && half * LANES < left; half++) {
            const int64_t at = half * LANES, rest = left - at;
            vec sum = sums[r][half];
            if (out->bias) sum += get(out->bias + at, rest);
            if (out->plus) sum += get(out->plus + (out->plus_rows ? out->plus_rows[r] : r) * out->plus_stride + at, rest);
            put(out->to + r * out->stride + at, rest, sum);
        }
}

/* to = from (rows, depth) · panels + bias + plus, for the panels [first, last) of a matrix of so many columns; all
   pointers of `all` are those of column 0, and `plus` may be `to`. What a row gives does not depend on the others. */
static void multiply(const float *from, int64_t rows, int64_t depth, const float *matrix, int64_t first, int64_t last,
                     int64_t columns, const sink *all) {
    const int64_t blocks = (rows + ROWS - 1) / ROWS;
    for (int64_t p = first; p < last; p++) {
        const int64_t column = p * PANEL, left = smaller(PANEL, columns - column);
        const float *panel = matrix + column * depth;
        for (int64_t b = 0, row = 0; b < blocks; b++) {
            const int64_t count = (rows - row + blocks - b - 1) / (blocks - b);
            const float *a = from + row * depth;
            sink out = *all;
            out.to += row * out.stride + column;
            if (out.bias) out.bias += column;
            if (out.plus) out.plus += column + (out.plus_rows ? 0 : row * out.plus_stride);
            if (out.plus_rows) out.plus_rows += row;
            switch (count) {
            case 1: block(1, a, depth, panel, left, &out); break;
            case 2: block(2, a, depth, panel, left, &out); break;
            case 3: block(3, a, depth, panel, left, &out); break;
            case 4: block(4, a, depth, panel, left, &out); break;
            case 5: block(5, a, depth, panel, left, &out); break;
            default: block(6, a, depth, panel, left, &out);
            }
            row += count;
        }
    }
}
