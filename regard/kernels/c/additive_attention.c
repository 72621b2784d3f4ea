/* Additive attention scores and their gradients, without a (batch, target, source, hidden) array.

       scores[b,i,j] = Σ_h vector[h] · tanh(query[b,i,h] + keys[b,j,h])

   With A = exp(2q) and B = exp(2k), each computed once per row and not once per pair,

       tanh(q + k) = N / D,   N = A·B − 1,   D = A·B + 1,   1 − tanh² = 4·A·B / D².

   A and B are rounded. If A·B is near 1, N would consist of rounding errors only. So each row keeps its rounding errors
   a and b too, relative to the exponential: N = (A·B − 1) + (a + b), the first part by one fused multiply-add. A pair
   costs two multiply-adds and half a division if |q| and |k| are at most PRODUCT_LIMIT, see tanh_pairs.h. With a single
   target row each key has only one pair: then the exponential is taken for each pair, and nothing is staged. The result
   of a pair depends only on its two rows, and on whether there is one target row: not on the batch, the lengths, the
   tiles or the threads.

   The plain variant also has the functions that Python calls; they choose a variant, see threads.h. */

#define NARROW /* two vectors share divisions, and a chunk has the same size in every variant */
#include "tanh_pairs.h"

#define PRODUCT_LIMIT 10.0f     /* exp(4 · PRODUCT_LIMIT)² is 5e34, a float also when multiplied by LARGEST */
#define TILE_BYTES (128 * 1024) /* of staged rows: a part of the second cache */
#define GRAD_TILE 64                 /* rows whose gradients are summed before they join the total */

typedef struct {
    const float *query, *keys, *vector, *grad;        /* grad: backward only */
    float *scores, *grad_query, *grad_keys;           /* scores: forward only */
    double *grad_vector;                              /* (batch, width): one sum per row of the batch */
    int64_t batch, target, source, hidden, width;     /* width: hidden, rounded up to whole chunks */
    int64_t rows, tile;                               /* forward: target rows and keys of one item */
    int64_t span;                                     /* backward: chunks of features of one item */
    int64_t items;
    int in_limit;                                         /* whether the vector is at most LARGEST */
    int failed;
    int64_t next;                                     /* the next item that no thread has taken */
} job;

work VARIANTS(additive_forward), VARIANTS(additive_backward);

/* How the exponentials of a row are kept. With fused multiply-adds: rounded, and the relative rounding error. Without:
   the upper 12 bits, whose products are exact, and the rest. */
static inline void keep(vec *whole, vec *rest) {
#ifndef FUSED
    const ints upper = broadcast_bits(-4096);
    const vec kept = (vec)((ints)*whole & upper);
    *rest = *whole - kept + *whole * *rest;
    *whole = kept;
#else
    (void)whole, (void)rest;
#endif
}

/* A·B, and A·B − 1 to its last digits, of the kept exponentials of a query and a key. */
static inline vec product(vec a, vec rest_a, vec b, vec rest_b, vec *less) {
#ifdef FUSED
    *less = muladd(a, b, broadcast(-1.0f)) + (rest_a + rest_b);
    return a * b;
#else
    const vec whole = b + rest_b;
    *less = (a * b - broadcast(1.0f)) + (a * rest_b + rest_a * whole);
    return (a + rest_a) * whole;
#endif
}

/* Write the exponentials of one chunk. Returns whether all its numbers are within PRODUCT_LIMIT; if not, they are not used. */
static inline char stage(const float *row, int64_t left, float *whole, float *rest) {
    vec first, second, whole_first, whole_second, rest_first, rest_second;
    load_chunk(row, left, &first, &second);
    exp2x_with_rounding(first, &whole_first, &rest_first);
    exp2x_with_rounding(second, &whole_second, &rest_second);
    keep(&whole_first, &rest_first);
    keep(&whole_second, &rest_second);
    store(whole, whole_first);
    store(whole + LANES, whole_second);
    store(rest, rest_first);
    store(rest + LANES, rest_second);
    return (char)within(PRODUCT_LIMIT, first, second);
}

