/* Additive attention in one step, as program.py describes it, and its gradients.

   With A = exp(2q) and B = exp(2k), tanh(q + k) = 1 − 2 / D where D = A·B + 1. Four neighbours share one division. The
   ones are left out: a softmax depends only on differences of scores. Rounding of A and B gives tanh an error of 1e-7,
   which is small enough. B is computed once, since no step changes the keys. Rows that attend to the same source share
   the loads of its values. The result of a row does not depend on the other rows. */

#pragma once

#include "rnn_ops.h"

#define SHARED_ROWS 8          /* rows of one source that are computed together ... */
#define FEATURES_AT_ONCE 512   /* ... with so many features at a time: these stay in the first cache */
#define SUBGROUP 16            /* adjacent features of a group ... */
#define GROUP (4 * SUBGROUP)   /* ... one feature of each subgroup shares a division; rows of `exp_keys` have whole groups */
#define EXP2X_LIMIT 40.0f      /* exp(2 · EXP2X_LIMIT) is a float, and so is its inverse */
#define VECTOR_LIMIT 1e3f      /* of a vector: its products with three D stay in range */
#define DENOMINATOR_LIMIT 1e9f /* if D is larger, tanh is 1; the fourth power is a float */

static inline int64_t grouped(int64_t width) { return (width + GROUP - 1) / GROUP * GROUP; }

/* A vector of a row that is padded with zeros. */
static inline vec part(const float *row, int64_t at, int64_t width) {
    return at < width ? get(row + at, width - at) : broadcast(0.0f);
}

/* x, or NaN if it is beyond the limit: a NaN in a score shows that the score has to be computed again. */
static inline vec limit(vec x, float most) {
    const vec size = (vec)((ints)x & broadcast_bits(0x7fffffff));
    return blend(size <= broadcast(most), x, broadcast(NAN));
}

/* exp(2x) of a row. */
static void exp2x_row(const float *row, int64_t width, float *exp_keys) {
    for (int64_t j = 0; j < grouped(width); j += LANES) {
        const vec x = limit(part(row, j, width), EXP2X_LIMIT);
        vec left, series;
        const vec whole = exp2x_parts(x, &left, &series);
        store(exp_keys + j, muladd(whole, muladd(series, left, left), whole));
    }
}

/* The same for many rows. */
static void exp2x_rows(const float *keys, int64_t rows, int64_t width, float *exp_keys) {
    for (int64_t row = 0; row < rows; row++) exp2x_row(keys + row * width, width, exp_keys + row * grouped(width));
}

/* Σ vector / D over whole groups. */
static inline float score(const float *vector, const float *query, const float *key, int64_t features) {
    const vec one = broadcast(1.0f), denominator_limit = broadcast(DENOMINATOR_LIMIT);
    eight sums = {0};
    for (int64_t group = 0; group < features; group += GROUP)
        for (int64_t at = group; at < group + SUBGROUP; at += LANES) {
            vec v[4], d[4];
#pragma GCC unroll 4
            for (int c = 0; c < 4; c++) {
                const int64_t j = at + c * SUBGROUP;
                v[c] = load(vector + j);
                d[c] = vec_min(denominator_limit, muladd(load(query + j), load(key + j), one));
            }
            const vec first = muladd(v[0], d[1], v[1] * d[0]), second = muladd(v[2], d[3], v[3] * d[2]);
            const vec below = d[0] * d[1], beside = d[2] * d[3];
            sums = add_lanes(sums, muladd(first, beside, second * below) / (below * beside));
        }
    return sum_lanes(sums);
}

/* −2 Σ vector / D over a row, from the numbers themselves; for numbers of any size. */
static float score_far(const float *vector, const float *query, const float *key, int64_t width) {
    eight sums = {0};
    for (int64_t j = 0; j < width; j += LANES) {
        const int64_t left = width - j;
        vec less;
        const vec power = exp2x_expm1(get(query + j, left) + get(key + j, left), &less);
        sums = add_lanes(sums, broadcast(-2.0f) * get(vector + j, left) / (power + broadcast(1.0f)));
    }
    return sum_lanes(sums);
}

/* Scores of some rows; −∞ at positions that are masked. */
static void compare(const operation *at, int64_t first, int64_t rows, int64_t b) {
    const int64_t width = at->source.width, count = at->positions;
    const char *visible = at->mask + b * count;
    float queries[SHARED_ROWS][FEATURES_AT_ONCE] __attribute__((aligned(ALIGNMENT)));
    float vector[FEATURES_AT_ONCE] __attribute__((aligned(ALIGNMENT)));
    float *scores = at->other.data + first * count;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < count; i++) scores[r * count + i] = visible[i] ? 0.0f : -INFINITY;
    for (int64_t from = 0; from < width; from += FEATURES_AT_ONCE) {
        const int64_t left = smaller(FEATURES_AT_ONCE, width - from), features = grouped(left);
        const float *exp_keys = at->exp_keys + b * count * grouped(width) + from;
        for (int64_t j = 0; j < features; j += LANES)
            store(vector + j, broadcast(-2.0f) * limit(part(at->vector + from, j, left), VECTOR_LIMIT));
        for (int64_t r = 0; r < rows; r++) exp2x_row(place(&at->source, first + r) + from, left, queries[r]);
        for (int64_t i = 0; i < count; i++) {
            if (!visible[i]) continue;
            prefetch(exp_keys + (i + 1) * grouped(width), features);
            if (!from) prefetch(at->values + (b * count + i) * at->into.width, at->into.width); /* for the mix */
            for (int64_t r = 0; r < rows; r++)
                scores[r * count + i] += score(vector, queries[r], exp_keys + i * grouped(width), features);
        }
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < count; i++)
            if (__builtin_expect(scores[r * count + i] != scores[r * count + i], 0))
                scores[r * count + i] = score_far(at->vector, place(&at->source, first + r),
                                                  at->keys + (b * count + i) * width, width);
}

