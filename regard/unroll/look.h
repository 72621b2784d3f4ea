/* Additive attention in one step, as program.py describes it, and its gradients.

   Rows that look at the same source share the exponentials of its keys, see pairs.h, and the loads of its values; each
   gets what it would get alone. A softmax feels what scores differ by and not their size, so that A and B need not keep
   what their rounding left: D = A·B + 1 and N = D − 2 leave a tanh an error of 1e-7. */

#pragma once

#include "../attention/kernels/pairs.h"
#include "operations.h"

#define RUN 8      /* rows of one source that look together ... */
#define REACH 32   /* ... at so many positions ... */
#define SPAN 256   /* ... with so many features at a time: what is staged of them stays in the first cache */
#define TOGETHER 2 /* rows that share the loads of a key */
#define NEAR 40.0f /* exp(2·NEAR) is a float, and so is 1 / exp(2·NEAR) ... */
#define MUCH 1e9f  /* ... and where D is larger, tanh is 1 */

/* Some features of a row: themselves, their exponentials, and which chunks are near. */
typedef struct {
    float whole[SPAN];
    char near[SPAN / CHUNK];
    const float *raw;
} __attribute__((aligned(ALIGNMENT))) staged;

/* exp(2x), x within ±NEAR. */
static inline vec power(vec x) {
    vec left, series;
    const vec whole = expand(x, &left, &series);
    return muladd(whole, muladd(series, left, left), whole);
}

static void stage(const float *raw, int64_t features, staged *to) {
    to->raw = raw;
    for (int64_t at = 0, chunk = 0; at < features; at += CHUNK, chunk++) {
        vec first, second;
        load_chunk(raw + at, features - at, &first, &second);
        store(to->whole + at, power(first));
        store(to->whole + at + LANES, power(second));
        to->near[chunk] = (char)within(NEAR, first, second);
    }
}

/* Adds what so many features give of the scores of `count` queries to the sums, lanes still apart. The count is a
   constant where this is inlined. */
static inline __attribute__((always_inline)) void score(const float *vector, int64_t features, const staged *queries,
                                                        int count, const staged *key, vec *to) {
    vec sums[TOGETHER];
#pragma GCC unroll 2
    for (int r = 0; r < count; r++) sums[r] = to[r];
    for (int64_t at = 0, chunk = 0; at < features; at += CHUNK, chunk++) {
        const vec v0 = load(vector + at), v1 = load(vector + at + LANES);
        const vec b0 = load(key->whole + at), b1 = load(key->whole + at + LANES);
#pragma GCC unroll 2
        for (int r = 0; r < count; r++) {
            if (__builtin_expect(!(queries[r].near[chunk] & key->near[chunk]), 0)) {
                sums[r] = score_pair(vector + at, queries[r].raw + at, key->raw + at, features - at, sums[r]);
                continue;
            }
            const vec a0 = load(queries[r].whole + at), a1 = load(queries[r].whole + at + LANES);
            const vec d0 = lesser(muladd(a0, b0, spread(1.0f)), spread(MUCH));
            const vec d1 = lesser(muladd(a1, b1, spread(1.0f)), spread(MUCH));
            sums[r] += quotients(v0, d0 - spread(2.0f), d0, v1, d1 - spread(2.0f), d1);
        }
    }
#pragma GCC unroll 2
    for (int r = 0; r < count; r++) to[r] = sums[r];
}

