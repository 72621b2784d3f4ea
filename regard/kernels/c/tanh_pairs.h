/* tanh(query + key) of many pairs of rows, with one exponential per row instead of one per pair.

   With A = exp(2q) and B = exp(2k), tanh(q + k) = N / D where N = A·B − 1 and D = A·B + 1. Two neighbours share one
   division. If a number of a row is too large, or NaN, the products could leave the range of a float. Then the
   exponential is taken of the clamped sum, for each pair. */

#pragma once

#include "simd.h"

#define CHUNK (2 * LANES) /* features that are handled together, and share divisions */
#define LARGEST 1e3f      /* of a vector: its products with two D stay in range */

/* Whether every lane is within ±limit; false for NaN. */
static inline int within(float limit, vec first, vec second) {
    const ints size = broadcast_bits(0x7fffffff);
    const ints fits = ((vec)((ints)first & size) <= broadcast(limit)) & ((vec)((ints)second & size) <= broadcast(limit));
#ifdef FUSED
    return _mm256_movemask_ps((__m256)fits) == 0xff;
#else
    union { ints lanes; int64_t words[LANES / 2]; } each;
    each.lanes = fits;
    return (each.words[0] & each.words[1] & each.words[2] & each.words[3]) == -1;
#endif
}

/* Two vectors of a row; beyond its end they are zero. */
static inline void load_chunk(const float *row, int64_t left, vec *first, vec *second) {
    if (__builtin_expect(left < CHUNK, 0)) {
        float padded[CHUNK] __attribute__((aligned(ALIGNMENT))) = {0};
        memcpy(padded, row, sizeof(float) * left);
        *first = load(padded);
        *second = load(padded + LANES);
        return;
    }
    *first = load(row);
    *second = load(row + LANES);
}

static inline void store_chunk(float *row, int64_t left, vec first, vec second) {
    float padded[CHUNK] __attribute__((aligned(ALIGNMENT)));
    if (left >= CHUNK) {
        store(row, first);
        store(row + LANES, second);
        return;
    }
    store(padded, first);
    store(padded + LANES, second);
    memcpy(row, padded, sizeof(float) * left);
}

/* v0 · n0/d0 + v1 · n1/d1 = (v0·n0·d1 + v1·n1·d0) / (d0·d1) */
static inline vec quotients(vec v0, vec n0, vec d0, vec v1, vec n1, vec d1) {
    return muladd(v0 * n0, d1, v1 * n1 * d0) / (d0 * d1);
}

/* Adds a chunk's part of vector · tanh(query + key) to the sum, with one exponential per pair. The vector is
   padded with zeros to whole chunks. */
static inline vec score_pair(const float *vector, const float *query, const float *key, int64_t left, vec sum) {
    vec q0, q1, k0, k1;
    load_chunk(query, left, &q0, &q1);
    load_chunk(key, left, &k0, &k1);
    sum = muladd(load(vector), tanh_vec(q0 + k0), sum);
    return muladd(load(vector + LANES), tanh_vec(q1 + k1), sum);
}
