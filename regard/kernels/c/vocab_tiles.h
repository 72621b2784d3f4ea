/* Parts of an output layer (tiles): some columns of the vocabulary at a time, so that their logits stay in the cache. */

#pragma once

#include "panel_matmul.h"

#define TILE_PANELS 8   /* panels whose weights are read for all rows */
#define TILE_ROWS 64 /* rows whose logits are held at a time */

static inline int64_t tiles(int64_t columns) { return (panels(columns) + TILE_PANELS - 1) / TILE_PANELS; }

/* Whether a lane is true. */
static inline int any(ints lanes) {
#if LANES == 16
    return _mm512_test_epi32_mask((__m512i)lanes, (__m512i)lanes) != 0;
#elif defined(FUSED)
    return !_mm256_testz_si256((__m256i)lanes, (__m256i)lanes);
#else
    int32_t found = 0;
    for (int lane = 0; lane < LANES; lane++) found |= lanes[lane];
    return found;
#endif
}

static inline float highest_lane(vec lanes) {
    float found = lanes[0];
    for (int lane = 1; lane < LANES; lane++) found = lanes[lane] > found ? lanes[lane] : found;
    return found;
}

/* The largest of `count` logits, a multiple of LANES; NaN is ignored. */
static float largest(const float *logits, int64_t count) {
    vec most = load(logits);
    most = blend(most == most, most, broadcast(-INFINITY));
    for (int64_t j = LANES; j < count; j += LANES) most = blend(load(logits + j) > most, load(logits + j), most);
    return highest_lane(most);
}

/* Σ exp(logit − most); the exponentials replace the logits. −∞ adds nothing, NaN makes the sum NaN. */
static float exponentials(float *logits, int64_t count, float most) {
    const vec low = broadcast(-INFINITY);
    eight sums = {0};
    for (int64_t j = 0; j < count; j += LANES) {
        vec less;
        const vec logit = load(logits + j), whole = exp2x_expm1((logit - broadcast(most)) * broadcast(0.5f), &less);
        const vec kept = blend(logit == low, broadcast(0.0f), whole);
        store(logits + j, kept);
        sums = add_lanes(sums, kept);
    }
    return sum_lanes(sums);
}

/* log Σ exp of a row, from the largest logit of each tile and its sum relative to it. */
static inline double normalizer(const float *most, const float *sums, int64_t count, int64_t stride) {
    float highest = -INFINITY;
    double sum = 0;
    for (int64_t tile = 0; tile < count; tile++)
        if (most[tile * stride] > highest) highest = most[tile * stride];
    for (int64_t tile = 0; tile < count; tile++) {
        const float part = sums[tile * stride], own = most[tile * stride];
        if (part != 0) sum += part * expf(own > -INFINITY ? own - highest : 0.0f); /* a NaN is not 0 and stays */
    }
    return highest + log(sum);
}
