/* The best token of a few rows: from weights of eight bits where they leave no doubt, from the layer where they do.

   Reading the weights of a layer is what a product of few rows costs. Here a quarter is read. How far such a logit can
   be from that of the layer follows from what rounding took, so that only tokens within reach of the best are
   multiplied again; their logits, and so the token, are those of topk.c to the last bit.

   The plain variant brings what chooses among the variants, see threads.h. */

#include "vocab_tiles.h"

#define MAX_ROWS 4  /* as in argmax_int8.py */
#define TOP 127      /* of a rounded weight */

/* A layer, and what follows from its weights. */
typedef struct {
    const float *weight;         /* (columns, depth) */
    const float *bias;           /* as long as all panels, and so the next four */
    const int8_t *rounded;       /* panels of PANEL columns, whose numbers of two depths stand side by side */
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
    float *panel;            /* room for tokens that are looked at again, and ... */
    int64_t *near;           /* ... for their numbers */
    int64_t *best, rows, next;
} job;

/* A layer that is being rounded. */
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
    return (int32_t)smaller(INT16_MAX, INT32_MAX / (TOP * 2 * halves(depth)));
}

/* Sums of rounded numbers, `count` rows against one panel. The count is a constant where this is inlined. */
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
                    const vec scale = load(of->scales + at) * spread(todo->scales[row]);
                    store(todo->estimates + row * count * PANEL + at, muladd(sum, scale, load(of->bias + at)));
                }
            }
        }
    }
}

/* Of tokens the best by the layer itself, of equals the first. Sums are made as topk.c makes them. */
static int64_t compare(const job *todo, const float *features, int64_t count) {
    const int8_layer *of = todo->of;
    float most = -INFINITY, bias[PANEL], logits[PANEL];
    int64_t best = todo->near[0];
    for (int64_t at = 0; at < count; at += PANEL) {
        const int64_t here = smaller(PANEL, count - at), *tokens = todo->near + at;
        for (int64_t c = 0; c < here; c++) {
            bias[c] = of->bias[tokens[c]];
            for (int64_t k = 0; k < of->depth; k++) todo->panel[k * PANEL + c] = of->weight[tokens[c] * of->depth + k];
        }
        const sink out = {.bias = bias, .to = logits, .stride = PANEL};
        multiply(features, 1, of->depth, todo->panel, 0, 1, here, &out);
        for (int64_t c = 0; c < here; c++)
            if (logits[c] > most) most = logits[c], best = tokens[c];
    }
    return best;
}

/* The tokens that can be the best, from their estimates; how many. */
static int64_t near(const job *todo, const float *estimates, float norm) {
    const int8_layer *of = todo->of;
    const vec least = spread(-norm), most = spread(norm);
    vec lowest = spread(-INFINITY);
    for (int64_t j = 0; j < of->columns; j += LANES) {
        vec surely = muladd(load(of->reach + j), least, load(estimates + j) - load(of->slack + j));
        for (int64_t lane = 0; j + lane < of->first; lane++) surely[lane] = -INFINITY;
        lowest = choose(surely > lowest, surely, lowest);
    }
    const float bar = highest_lane(lowest);
    int64_t count = 0;
    for (int64_t j = 0; j < of->columns; j += LANES) {
        const vec perhaps = muladd(load(of->reach + j), most, load(estimates + j) + load(of->slack + j));
        if (!any(perhaps >= spread(bar))) continue;
        for (int64_t lane = 0; lane < LANES; lane++)
            if (perhaps[lane] >= bar && j + lane >= of->first && j + lane < of->columns) todo->near[count++] = j + lane;
    }
    return count;
}

void NAME(int8_decide)(void *given) {
    job *todo = given;
    const int64_t stride = panels(todo->of->columns) * PANEL;
    for (int64_t row = 0; row < todo->rows; row++) {
        const int64_t count = near(todo, todo->estimates + row * stride, todo->norms[row]);
        todo->best[row] = compare(todo, todo->features + row * todo->of->depth, count);
    }
}

static inline vec magnitude(vec x) { return (vec)((ints)x & spread_bits(INT32_MAX)); }

