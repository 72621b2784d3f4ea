/* The best token of a few rows: estimated from weights of eight bits, then decided by the weights themselves.

   For a few rows, a product costs as much as reading the weights; here a quarter of the bytes is read. The rounding
   errors give a bound on the error of each estimate. Only tokens whose upper bound reaches the best lower bound are
   multiplied again; their logits, and so the token, are the same as in topk.c, bit for bit.

   The plain variant also has the functions that Python calls; they choose a variant, see threads.h. */

#include "vocab_tiles.h"

#define MAX_ROWS 4  /* as in argmax_int8.py */
#define LARGEST_INT8 127 /* of a rounded weight */

/* A layer, and its rounded weights. */
typedef struct {
    const float *weight;         /* (columns, depth) */
    const float *bias;           /* padded to whole panels, like the four below */
    const int8_t *rounded;       /* panels of PANEL columns; the numbers of two depths are side by side */
    const float *scales;         /* weight ≈ scale · rounded */
    const float *reach, *slack;  /* |logit − its estimate| ≤ reach · ‖features‖ + slack */
    int64_t columns, depth, first; /* tokens below `first` are never the best */
} int8_layer;

typedef struct {
    const int8_layer *of;
    const float *features;
    const int16_t *rounded;  /* (rows, depth), two depths side by side */
    const float *scales, *norms;
    float *estimates;        /* (rows, columns of all panels) */
    float *panel;            /* memory for the weights of candidates, and ... */
    int64_t *candidates;           /* ... for their token numbers */
    int64_t *best, rows, next;
} job;

/* The work of rounding a layer. */
typedef struct {
    const float *weight;
    int8_t *rounded;
    float *scales, *reach;
    int64_t columns, depth, next;
    int failed;
} plan;

work VARIANTS(int8_estimate), VARIANTS(int8_decide), VARIANTS(int8_round);

static inline int64_t halves(int64_t depth) { return (depth + 1) / 2; }

/* Largest number of a rounded feature, so that sums of products stay within 31 bits. */
static inline int32_t most_of(int64_t depth) {
    return (int32_t)smaller(INT16_MAX, INT32_MAX / (LARGEST_INT8 * 2 * halves(depth)));
}

/* Sums of rounded numbers, `count` rows against one panel. `count` is a constant after inlining. */
static inline __attribute__((always_inline)) void add_up(int count, const int16_t *from, int64_t pairs, const int8_t *panel,
                                                         int32_t to[MAX_ROWS][PANEL]) {
#ifdef FUSED
    __m256i sums[MAX_ROWS][2];
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) sums[r][0] = sums[r][1] = _mm256_setzero_si256();
    for (int64_t k = 0; k < pairs; k++) {
        const __m128i *at = (const __m128i *)(panel + k * 2 * PANEL);
        const __m256i first = _mm256_cvtepi8_epi16(_mm_loadu_si128(at));
        const __m256i second = _mm256_cvtepi8_epi16(_mm_loadu_si128(at + 1));
#pragma GCC unroll 4
        for (int r = 0; r < count; r++) {
            int32_t pair;
            memcpy(&pair, from + (r * pairs + k) * 2, sizeof(pair));
            const __m256i value = _mm256_set1_epi32(pair);
            sums[r][0] = _mm256_add_epi32(sums[r][0], _mm256_madd_epi16(value, first));
            sums[r][1] = _mm256_add_epi32(sums[r][1], _mm256_madd_epi16(value, second));
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < count; r++)
        for (int half = 0; half < 2; half++) _mm256_storeu_si256((__m256i *)(to[r] + half * PANEL / 2), sums[r][half]);
#else
    for (int r = 0; r < count; r++) {
        for (int c = 0; c < PANEL; c++) to[r][c] = 0;
        for (int64_t k = 0; k < pairs; k++) {
            const int16_t *pair = from + (r * pairs + k) * 2;
            for (int c = 0; c < PANEL; c++)
                to[r][c] += pair[0] * panel[(k * PANEL + c) * 2] + pair[1] * panel[(k * PANEL + c) * 2 + 1];
        }
    }
#endif
}

static inline void sums(int64_t count, const int16_t *from, int64_t pairs, const int8_t *panel,
                        int32_t to[MAX_ROWS][PANEL]) {
    switch (count) {
    case 1: add_up(1, from, pairs, panel, to); break;
    case 2: add_up(2, from, pairs, panel, to); break;
    case 3: add_up(3, from, pairs, panel, to); break;
    default: add_up(4, from, pairs, panel, to);
    }
}

