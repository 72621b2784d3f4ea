/* Vectors of eight or sixteen floats, and exponentials that are exact to the last digits.

   Each source is compiled once per instruction set (variant); VARIANT is part of the names of its functions. AVX2 and
   AVX-512 give the same bits: both add up eight sums side by side. Vector types are an extension of GCC and Clang. */

#pragma once

#include "exports.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__FMA__) && defined(__AVX2__)
#include <immintrin.h>
#define FUSED
#endif

#define PASTE_(name, variant) name##_##variant
#define PASTE(name, variant) PASTE_(name, variant)
#define NAME(name) PASTE(name, VARIANT)
#define VARIANTS(name) name##_plain, name##_avx2, name##_avx512

#if defined(__AVX512F__) && !defined(NARROW)
#define LANES 16
#else
#define LANES 8
#endif
#define SUMS 8 /* sums side by side; a number is added to the same one whatever LANES is */
#define EXPONENT_LIMIT 20.0f /* tanh is 1 from 9 on; up to 20 its gradient has correct digits */
#define ALIGNMENT 64

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4 * LANES)));
typedef float unaligned __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t ints __attribute__((vector_size(4 * LANES), aligned(4 * LANES)));
typedef float eight __attribute__((vector_size(4 * SUMS), aligned(4 * SUMS)));
typedef float unaligned_eight __attribute__((vector_size(4 * SUMS), aligned(4)));

/* The number of the next piece that no thread has taken. */
static inline int64_t take(int64_t *next) { return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED); }

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static inline vec broadcast(float value) { return value - (vec){0}; }

static inline ints broadcast_bits(int32_t value) { return value - (ints){0}; }

#if LANES == 16
#define OF_LANES(name) _mm512_##name##_ps
typedef __m512 lanes;
#elif defined(FUSED)
#define OF_LANES(name) _mm256_##name##_ps
typedef __m256 lanes;
#endif

static inline vec muladd(vec a, vec b, vec c) {
#ifdef FUSED
    return (vec)OF_LANES(fmadd)((lanes)a, (lanes)b, (lanes)c);
#else
    return a * b + c;
#endif
}

static inline eight muladd_eight(eight a, eight b, eight c) {
#ifdef FUSED
    return (eight)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

static inline vec load(const float *from) { return *(const unaligned *)from; }

static inline void store(float *to, vec value) { *(unaligned *)to = value; }

/* Bring numbers that are read soon into the first cache. */
static inline void prefetch(const float *from, int64_t count) {
    for (int64_t at = 0; at < count; at += ALIGNMENT / 4) __builtin_prefetch(from + at);
}

static inline eight load_eight(const float *from) { return *(const unaligned_eight *)from; }

/* Eight numbers of a row; beyond its end they are zero. */
static inline eight get_eight(const float *from, int64_t left) {
    if (__builtin_expect(left >= SUMS, 1)) return load_eight(from);
    float padded[SUMS] __attribute__((aligned(ALIGNMENT))) = {0};
    memcpy(padded, from, sizeof(float) * left);
    return load_eight(padded);
}

#if LANES == SUMS
static inline vec get(const float *from, int64_t left) { return get_eight(from, left); }

static inline void put(float *to, int64_t left, vec value) {
    if (__builtin_expect(left >= LANES, 1)) {
        store(to, value);
        return;
    }
    float padded[LANES] __attribute__((aligned(ALIGNMENT)));
    store(padded, value);
    memcpy(to, padded, sizeof(float) * left);
}
#else
static inline __mmask16 within_row(int64_t left) { return (__mmask16)((1u << smaller(left, LANES)) - 1); }

/* The same for a whole vector. */
static inline vec get(const float *from, int64_t left) { return (vec)_mm512_maskz_loadu_ps(within_row(left), from); }

static inline void put(float *to, int64_t left, vec value) {
    _mm512_mask_storeu_ps(to, within_row(left), (__m512)value);
}
#endif

/* Add the lanes to the sums; of sixteen lanes, first the lower eight, then the upper eight. */
static inline eight add_lanes(eight sums, vec x) {
#if LANES == SUMS
    return sums + x;
#else
    return sums + (eight)_mm512_castps512_ps256((__m512)x) + (eight)_mm512_extractf32x8_ps((__m512)x, 1);
#endif
}

/* The total of the sums, always in this order. */
static inline float sum_lanes(eight sums) {
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

static inline vec blend(ints condition, vec yes, vec no) {
    return (vec)(((ints)yes & condition) | ((ints)no & ~condition));
}

/* The smaller number; the second one if one is NaN. */
static inline vec vec_min(vec a, vec b) {
#ifdef FUSED
    return (vec)OF_LANES(min)((lanes)a, (lanes)b);
#else
    return blend(a < b, a, b);
#endif
}

/* The larger number; the second one if one is NaN. */
static inline vec vec_max(vec a, vec b) {
#ifdef FUSED
    return (vec)OF_LANES(max)((lanes)a, (lanes)b);
#else
    return blend(a > b, a, b);
#endif
}

/* exp(2x) as power · (1 + left + series · left), for x within ±43. */
static inline vec exp2x_parts(vec x, vec *left, vec *series) {
    const vec magic = broadcast(12582912.0f); /* 1.5 · 2^23: a sum's last bits are the integer */
    const vec shifted = muladd(x, broadcast(2.885390081777927f), magic);
    const vec whole = shifted - magic;
    /* ln 2 in two parts, the first exact in 16 bits */
    const vec y = muladd(whole, broadcast(-1.42860677e-6f), muladd(whole, broadcast(-0.693145751953125f), x + x));
    vec sum = muladd(y, broadcast(1.0f / 5040), broadcast(1.0f / 720));
    sum = muladd(sum, y, broadcast(1.0f / 120));
    sum = muladd(sum, y, broadcast(1.0f / 24));
    sum = muladd(sum, y, broadcast(1.0f / 6));
    *series = muladd(sum, y, broadcast(0.5f)) * y;
    *left = y;
    return (vec)(((ints)shifted << 23) + (ints)broadcast(1.0f));
}

/* exp(2x), and its rounding error relative to it, for x within ±EXPONENT_LIMIT. */
static inline void exp2x_with_rounding(vec x, vec *whole, vec *rest) {
    const vec one = broadcast(1.0f);
    vec left, series;
    const vec power = exp2x_parts(x, &left, &series);
    /* exp − 1, then exp: each sum and its rounding error; the error is divided by exp, or times 1 − p + p² */
    const vec upper = muladd(series, left, left), lost = muladd(series, left, left - upper);
    const vec sum = one + upper;
    *rest = ((upper - (sum - one)) + lost) * muladd(upper, upper - one, one);
    *whole = sum * power;
}

/* exp(2x), and exp(2x) − 1 to its last digits, x clamped to ±EXPONENT_LIMIT. A NaN passes. */
static inline vec exp2x_expm1(vec x, vec *less) {
    x = vec_max(broadcast(-EXPONENT_LIMIT), vec_min(broadcast(EXPONENT_LIMIT), x));
    vec left, series;
    const vec power = exp2x_parts(x, &left, &series), upper = muladd(series, left, left);
    *less = muladd(power, upper, power - broadcast(1.0f));
    return muladd(power, upper, power);
}

static inline vec tanh_vec(vec x) {
    vec less;
    const vec whole = exp2x_expm1(x, &less);
    return less / (whole + broadcast(1.0f));
}