static void *reserve(job *todo, size_t bytes) {
    void *memory = NULL;
    if (posix_memalign(&memory, ALIGNMENT, bytes ? bytes : ALIGNMENT)) {
        __atomic_store_n(&todo->failed, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    return memory;
}

/* A staged row: its numbers, their exponentials with rounding errors, and which chunks are within PRODUCT_LIMIT. */
typedef struct {
    const float *raw, *whole, *rest;
    const char *in_limit;
} row;

/* Scores of `count` query rows against one key, lanes not yet added up. `count` is a constant after inlining. */
static inline void score(const job *todo, const row *queries, int count, const row *key, vec *sums) {
    for (int r = 0; r < count; r++) sums[r] = broadcast(0.0f);
    for (int64_t at = 0, chunk = 0; at < todo->width; at += CHUNK, chunk++) {
        const vec v0 = load(todo->vector + at), v1 = load(todo->vector + at + LANES);
        const vec b0 = load(key->whole + at), b1 = load(key->whole + at + LANES);
        const vec s0 = load(key->rest + at), s1 = load(key->rest + at + LANES);
        for (int r = 0; r < count; r++) {
            if (__builtin_expect(!(queries[r].in_limit[chunk] & key->in_limit[chunk]), 0)) {
                sums[r] = score_pair(todo->vector + at, queries[r].raw + at, key->raw + at, todo->hidden - at, sums[r]);
                continue;
            }
            const float *whole = queries[r].whole + at, *rest = queries[r].rest + at;
            vec n0, n1;
            const vec d0 = product(load(whole), load(rest), b0, s0, &n0) + broadcast(1.0f);
            const vec d1 = product(load(whole + LANES), load(rest + LANES), b1, s1, &n1) + broadcast(1.0f);
            sums[r] += quotients(v0, n0, d0, v1, n1, d1);
        }
    }
}

#define TOGETHER 2 /* query rows that share the loads of a key */

/* One tile of keys of one row of the batch against a range of its target rows. */
static void forward_item(const job *todo, int64_t item, float *memory) {
    const int64_t tiles = (todo->source + todo->tile - 1) / todo->tile;
    const int64_t ranges = (todo->target + todo->rows - 1) / todo->rows;
    const int64_t first_key = item % tiles * todo->tile, first = item / tiles % ranges * todo->rows;
    const int64_t batch = item / tiles / ranges, hidden = todo->hidden, width = todo->width, chunks = width / CHUNK;
    const int64_t keys = smaller(todo->tile, todo->source - first_key), last = smaller(first + todo->rows, todo->target);
    const float *raw = todo->keys + (batch * todo->source + first_key) * hidden;
    float *whole = memory, *rest = whole + todo->tile * width, *query_whole = rest + todo->tile * width;
    float *query_rest = query_whole + TOGETHER * width;
    char *in_limit = (char *)(query_rest + TOGETHER * width), *query_in_limit = in_limit + todo->tile * chunks;

    for (int64_t j = 0; j < keys; j++)
        for (int64_t c = 0; c < chunks; c++)
            in_limit[j * chunks + c] = todo->in_limit & stage(raw + j * hidden + c * CHUNK, hidden - c * CHUNK,
                                                      whole + j * width + c * CHUNK, rest + j * width + c * CHUNK);
    for (int64_t i = first; i < last; i += TOGETHER) {
        const int count = (int)smaller(TOGETHER, last - i);
        row queries[TOGETHER];
        for (int r = 0; r < count; r++) {
            const float *query = todo->query + (batch * todo->target + i + r) * hidden;
            queries[r] = (row){query, query_whole + r * width, query_rest + r * width, query_in_limit + r * chunks};
            for (int64_t c = 0; c < chunks; c++)
                query_in_limit[r * chunks + c] =
                    stage(query + c * CHUNK, hidden - c * CHUNK, query_whole + r * width + c * CHUNK,
                          query_rest + r * width + c * CHUNK);
        }
        for (int64_t j = 0; j < keys; j++) {
            const row key = {raw + j * hidden, whole + j * width, rest + j * width, in_limit + j * chunks};
            float *scores = todo->scores + (batch * todo->target + i) * todo->source + first_key + j;
            vec sums[TOGETHER];
            if (count == TOGETHER) {
                score(todo, queries, TOGETHER, &key, sums);
                for (int r = 0; r < TOGETHER; r++) scores[r * todo->source] = sum_lanes(sums[r]);
            } else {
                score(todo, queries, 1, &key, sums);
                scores[0] = sum_lanes(sums[0]);
            }
        }
    }
}

/* One tile of keys of one row of the batch against its only target row. */
static void forward_step(const job *todo, int64_t item) {
    const int64_t tiles = (todo->source + todo->tile - 1) / todo->tile, hidden = todo->hidden;
    const int64_t batch = item / tiles, first = item % tiles * todo->tile;
    const int64_t last = batch * todo->source + smaller(first + todo->tile, todo->source);
    for (int64_t j = batch * todo->source + first; j < last; j++) {
        vec sum = broadcast(0.0f);
        for (int64_t at = 0; at < hidden; at += CHUNK)
            sum = score_pair(todo->vector + at, todo->query + batch * hidden + at, todo->keys + j * hidden + at,
                             hidden - at, sum);
        todo->scores[j] = sum_lanes(sum);
    }
}

void NAME(additive_forward)(void *given) {
    job *todo = given;
    if (todo->target == 1) {
        for (int64_t item = take(&todo->next); item < todo->items; item = take(&todo->next)) forward_step(todo, item);
        return;
    }
    const size_t floats = 2 * (todo->tile + TOGETHER) * todo->width;
    float *memory = reserve(todo, sizeof(float) * floats + (todo->tile + TOGETHER) * (todo->width / CHUNK));
    if (!memory) return;
    for (int64_t item = take(&todo->next); item < todo->items; item = take(&todo->next)) forward_item(todo, item, memory);
    free(memory);
}

/* Memory of one thread for one chunk of features of one row of the batch: CHUNK floats per row, one row after another. */
typedef struct {
    float *whole_query, *rest_query, *whole_key, *rest_key; /* exponentials, and their rounding errors */
    float *grad_query, *grad_keys;                          /* without the factor 4 · vector */
    float *tile_keys;                                       /* grad_keys of one tile */
    char *query_in_limit, *key_in_limit;
} stages;

/* g·tanh and g·(1 − tanh²)/4 of one pair and two vectors of features, which share one division. */
static inline void slopes_by_products(const stages *at, int64_t i, int64_t j, vec g, vec *tanhs, vec *slope) {
    const float *a = at->whole_query + i * CHUNK, *b = at->whole_key + j * CHUNK;
    const float *p = at->rest_query + i * CHUNK, *s = at->rest_key + j * CHUNK;
    vec n0, n1;
    const vec e0 = product(load(a), load(p), load(b), load(s), &n0);
    const vec e1 = product(load(a + LANES), load(p + LANES), load(b + LANES), load(s + LANES), &n1);
    const vec d0 = e0 + broadcast(1.0f), d1 = e1 + broadcast(1.0f);
    const vec inverse = broadcast(1.0f) / (d0 * d1);
    const vec r0 = inverse * d1, r1 = inverse * d0, g0 = g * r0, g1 = g * r1;
    tanhs[0] = muladd(g0, n0, tanhs[0]);
    tanhs[1] = muladd(g1, n1, tanhs[1]);
    slope[0] = g0 * (r0 * e0);
    slope[1] = g1 * (r1 * e1);
}

static inline void slopes_pair(vec q, vec k, vec g, vec *tanhs, vec *slope) {
    vec less;
    const vec whole = exp2x_expm1(q + k, &less);
    const vec inverse = broadcast(1.0f) / (whole + broadcast(1.0f)), part = g * inverse;
    *tanhs = muladd(part, less, *tanhs);
    *slope = part * (inverse * whole);
}

static void add(float *to, vec first, vec second) {
    store(to, load(to) + first);
    store(to + LANES, load(to + LANES) + second);
}

/* The pairs of target rows [first, last) with keys [from, to), one chunk of features. */
static void backward_tile(const job *todo, const stages *at, int64_t batch, int64_t feature, int64_t first,
                          int64_t last, int64_t from, int64_t to, double *grad_vector) {
    const int64_t left = todo->hidden - feature;
    memset(at->tile_keys, 0, sizeof(float) * CHUNK * (to - from));
    for (int64_t i = first; i < last; i++) {
        const float *grad = todo->grad + (batch * todo->target + i) * todo->source;
        vec tanhs[2] = {{0}, {0}}, sum[2] = {{0}, {0}}, slope[2];
        for (int64_t j = from; j < to; j++) {
            const vec g = broadcast(grad[j]);
            if (__builtin_expect(at->query_in_limit[i] & at->key_in_limit[j], 1)) {
                slopes_by_products(at, i, j, g, tanhs, slope);
            } else {
                vec q[2], k[2];
                load_chunk(todo->query + (batch * todo->target + i) * todo->hidden + feature, left, &q[0], &q[1]);
                load_chunk(todo->keys + (batch * todo->source + j) * todo->hidden + feature, left, &k[0], &k[1]);
                for (int half = 0; half < 2; half++) slopes_pair(q[half], k[half], g, &tanhs[half], &slope[half]);
            }
            sum[0] += slope[0];
            sum[1] += slope[1];
            add(at->tile_keys + (j - from) * CHUNK, slope[0], slope[1]);
        }
        add(at->grad_query + i * CHUNK, sum[0], sum[1]);
        for (int lane = 0; lane < CHUNK; lane++) grad_vector[lane] += tanhs[lane / LANES][lane % LANES];
    }
    for (int64_t j = from; j < to; j++) {
        const float *tile = at->tile_keys + (j - from) * CHUNK;
        add(at->grad_keys + j * CHUNK, load(tile), load(tile + LANES));
    }
}

/* Write the sums of one row and chunk, times their common factor. */
static inline void finish(const job *todo, int64_t feature, vec first, vec second, float *to) {
    const vec v0 = load(todo->vector + feature), v1 = load(todo->vector + feature + LANES);
    store_chunk(to, todo->hidden - feature, v0 * broadcast(4.0f) * first, v1 * broadcast(4.0f) * second);
}

/* Lay out the stages of one chunk in memory. Returns the bytes that they take; with NULL it does only that. */
static size_t place(stages *at, char *memory, size_t target, size_t source) {
    float *next = (float *)memory;
    float **parts[] = {&at->whole_query, &at->rest_query, &at->grad_query, &at->whole_key,
                       &at->rest_key,    &at->grad_keys,  &at->tile_keys};
    const size_t rows[] = {target, target, target, source, source, source, GRAD_TILE};
    size_t floats = 0;
    for (int part = 0; part < 7; part++) {
        if (memory) *parts[part] = next + floats;
        floats += CHUNK * rows[part];
    }
    at->query_in_limit = memory + sizeof(float) * floats;
    at->key_in_limit = at->query_in_limit + target;
    return (sizeof(float) * floats + target + source + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Some chunks of features of one row of the batch. No other item writes their gradients. */
static void backward_item(const job *todo, int64_t item, const stages *at) {
    const int64_t chunks = todo->width / CHUNK, spans = (chunks + todo->span - 1) / todo->span;
    const int64_t batch = item / spans, first = item % spans * todo->span, count = smaller(todo->span, chunks - first);
    const int64_t hidden = todo->hidden, target = todo->target, source = todo->source;
    const int64_t begin = first * CHUNK, query = batch * target * hidden + begin, keys = batch * source * hidden + begin;
    double *grad_vector = todo->grad_vector + batch * todo->width + begin;
    memset(grad_vector, 0, sizeof(double) * CHUNK * count);

    for (int64_t i = 0; i < target; i++)
        for (int64_t c = 0; c < count; c++)
            at[c].query_in_limit[i] = stage(todo->query + query + i * hidden + c * CHUNK, hidden - begin - c * CHUNK,
                                        at[c].whole_query + i * CHUNK, at[c].rest_query + i * CHUNK);
    for (int64_t j = 0; j < source; j++)
        for (int64_t c = 0; c < count; c++)
            at[c].key_in_limit[j] = stage(todo->keys + keys + j * hidden + c * CHUNK, hidden - begin - c * CHUNK,
                                      at[c].whole_key + j * CHUNK, at[c].rest_key + j * CHUNK);
    for (int64_t c = 0; c < count; c++) {
        memset(at[c].grad_query, 0, sizeof(float) * CHUNK * target);
        memset(at[c].grad_keys, 0, sizeof(float) * CHUNK * source);
        for (int64_t j = 0; j < source; j += GRAD_TILE)
            for (int64_t i = 0; i < target; i += GRAD_TILE)
                backward_tile(todo, &at[c], batch, begin + c * CHUNK, i, smaller(i + GRAD_TILE, target), j,
                              smaller(j + GRAD_TILE, source), grad_vector + c * CHUNK);
    }
    for (int64_t i = 0; i < target; i++)
        for (int64_t c = 0; c < count; c++)
            finish(todo, begin + c * CHUNK, load(at[c].grad_query + i * CHUNK),
                   load(at[c].grad_query + i * CHUNK + LANES), todo->grad_query + query + i * hidden + c * CHUNK);
    for (int64_t j = 0; j < source; j++)
        for (int64_t c = 0; c < count; c++)
            finish(todo, begin + c * CHUNK, load(at[c].grad_keys + j * CHUNK),
                   load(at[c].grad_keys + j * CHUNK + LANES), todo->grad_keys + keys + j * hidden + c * CHUNK);
}

/* The same for a single target row. `sums` has three numbers for each feature of the chunks. */
static void backward_step(const job *todo, int64_t item, float *sums) {
    const int64_t chunks = todo->width / CHUNK, spans = (chunks + todo->span - 1) / todo->span;
    const int64_t batch = item / spans, first = item % spans * todo->span, hidden = todo->hidden;
    const int64_t begin = first * CHUNK, features = smaller(todo->span, chunks - first) * CHUNK;
    const float *query = todo->query + batch * hidden;
    double *grad_vector = todo->grad_vector + batch * todo->width + begin;
    float *tile = sums + features, *tanhs = tile + features;
    memset(grad_vector, 0, sizeof(double) * features);
    memset(sums, 0, sizeof(float) * features);
    for (int64_t from = 0; from < todo->source; from += GRAD_TILE) {
        memset(tile, 0, 2 * sizeof(float) * features);
        for (int64_t j = from; j < smaller(from + GRAD_TILE, todo->source); j++) {
            const float *keys = todo->keys + (batch * todo->source + j) * hidden;
            float *grad_keys = todo->grad_keys + (batch * todo->source + j) * hidden;
            const vec g = broadcast(todo->grad[batch * todo->source + j]);
            for (int64_t at = 0; at < features; at += CHUNK) {
                const int64_t h = begin + at;
                vec q[2], k[2], slope[2], sum[2] = {load(tanhs + at), load(tanhs + at + LANES)};
                load_chunk(query + h, hidden - h, &q[0], &q[1]);
                load_chunk(keys + h, hidden - h, &k[0], &k[1]);
                for (int half = 0; half < 2; half++) slopes_pair(q[half], k[half], g, &sum[half], &slope[half]);
                store(tanhs + at, sum[0]);
                store(tanhs + at + LANES, sum[1]);
                add(tile + at, slope[0], slope[1]);
                finish(todo, h, slope[0], slope[1], grad_keys + h);
            }
        }
        for (int64_t at = 0; at < features; at++) {
            sums[at] += tile[at];
            grad_vector[at] += tanhs[at];
        }
    }
    float *grad_query = todo->grad_query + batch * hidden + begin;
    for (int64_t at = 0; at < features; at += CHUNK)
        finish(todo, begin + at, load(sums + at), load(sums + at + LANES), grad_query + at);
}

static void backward_steps(job *todo) {
    float *sums = reserve(todo, 3 * sizeof(float) * CHUNK * todo->span);
    if (!sums) return;
    for (int64_t item = take(&todo->next); item < todo->items; item = take(&todo->next)) backward_step(todo, item, sums);
    free(sums);
}

void NAME(additive_backward)(void *given) {
    job *todo = given;
    if (todo->target == 1) {
        backward_steps(todo);
        return;
    }
    stages none, *at = reserve(todo, sizeof(stages) * todo->span);
    const size_t bytes = place(&none, NULL, todo->target, todo->source);
    char *memory = reserve(todo, bytes * todo->span);
    if (at && memory) {
        for (int64_t c = 0; c < todo->span; c++) place(&at[c], memory + c * bytes, todo->target, todo->source);
        for (int64_t item = take(&todo->next); item < todo->items; item = take(&todo->next)) backward_item(todo, item, at);
    }
    free(memory);
    free(at);
}

#ifndef __AVX2__ /* once, with the plain variant */

#include "threads.h"

/* The vector padded with zeros to whole chunks, and values that follow from the sizes. NULL if there is no memory. */
static float *complete(job *todo) {
    todo->width = (todo->hidden + CHUNK - 1) / CHUNK * CHUNK;
    float *vector = calloc(todo->width ? todo->width : 1, sizeof(float));
    if (!vector) return NULL;
    todo->in_limit = 1;
    for (int64_t h = 0; h < todo->hidden; h++) {
        vector[h] = todo->vector[h];
        todo->in_limit &= fabsf(vector[h]) <= LARGEST;
    }
    todo->vector = vector;
    return vector;
}

/* All arrays are contiguous: query (batch, target, hidden), keys (batch, source, hidden), vector (hidden), scores and
   grad (batch, target, source). `fast`: the newest variant that may be used. `together` may be NULL: then the call
   starts its own threads. Both return 0, or 1 if there is no memory. */
EXPORT int regard_additive_forward(const float *query, const float *keys, const float *vector, float *scores,
                                   int64_t batch, int64_t target, int64_t source, int64_t hidden, int fast, int threads,
                                   team together) {
    job todo = {.query = query, .keys = keys, .vector = vector, .scores = scores, .batch = batch, .target = target,
                .source = source, .hidden = hidden};
    float *padded = complete(&todo);
    if (!padded) return 1;
    const int64_t cost = batch * (target * source + 4 * (target + source)) * hidden;
    todo.tile = smaller(source, TILE_BYTES / (2 * sizeof(float) * (todo.width ? todo.width : 1)));
    if (todo.tile < 4) todo.tile = 4;
    const int64_t tiles = (source + todo.tile - 1) / todo.tile;
    /* If the batch has few rows, threads share the target rows too, in pieces large enough to pay for the keys. */
    todo.rows = batch * tiles >= 4 * threads ? target : smaller(target, 64);
    if (todo.rows < 1) todo.rows = 1;
    todo.items = batch * tiles * ((target + todo.rows - 1) / todo.rows);
    run(PICK(additive_forward, fast), &todo, smaller(todo.items, 1 + cost / THREAD_MIN_WORK), threads, together);
    free(padded);
    return todo.failed;
}

EXPORT int regard_additive_backward(const float *query, const float *keys, const float *vector, const float *grad,
                                    float *grad_query, float *grad_keys, float *grad_vector, int64_t batch,
                                    int64_t target, int64_t source, int64_t hidden, int fast, int threads,
                                    team together) {
    job todo = {.query = query, .keys = keys, .vector = vector, .grad = grad, .grad_query = grad_query,
                .grad_keys = grad_keys, .batch = batch, .target = target, .source = source, .hidden = hidden};
    float *padded = complete(&todo);
    const int64_t cost = batch * (target * source + 4 * (target + source)) * hidden;
    todo.grad_vector = calloc((batch + 1) * todo.width + 1, sizeof(double));
    const int64_t chunks = todo.width / CHUNK, bytes = 3 * sizeof(float) * CHUNK * (target + source + GRAD_TILE);
    todo.span = target == 1 ? chunks : smaller(chunks, 1 + TILE_BYTES / bytes);
    if (batch < 4 * threads) todo.span = smaller(todo.span, (batch * chunks + 4 * threads - 1) / (4 * threads));
    todo.items = todo.span ? batch * ((chunks + todo.span - 1) / todo.span) : 0;
    if (!padded || !todo.grad_vector) todo.failed = 1;
    else run(PICK(additive_backward, fast), &todo, smaller(todo.items, 1 + cost / THREAD_MIN_WORK), threads, together);
    if (!todo.failed) {
        double *sums = todo.grad_vector; /* added up in the first row */
        for (int64_t b = 1; b < batch; b++)
            for (int64_t h = 0; h < hidden; h++) sums[h] += sums[b * todo.width + h];
        for (int64_t h = 0; h < hidden; h++) grad_vector[h] = (float)sums[h];
    }
    free(todo.grad_vector);
    free(padded);
    return todo.failed;
}

#endif