void NAME(int8_estimate)(void *given) {
    job *todo = given;
    const int8_layer *of = todo->of;
    const int64_t rows = todo->rows, count = panels(of->columns), pairs = halves(of->depth);
    int32_t found[MAX_ROWS][PANEL] __attribute__((aligned(ALIGNMENT)));
    for (int64_t tile; (tile = take(&todo->next)) < tiles(of->columns);) {
        for (int64_t panel = tile * TILE_PANELS; panel < smaller((tile + 1) * TILE_PANELS, count); panel++) {
            sums(rows, todo->rounded, pairs, of->rounded + panel * PANEL * 2 * pairs, found);
            for (int64_t row = 0; row < rows; row++) {
                for (int64_t c = 0; c < PANEL; c += LANES) {
                    const int64_t at = panel * PANEL + c;
                    const vec sum = __builtin_convertvector(*(const ints *)(found[row] + c), vec);
                    const vec scale = load(of->scales + at) * broadcast(todo->scales[row]);
                    store(todo->estimates + row * count * PANEL + at, muladd(sum, scale, load(of->bias + at)));
                }
            }
        }
    }
}

/* The best of the candidates, by the weights themselves; the first among equals. Sums have the order of topk.c. */
static int64_t compare(const job *todo, const float *features, int64_t count) {
    const int8_layer *of = todo->of;
    float most = -INFINITY, bias[PANEL], logits[PANEL];
    int64_t best = todo->candidates[0];
    for (int64_t at = 0; at < count; at += PANEL) {
        const int64_t here = smaller(PANEL, count - at), *tokens = todo->candidates + at;
        for (int64_t c = 0; c < here; c++) {
            bias[c] = of->bias[tokens[c]];
            for (int64_t k = 0; k < of->depth; k++) todo->panel[k * PANEL + c] = of->weight[tokens[c] * of->depth + k];
        }
        const destination out = {.bias = bias, .to = logits, .stride = PANEL};
        multiply(features, 1, of->depth, todo->panel, 0, 1, here, &out);
        for (int64_t c = 0; c < here; c++)
            if (logits[c] > most) most = logits[c], best = tokens[c];
    }
    return best;
}

/* Find the tokens that can be the best, from their estimates. Returns how many. */
static int64_t candidates(const job *todo, const float *estimates, float norm) {
    const int8_layer *of = todo->of;
    const vec least = broadcast(-norm), most = broadcast(norm);
    vec lowest = broadcast(-INFINITY);
    for (int64_t j = 0; j < of->columns; j += LANES) {
        vec lower_bound = muladd(load(of->reach + j), least, load(estimates + j) - load(of->slack + j));
        for (int64_t lane = 0; j + lane < of->first; lane++) lower_bound[lane] = -INFINITY;
        lowest = blend(lower_bound > lowest, lower_bound, lowest);
    }
    const float bar = highest_lane(lowest);
    int64_t count = 0;
    for (int64_t j = 0; j < of->columns; j += LANES) {
        const vec upper_bound = muladd(load(of->reach + j), most, load(estimates + j) + load(of->slack + j));
        if (!any(upper_bound >= broadcast(bar))) continue;
        for (int64_t lane = 0; lane < LANES; lane++)
            if (upper_bound[lane] >= bar && j + lane >= of->first && j + lane < of->columns) todo->candidates[count++] = j + lane;
    }
    return count;
}

void NAME(int8_decide)(void *given) {
    job *todo = given;
    const int64_t stride = panels(todo->of->columns) * PANEL;
    for (int64_t row = 0; row < todo->rows; row++) {
        const int64_t count = candidates(todo, todo->estimates + row * stride, todo->norms[row]);
        todo->best[row] = compare(todo, todo->features + row * todo->of->depth, count);
    }
}

static inline vec magnitude(vec x) { return (vec)((ints)x & broadcast_bits(INT32_MAX)); }

/* Round the weights of one column to the nearest of −LARGEST_INT8, …, LARGEST_INT8 times its scale. */
static void round_column(plan *todo, int64_t column) {
    const int64_t depth = todo->depth, pairs = halves(depth);
    const float *from = todo->weight + column * depth;
    int8_t *to = todo->rounded + column / PANEL * PANEL * 2 * pairs + column % PANEL * 2;
    vec most = broadcast(0.0f);
    eight squares = {0}, lost = {0}, kept = {0};
    for (int64_t k = 0; k < depth; k += LANES) {
        const vec size = magnitude(get(from + k, depth - k));
        most = blend(size > most, size, most);
    }
    const float top = highest_lane(most), scale = top > 0 ? top / LARGEST_INT8 : 1.0f;
    const vec magic = broadcast(12582912.0f); /* 1.5 · 2^23: a sum's last bits are the integer */
    for (int64_t k = 0; k < depth; k += LANES) {
        const vec x = get(from + k, depth - k) / broadcast(scale), whole = (x + magic) - magic, left = x - whole;
        squares = add_lanes(squares, x * x);
        lost = add_lanes(lost, left * left);
        kept = add_lanes(kept, magnitude(whole));
        for (int64_t lane = 0; lane < LANES && k + lane < depth; lane++)
            to[(k + lane) / 2 * 2 * PANEL + (k + lane) % 2] = (int8_t)whole[lane];
    }
    /* Three errors, by Cauchy and Schwarz: of rounded weights; of rounded features, each at most ‖features‖; and of
       float32 sums, those of the layer and those here. */
    const float sums = (float)(depth + 32) * sqrtf(sum_lanes(squares)) / (1 << 24);
    const float reach = (sqrtf(sum_lanes(lost)) + sum_lanes(kept) / (float)(2 * most_of(depth)) + sums) * 1.001f;
    todo->scales[column] = scale;
    todo->reach[column] = reach * scale;
    if (!(reach * scale < INFINITY)) __atomic_store_n(&todo->failed, 1, __ATOMIC_RELAXED);
}