/* Scores of some rows for at most REACH positions of their source. */
static void compare(const operation *at, int64_t first, int64_t rows, const float *keys, const int64_t *positions,
                    int64_t count) {
    const int64_t width = at->source.width;
    staged queries[RUN], key;
    vec sums[REACH][RUN];
    memset(sums, 0, sizeof sums[0] * count);
    for (int64_t from = 0; from < width; from += SPAN) {
        const int64_t features = smaller(SPAN, width - from);
        float vector[SPAN] __attribute__((aligned(ALIGNMENT))) = {0};
        memcpy(vector, at->vector + from, sizeof(float) * features);
        for (int64_t r = 0; r < rows; r++) stage(place(&at->source, first + r) + from, features, &queries[r]);
        for (int64_t c = 0; c * CHUNK < features; c++) {
            if (within(LARGEST, load(vector + c * CHUNK), load(vector + c * CHUNK + LANES))) continue;
            for (int64_t r = 0; r < rows; r++) queries[r].near[c] = 0;
        }
        for (int64_t p = 0; p < count; p++) {
            int64_t r = 0;
            stage(keys + positions[p] * width + from, features, &key);
            for (; r + TOGETHER <= rows; r += TOGETHER) score(vector, features, queries + r, TOGETHER, &key, sums[p] + r);
            for (; r < rows; r++) score(vector, features, queries + r, 1, &key, sums[p] + r);
        }
    }
    for (int64_t r = 0; r < rows; r++) {
        float *weights = at->other.data + (first + r) * at->positions;
        for (int64_t p = 0; p < count; p++) weights[positions[p]] = total(sums[p][r]);
    }
}

/* Scores become weights: a softmax over the visible positions; zero where nothing is visible. */
static void weigh(float *weights, const char *visible, int64_t count) {
    float most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++)
        if (visible[i] && !(weights[i] <= most)) most = weights[i]; /* so that a NaN stays */
    for (int64_t i = 0; i < count; i++)
        if (visible[i]) sum += weights[i] = expf(weights[i] - most);
    for (int64_t i = 0; i < count; i++) weights[i] = visible[i] ? weights[i] / sum : 0.0f;
}

/* Contexts of some rows: the visible values by their weights. The count is a constant where this is inlined. */
static inline __attribute__((always_inline)) void mix(int rows, const operation *at, int64_t row, const float *values,
                                                      const char *visible) {
    const int64_t count = at->positions, size = at->into.width;
    const float *weights = at->other.data + row * count;
    float *into = at->into.data + row * size;
    for (int64_t j = 0; j < size; j += CHUNK) {
        vec sums[ROWS][2];
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = spread(0.0f);
        for (int64_t i = 0; i < count; i++) {
            if (!visible[i]) continue;
            vec first, second;
            load_chunk(values + i * size + j, size - j, &first, &second);
#pragma GCC unroll 6
            for (int r = 0; r < rows; r++) {
                const vec weight = spread(weights[r * count + i]);
                sums[r][0] = muladd(weight, first, sums[r][0]);
                sums[r][1] = muladd(weight, second, sums[r][1]);
            }
        }
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) store_chunk(into + r * size + j, size - j, sums[r][0], sums[r][1]);
    }
}

/* source: the query; other: the weights; into: the context. At most RUN rows, all of which look at source b. */
static void look(const operation *at, int64_t row, int64_t rows, int64_t b) {
    const int64_t count = at->positions;
    const char *visible = at->mask + b * count;
    const float *values = at->values + b * count * at->into.width;
    int64_t positions[REACH], found = 0;
    for (int64_t i = 0; i < count; i++) {
        if (visible[i]) positions[found++] = i;
        if (found == REACH || (found && i == count - 1)) {
            compare(at, row, rows, at->keys + b * count * at->source.width, positions, found);
            found = 0;
        }
    }
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
    vec sum = spread(0.0f);
    for (int64_t j = 0; j < size; j += LANES) sum = muladd(get(first + j, size - j), get(second + j, size - j), sum);
    return total(sum);
}

/* The values' gradient is left to one product behind the loop. */
static void look_back(const operation *at, int64_t row, int64_t b) {
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
        const vec g = spread(weights[i] * (slopes[i] - mean));
        for (int64_t j = 0; j < width; j += LANES) {
            const int64_t left = width - j;
            const vec bent = tangent(get(query + j, left) + get(key + j, left));
            const vec slope = g * get(at->vector + j, left) * (spread(1.0f) - bent * bent);
            put(grad_vector + j, left, muladd(g, bent, get(grad_vector + j, left)));
            put(grad_key + j, left, get(grad_key + j, left) + slope);
            put(to + j, left, get(to + j, left) + slope);
        }
    }
}
