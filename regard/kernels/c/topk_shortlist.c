/* The best tokens of an output layer for rows that may use only some tokens: a list per row, and the common tokens.

   The weights of the common tokens are in panels, and multiplied for many rows at once. Those of a list are read from the
   layer, token by token, for all rows of one sentence. Threads share the rows. The result of a row depends only on its
   own list: not on other rows or on the number of threads.

   The plain variant also has the functions that Python calls; they choose a variant, see threads.h. */

#include "vocab_tiles.h"

#define MIN_ITEM_ROWS 16 /* rows that a thread takes, if there are as many ... */
#define MAX_ITEM_ROWS 64  /* ... and at most */
#ifdef __AVX512F__
#define DOT_WORDS 4 /* tokens of a list that are read together, two side by side in a vector ... */
#else
#define DOT_WORDS 2
#endif
#define DOT_ROWS 6   /* ... for so many rows, whose sums stay in registers */
#define AHEAD 4 /* prefetch distance in tokens: their weights are anywhere in memory */

/* A layer, and the tokens that rows may use. */
typedef struct {
    const float *weight, *bias;        /* (vocabulary, depth) */
    const float *panels, *common_bias; /* of the common tokens */
    const int64_t *common, *starts, *tokens, *lists; /* the list of row r is tokens[starts[lists[r]]] and on */
    int64_t depth, commons, longest, first, barred; /* entries of the longest list; tokens below `first`, and the one
                                                       that is `barred` (-1 for none), are never the best */
    int64_t list_count;
} shortlist_layer;

typedef struct {
    const shortlist_layer *of;
    const float *features;
    int64_t rows, stride, width, threads;
    float *logits; /* (threads, rows of an item, stride) */
    float *log_probs;
    int64_t *best, next, joined;
} job;

work VARIANTS(topk_shortlist);

static inline int64_t whole(int64_t count) { return panels(count) * PANEL; }