void NAME(int8_round)(void *given) {
    plan *todo = given;
    for (int64_t from; (from = __atomic_fetch_add(&todo->next, PANEL, __ATOMIC_RELAXED)) < todo->columns;)
        for (int64_t column = from; column < smaller(from + PANEL, todo->columns); column++) round_column(todo, column);
}

#ifndef __AVX2__ /* once, with the plain variant */

#include "threads.h"

const layout int8_layout[] = {
    WHOLE(int8_layer), FIELD(int8_layer, weight), FIELD(int8_layer, bias), FIELD(int8_layer, rounded),
    FIELD(int8_layer, scales), FIELD(int8_layer, reach), FIELD(int8_layer, slack), FIELD(int8_layer, columns),
    FIELD(int8_layer, depth), FIELD(int8_layer, first), LAYOUT_ENDS};

/* Fill `rounded` (zeros so far), `scales` and `reach` from the weights of a layer. Returns 1 if a number is not finite. */
EXPORT int regard_round_int8(const float *weight, int64_t columns, int64_t depth, int8_t *rounded, float *scales,
                             float *reach, int fast, int threads, team together) {
    plan todo = {.weight = weight, .rounded = rounded, .scales = scales, .reach = reach, .columns = columns,
                 .depth = depth};
    run(PICK(int8_round, fast), &todo, 1 + columns * depth / THREAD_MIN_WORK, threads, together);
    return todo.failed;
}

/* Round the features of a row, two depths side by side. Returns their norm; not finite if a number is not. */
static float round_row(const float *from, int64_t depth, int16_t *to, float *scale) {
    double most = 0, whole = 0;
    for (int64_t k = 0; k < depth; k++) most = fmax(most, fabs(from[k])), whole += (double)from[k] * from[k];
    *scale = most > 0 ? (float)(most / most_of(depth)) : 1.0f;
    if (!(whole < INFINITY)) return INFINITY;
    for (int64_t k = 0; k < depth; k++) {
        const double value = rint(from[k] / (double)*scale);
        to[k] = (int16_t)fmax(-most_of(depth), fmin(most_of(depth), value));
    }
    if (depth % 2) to[depth] = 0;
    return (float)(sqrt(whole) * 1.0001);
}

/* For each of at most MAX_ROWS rows: the best token from `first` on, the lower one among equals. Returns 1 if a feature
   is not finite, 2 if there is no memory. */
EXPORT int regard_argmax_int8(const int8_layer *of, const float *features, int64_t rows, int64_t *best, int fast,
                              int threads, team together) {
    const int64_t depth = of->depth, pairs = halves(depth), wide = panels(of->columns) * PANEL;
    const int64_t most = smaller(tiles(of->columns), 1 + rows * depth * wide / THREAD_MIN_WORK);
    float norms[MAX_ROWS], scales[MAX_ROWS];
    int64_t *candidates = malloc(sizeof(int64_t) * of->columns + sizeof(float) * (rows * wide + PANEL * depth) +
                           sizeof(int16_t) * rows * 2 * pairs);
    if (!candidates) return 2;
    float *estimates = (float *)(candidates + of->columns), *panel = estimates + rows * wide;
    int16_t *rounded = (int16_t *)(panel + PANEL * depth);
    int failed = 0;
    for (int64_t row = 0; row < rows; row++) {
        norms[row] = round_row(features + row * depth, depth, rounded + row * 2 * pairs, scales + row);
        failed |= !(norms[row] < INFINITY);
    }
    if (!failed) {
        job todo = {.of = of, .features = features, .rounded = rounded, .scales = scales, .norms = norms,
                    .estimates = estimates, .panel = panel, .candidates = candidates, .best = best, .rows = rows};
        run(PICK(int8_estimate, fast), &todo, most, threads, together);
        PICK(int8_decide, fast)(&todo);
    }
    free(candidates);
    return failed;
}

#endif