/* Scores become weights: a softmax over the visible positions, zero at the others. */
static void weigh(float *weights, const char *visible, int64_t count) {
    float most = -INFINITY;
    eight sums = {0};
    for (int64_t i = 0; i < count; i++)
        if (weights[i] > most) most = weights[i];
    for (int64_t i = 0; i < count; i += LANES) {
        const vec from = get(weights + i, count - i) - broadcast(most);
        vec less;
        const vec power = exp2x_expm1(from * broadcast(0.5f), &less);
        put(weights + i, count - i, blend(from == broadcast(-INFINITY), broadcast(0.0f), power));
        sums = add_lanes(sums, get(weights + i, count - i)); /* what is missing is zero */
    }
    const float sum = sum_lanes(sums);
    for (int64_t i = 0; i < count; i++) weights[i] = visible[i] ? weights[i] / sum : 0.0f;
}

/* Contexts of some rows: Σ weight · value over visible positions. `rows` is a constant after inlining. */
static inline __attribute__((always_inline)) void mix(int rows, const operation *at, int64_t row, const float *values,
                                                      const char *visible) {
    const int64_t count = at->positions, size = at->into.width;
    const float *weights = at->other.data + row * count;
    float *into = at->into.data + row * size;
    for (int64_t j = 0; j < size; j += 2 * LANES) {
        vec sums[ROWS][2];
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = broadcast(0.0f);
        for (int64_t i = 0; i < count; i++) {
            if (!visible[i]) continue;
            const vec first = get(values + i * size + j, size - j), second = part(values + i * size, j + LANES, size);
#pragma GCC unroll 6
            for (int r = 0; r < rows; r++) {
                const vec weight = broadcast(weights[r * count + i]);
                sums[r][0] = muladd(weight, first, sums[r][0]);
                sums[r][1] = muladd(weight, second, sums[r][1]);
            }
        }
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            put(into + r * size + j, size - j, sums[r][0]);
            if (j + LANES < size) put(into + r * size + j + LANES, size - j - LANES, sums[r][1]);
        }
    }
}

/* source: the query; other: the weights; into: the context. At most SHARED_ROWS rows, all of which attend to source b. */
static void attend(const operation *at, int64_t row, int64_t rows, int64_t b) {
    const int64_t count = at->positions;
    const char *visible = at->mask + b * count;
    const float *values = at->values + b * count * at->into.width;
    compare(at, row, rows, b);
    for (int64_t r = row; r < row + rows; r++) weigh(at->other.data + r * count, visible, count);
    for (int64_t left = rows, here; left > 0; left -= here, row += here) {
        here = left > ROWS ? (left + 1) / 2 : left;
        switch (here) {
        case 1: mix(1, at, row, values, visible); break;
        case 2: mix(2, at, row, values, visible); break;
        case 3: mix(3, at, row, values, visible); break;
        case 4: mix(4, at, row, values, visible); break;
        case 5: mix(5, at, row, values, visible); break;
        default: mix(6, at, row, values, visible);
        }
    }
}

static inline float dot(const float *first, const float *second, int64_t size) {
    eight sums = {0};
    for (int64_t j = 0; j < size; j += SUMS)
        sums = muladd_eight(get_eight(first + j, size - j), get_eight(second + j, size - j), sums);
    return sum_lanes(sums);
}

/* The gradient of the values is one product after the loop. */
static void attend_back(const operation *at, int64_t row, int64_t b) {
    const int64_t count = at->positions, width = at->source.width, size = at->into.width;
    const char *visible = at->mask + b * count;
    const float *query = at->source.data + row * width, *weights = at->other.data + row * count;
    const float *grad = at->into.grad + row * size;
    float *slopes = at->other.grad + row * count, *to = at->source.grad + row * width, mean = 0;
    float *grad_vector = at->grad_vector + b * width;
    for (int64_t i = 0; i < count; i++) {
        if (!visible[i]) continue;
        slopes[i] += dot(grad, at->values + (b * count + i) * size, size);
        mean += weights[i] * slopes[i];
    }
    memset(to, 0, sizeof(float) * width);
    for (int64_t i = 0; i < count; i++) {
        if (!visible[i]) continue;
        const float *key = at->keys + (b * count + i) * width;
        float *grad_key = at->grad_keys + (b * count + i) * width;
        const vec g = broadcast(weights[i] * (slopes[i] - mean));
        for (int64_t j = 0; j < width; j += LANES) {
            const int64_t left = width - j;
            const vec tanh_value = tanh_vec(get(query + j, left) + get(key + j, left));
            const vec slope = g * get(at->vector + j, left) * (broadcast(1.0f) - tanh_value * tanh_value);
            put(grad_vector + j, left, muladd(g, tanh_value, get(grad_vector + j, left)));
            put(grad_key + j, left, get(grad_key + j, left) + slope);
            put(to + j, left, get(to + j, left) + slope);
        }
    }
}