#ifdef __AVX512F__
/* Logits of `count` rows for DOT_WORDS tokens, each in its own eight lanes. `count` is a constant after inlining. */
static inline __attribute__((always_inline)) void dots(int count, const float *from, int64_t depth,
                                                       const float *const *words, const float *const *next,
                                                       float to[DOT_ROWS][DOT_WORDS]) {
    union { __m512 both; eight each[2]; } sums[DOT_ROWS][DOT_WORDS / 2];
#pragma GCC unroll 6
    for (int r = 0; r < count; r++) sums[r][0].both = sums[r][1].both = _mm512_setzero_ps();
    for (int64_t k = 0; k < depth; k += SUMS) {
        __m512 pairs[DOT_WORDS / 2];
#pragma GCC unroll 2
        for (int w = 0; w < DOT_WORDS; w += 2) {
            const __m512 first = _mm512_castps256_ps512((__m256)get_eight(words[w] + k, depth - k));
            pairs[w / 2] = _mm512_insertf32x8(first, (__m256)get_eight(words[w + 1] + k, depth - k), 1);
            __builtin_prefetch(next[w] + k);
            __builtin_prefetch(next[w + 1] + k);
        }
#pragma GCC unroll 6
        for (int r = 0; r < count; r++) {
            const __m512 features = _mm512_broadcast_f32x8((__m256)get_eight(from + r * depth + k, depth - k));
            sums[r][0].both = _mm512_fmadd_ps(features, pairs[0], sums[r][0].both);
            sums[r][1].both = _mm512_fmadd_ps(features, pairs[1], sums[r][1].both);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < count; r++)
        for (int w = 0; w < DOT_WORDS; w++) to[r][w] = sum_lanes(sums[r][w / 2].each[w % 2]);
}
#else
/* Logits of `count` rows for DOT_WORDS tokens. `count` is a constant after inlining. */
static inline __attribute__((always_inline)) void dots(int count, const float *from, int64_t depth,
                                                       const float *const *words, const float *const *next,
                                                       float to[DOT_ROWS][DOT_WORDS]) {
    eight sums[DOT_ROWS][DOT_WORDS];
#pragma GCC unroll 6
    for (int r = 0; r < count; r++) sums[r][0] = sums[r][1] = (eight){0};
    for (int64_t k = 0; k < depth; k += SUMS) {
        const eight first = get_eight(words[0] + k, depth - k), second = get_eight(words[1] + k, depth - k);
        __builtin_prefetch(next[0] + k);
        __builtin_prefetch(next[1] + k);
#pragma GCC unroll 6
        for (int r = 0; r < count; r++) {
            const eight features = get_eight(from + r * depth + k, depth - k);
            sums[r][0] = muladd_eight(features, first, sums[r][0]);
            sums[r][1] = muladd_eight(features, second, sums[r][1]);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < count; r++)
        for (int w = 0; w < DOT_WORDS; w++) to[r][w] = sum_lanes(sums[r][w]);
}
#endif

/* Logits of `rows` rows from `row` on for the tokens of their list. */
static void read_list(const job *todo, int64_t row, int64_t rows, const int64_t *tokens, int64_t count, float *to) {
    const int64_t depth = todo->of->depth, blocks = (rows + DOT_ROWS - 1) / DOT_ROWS;
    for (int64_t at = 0; at < count; at += DOT_WORDS) {
        const int64_t here = smaller(DOT_WORDS, count - at);
        const float *words[DOT_WORDS], *next[DOT_WORDS];
        for (int64_t w = 0; w < DOT_WORDS; w++) {
            words[w] = todo->of->weight + tokens[smaller(at + w, count - 1)] * depth;
            next[w] = todo->of->weight + tokens[smaller(at + w + AHEAD, count - 1)] * depth;
        }
        for (int64_t b = 0, r = 0, few; b < blocks; b++, r += few) {
            const float *from = todo->features + (row + r) * depth;
            float found[DOT_ROWS][DOT_WORDS];
            few = (rows - r + blocks - b - 1) / (blocks - b);
            switch (few) {
            case 1: dots(1, from, depth, words, next, found); break;
            case 2: dots(2, from, depth, words, next, found); break;
            case 3: dots(3, from, depth, words, next, found); break;
            case 4: dots(4, from, depth, words, next, found); break;
            case 5: dots(5, from, depth, words, next, found); break;
            default: dots(6, from, depth, words, next, found);
            }
            for (int64_t q = 0; q < few; q++)
                for (int64_t w = 0; w < here; w++)
                    to[(r + q) * todo->stride + at + w] = found[q][w] + todo->of->bias[tokens[at + w]];
        }
    }
}

/* Insert logits (padded to whole vectors) into the best so far; among equals the lower token is first. */
static void collect(const job *todo, const float *logits, const int64_t *names, int64_t count, float *values,
                    int64_t *tokens) {
    const int64_t last = todo->width - 1;
    for (int64_t from = 0; from < count; from += LANES) {
        if (!any(load(logits + from) >= broadcast(values[last]))) continue;
        for (int64_t j = from; j < smaller(from + LANES, count); j++) {
            const float value = logits[j];
            if (!(value >= values[last]) || names[j] < todo->of->first || names[j] == todo->of->barred) continue;
            int64_t place = last + 1;
            while (place > 0 &&
                   (value > values[place - 1] || (value == values[place - 1] && names[j] < tokens[place - 1])))
                place--;
            for (int64_t p = last; p > place; p--) values[p] = values[p - 1], tokens[p] = tokens[p - 1];
            if (place <= last) values[place] = value, tokens[place] = names[j];
        }
    }
}

static void pad(float *logits, int64_t count) {
    for (int64_t j = count; j < whole(count); j++) logits[j] = -INFINITY;
}

/* The best of one row and their log-probabilities, from all its logits. */
static void finish(const job *todo, int64_t row, float *logits, const int64_t *tokens, int64_t count) {
    const int64_t own = whole(todo->of->commons), size = own + whole(count), width = todo->width;
    float *values = todo->log_probs + row * width;
    int64_t *best = todo->best + row * width;
    for (int64_t rank = 0; rank < width; rank++) values[rank] = -INFINITY, best[rank] = todo->of->first;
    pad(logits, todo->of->commons);
    pad(logits + own, count);
    collect(todo, logits, todo->of->common, todo->of->commons, values, best);
    collect(todo, logits + own, tokens, count, values, best);
    const float most = largest(logits, size);
    const double sum = exponentials(logits, size, most > -INFINITY ? most : 0.0f);
    const double normalizer = values[0] > -INFINITY ? most + log(sum) : NAN; /* NaN where no token is possible */
    for (int64_t rank = 0; rank < width; rank++) values[rank] = (float)(values[rank] - normalizer);
}

/* The end of an item that begins at `from`: the end of a list, unless the item would be short. The last items are smaller,
   so that no thread waits long for another. */
static int64_t reach(const job *todo, int64_t from) {
    const int64_t *lists = todo->of->lists, share = (todo->rows - from) / (2 * todo->threads);
    const int64_t item = smaller(share > MIN_ITEM_ROWS ? share : MIN_ITEM_ROWS, MAX_ITEM_ROWS);
    const int64_t last = smaller(from + item, todo->rows), least = from + item / 2;
    int64_t end = last;
    while (end < todo->rows && end > least && lists[end] == lists[end - 1]) end--;
    return end > least || last == todo->rows ? end : last;
}

void NAME(topk_shortlist)(void *given) {
    job *todo = given;
    const int64_t depth = todo->of->depth, stride = todo->stride, own = whole(todo->of->commons);
    const int64_t thread = take(&todo->joined);
    float *logits = todo->logits + thread * smaller(todo->rows, MAX_ITEM_ROWS) * stride;
    for (int64_t from = __atomic_load_n(&todo->next, __ATOMIC_RELAXED), end; from < todo->rows; from = end) {
        end = reach(todo, from);
        if (!__atomic_compare_exchange_n(&todo->next, &from, end, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            end = from; /* another thread took it: continue from there */
            continue;
        }
        const destination out = {.bias = todo->of->common_bias, .to = logits, .stride = stride};
        multiply(todo->features + from * depth, end - from, depth, todo->of->panels, 0, panels(todo->of->commons),
                 todo->of->commons, &out);
        for (int64_t row = from, last; row < end; row = last) {
            const int64_t list = todo->of->lists[row], *tokens = todo->of->tokens + todo->of->starts[list];
            const int64_t count = todo->of->starts[list + 1] - todo->of->starts[list];
            for (last = row + 1; last < end && todo->of->lists[last] == list; last++) {}
            read_list(todo, row, last - row, tokens, count, logits + (row - from) * stride + own);
            for (int64_t r = row; r < last; r++) finish(todo, r, logits + (r - from) * stride, tokens, count);
        }
        end = __atomic_load_n(&todo->next, __ATOMIC_RELAXED);
    }
}

#ifndef __AVX2__ /* once, with the plain variant */

#include "threads.h"

const layout shortlist_layout[] = {
    WHOLE(shortlist_layer), FIELD(shortlist_layer, weight), FIELD(shortlist_layer, bias),
    FIELD(shortlist_layer, panels), FIELD(shortlist_layer, common_bias), FIELD(shortlist_layer, common),
    FIELD(shortlist_layer, starts), FIELD(shortlist_layer, tokens), FIELD(shortlist_layer, lists),
    FIELD(shortlist_layer, depth), FIELD(shortlist_layer, commons), FIELD(shortlist_layer, longest),
    FIELD(shortlist_layer, first), FIELD(shortlist_layer, barred), FIELD(shortlist_layer, list_count), LAYOUT_ENDS};

/* For every row: the `width` best tokens from `first` on, best first, the lower first among equals, and their
   log-probabilities among the tokens that the row may use; NaN if the row is no distribution, -inf if there are fewer
   tokens. OUT_OF_RANGE if a row names a list that does not exist. */
EXPORT int regard_topk_shortlist(const shortlist_layer *of, const float *features, int64_t rows, int64_t width,
                                 float *log_probs, int64_t *best, int fast, int threads, team together) {
    const int64_t items = (rows + MIN_ITEM_ROWS - 1) / MIN_ITEM_ROWS, stride = whole(of->commons) + whole(of->longest);
    threads = (int)smaller(smaller(threads, items), MAX_THREADS);
    job todo = {.of = of, .features = features, .rows = rows, .stride = stride, .width = width, .log_probs = log_probs,
                .best = best, .threads = threads > 0 ? threads : 1};
    for (int64_t row = 0; row < rows; row++)
        if (of->lists[row] < 0 || of->lists[row] >= of->list_count) return OUT_OF_RANGE;
    todo.logits = malloc(sizeof(float) * todo.threads * smaller(rows, MAX_ITEM_ROWS) * stride);
    if (!todo.logits) return OUT_OF_MEMORY;
    run(PICK(topk_shortlist, fast), &todo, items, threads, together);
    free(todo.logits);
    return DONE;
}

/* For each of at most MAX_ITEM_ROWS rows, the best token. Returns 1 if there is none, or no memory. */
EXPORT int regard_argmax_shortlist(const shortlist_layer *of, const float *features, int64_t rows, int64_t *best,
                                   int fast, int threads, team together) {
    float log_probs[MAX_ITEM_ROWS];
    if (rows > MAX_ITEM_ROWS) return OUT_OF_RANGE;
    const int failed = regard_topk_shortlist(of, features, rows, 1, log_probs, best, fast, threads, together);
    if (failed) return failed;
    for (int64_t row = 0; row < rows; row++)
        if (!(log_probs[row] > -INFINITY)) return 1;
    return 0;
}

#endif