/* Round the weights of one column to the next of −TOP, …, TOP times its scale. */
static void round_column(plan *todo, int64_t column) {
    const int64_t depth = todo->depth, pairs = halves(depth);
    const float *from = todo->weight + column * depth;
    int8_t *to = todo->rounded + column / PANEL * PANEL * 2 * pairs + column % PANEL * 2;
    vec most = spread(0.0f);
    eight squares = {0}, lost = {0}, kept = {0};
    for (int64_t k = 0; k < depth; k += LANES) {
        const vec size = magnitude(get(from + k, depth - k));
        most = choose(size > most, size, most);
    }
    const float top = highest_lane(most), scale = top > 0 ? top / TOP : 1.0f;
    const vec magic = spread(12582912.0f); /* 1.5 · 2^23: a sum's last bits are the integer */
    for (int64_t k = 0; k < depth; k += LANES) {
        const vec x = get(from + k, depth - k) / spread(scale), whole = (x + magic) - magic, left = x - whole;
        squares = gather(squares, x * x);
        lost = gather(lost, left * left);
        kept = gather(kept, magnitude(whole));
        for (int64_t lane = 0; lane < LANES && k + lane < depth; lane++)
            to[(k + lane) / 2 * 2 * PANEL + (k + lane) % 2] = (int8_t)whole[lane];
    }
    /* By Cauchy and Schwarz: what rounding took of the weights; what it takes of features, each of which is at most
       ‖features‖; and what float32 loses in sums, those of the layer and ours. */
    const float sums = (float)(depth + 32) * sqrtf(total(squares)) / (1 << 24);
    const float reach = (sqrtf(total(lost)) + total(kept) / (float)(2 * most_of(depth)) + sums) * 1.001f;
    todo->scales[column] = scale;
    todo->reach[column] = reach * scale;
    if (!(reach * scale < INFINITY)) __atomic_store_n(&todo->failed, 1, __ATOMIC_RELAXED);
}

void NAME(int8_round)(void *given) {
    plan *todo = given;
    for (int64_t from; (from = __atomic_fetch_add(&todo->next, PANEL, __ATOMIC_RELAXED)) < todo->columns;)
        for (int64_t column = from; column < smaller(from + PANEL, todo->columns); column++) round_column(todo, column);
}

#ifndef __AVX2__ /* once, beside the variant that runs anywhere */

#include "threads.h"

const layout int8_layout[] = {
    WHOLE(int8_layer), FIELD(int8_layer, weight), FIELD(int8_layer, bias), FIELD(int8_layer, rounded),
    FIELD(int8_layer, scales), FIELD(int8_layer, reach), FIELD(int8_layer, slack), FIELD(int8_layer, columns),
    FIELD(int8_layer, depth), FIELD(int8_layer, first), LAYOUT_ENDS};

/* Fills what follows from the weights of a layer, `rounded` with zeros so far. Returns whether a number is not finite. */
EXPORT int regard_round_int8(const float *weight, int64_t columns, int64_t depth, int8_t *rounded, float *scales,
                             float *reach, int fast, int threads, team together) {
    plan todo = {.weight = weight, .rounded = rounded, .scales = scales, .reach = reach, .columns = columns,
                 .depth = depth};
    run(PICK(int8_round, fast), &todo, 1 + columns * depth / WORTH_A_THREAD, threads, together);
    return todo.failed;
}

/* Round the features of a row, two depths side by side; their norm, which is not finite where a number is not. */
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

/* Of each of at most MAX_ROWS rows the best token from `first` on, and the lower among equals. Returns 1 where a feature
   is not finite, 2 where there is no memory for it. */
EXPORT int regard_argmax_int8(const int8_layer *of, const float *features, int64_t rows, int64_t *best, int fast,
                              int threads, team together) {
    const int64_t depth = of->depth, pairs = halves(depth), wide = panels(of->columns) * PANEL;
    const int64_t most = smaller(tiles(of->columns), 1 + rows * depth * wide / WORTH_A_THREAD);
    float norms[MAX_ROWS], scales[MAX_ROWS];
    int64_t *near = malloc(sizeof(int64_t) * of->columns + sizeof(float) * (rows * wide + PANEL * depth) +
                           sizeof(int16_t) * rows * 2 * pairs);
    if (!near) return 2;
    float *estimates = (float *)(near + of->columns), *panel = estimates + rows * wide;
    int16_t *rounded = (int16_t *)(panel + PANEL * depth);
    int failed = 0;
    for (int64_t row = 0; row < rows; row++) {
        norms[row] = round_row(features + row * depth, depth, rounded + row * 2 * pairs, scales + row);
        failed |= !(norms[row] < INFINITY);
    }
    if (!failed) {
        job todo = {.of = of, .features = features, .rounded = rounded, .scales = scales, .norms = norms,
                    .estimates = estimates, .panel = panel, .near = near, .best = best, .rows = rows};
        run(PICK(int8_estimate, fast), &todo, most, threads, together);
        PICK(int8_decide, fast)(&todo);
    }
    free(near);
    return failed;
}

#endif
