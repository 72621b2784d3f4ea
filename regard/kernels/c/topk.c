/* The best tokens of an output layer, and the logarithm of the sum of its exponentials, without its logits.

   Threads share the columns in tiles. The logits of a tile are used while they are in the cache, and never stored.
   Each thread keeps the best tokens of its tiles; the sums of the tiles are added in order. So the result of a row
   depends neither on the other rows nor on the number of threads.

   The plain variant also has the functions that Python calls; they choose a variant, see threads.h. */

#include "vocab_tiles.h"

/* An output layer. Tokens below `first`, and the token `barred`, count in the sum but are never among the best. */
typedef struct {
    const float *panels, *bias;
    int64_t depth, columns, first, barred; /* barred: -1 for none */
} topk_layer;

typedef struct {
    const topk_layer *of;
    const float *features;
    int64_t rows, width;
    float *most, *sums;                           /* (tiles, rows): the largest logit, Σ exp(logit − largest) */
    float *values;                                /* (threads, rows, width): the best logits of each thread ... */
    int64_t *tokens;                              /* ... and their tokens */
    int64_t next, joined;
} job;

work VARIANTS(topk_tiles);

/* Insert a logit into the best so far, after its equals. */
static void insert(float *values, int64_t *tokens, int64_t width, float value, int64_t token) {
    int64_t place = width - 1;
    for (; place > 0 && value > values[place - 1]; place--) {
        values[place] = values[place - 1];
        tokens[place] = tokens[place - 1];
    }
    values[place] = value;
    tokens[place] = token;
}

static void collect(const job *todo, const float *logits, int64_t from, int64_t count, float *values, int64_t *tokens) {
    const int64_t width = todo->width;
    for (int64_t j = 0; j < count; j += LANES) {
        if (!any(load(logits + j) > broadcast(values[width - 1]))) continue;
        for (int64_t lane = j; lane < j + LANES; lane++)
            if (from + lane >= todo->of->first && from + lane != todo->of->barred && logits[lane] > values[width - 1])
                insert(values, tokens, width, logits[lane], from + lane);
    }
}

void NAME(topk_tiles)(void *given) {
    job *todo = given;
    const int64_t rows = todo->rows, width = todo->width, columns = todo->of->columns, depth = todo->of->depth;
    const int64_t thread = take(&todo->joined);
    float logits[TILE_ROWS * TILE_PANELS * PANEL] __attribute__((aligned(ALIGNMENT)));
    float *values = todo->values + thread * rows * width;
    int64_t *tokens = todo->tokens + thread * rows * width;
    for (int64_t i = 0; i < rows * width; i++) values[i] = -INFINITY, tokens[i] = todo->of->first;
    for (int64_t tile; (tile = take(&todo->next)) < tiles(columns);) {
        const int64_t from = tile * TILE_PANELS * PANEL, count = smaller(TILE_PANELS * PANEL, columns - from);
        const int64_t padded = (count + LANES - 1) / LANES * LANES;
        for (int64_t row = 0; row < rows; row += TILE_ROWS) {
            const int64_t here = smaller(TILE_ROWS, rows - row);
            const destination out = {.bias = todo->of->bias + from, .to = logits, .stride = TILE_PANELS * PANEL};
            multiply(todo->features + row * depth, here, depth, todo->of->panels + from * depth, 0, panels(count), count,
                     &out);
            for (int64_t r = 0; r < here; r++) {
                float *own = logits + r * TILE_PANELS * PANEL;
                for (int64_t j = count; j < padded; j++) own[j] = -INFINITY;
                const float most = todo->most[tile * rows + row + r] = largest(own, padded);
                collect(todo, own, from, count, values + (row + r) * width, tokens + (row + r) * width);
                todo->sums[tile * rows + row + r] = exponentials(own, padded, most > -INFINITY ? most : 0.0f);
            }
        }
    }
}

#ifndef __AVX2__ /* once, with the plain variant */

#include "threads.h"

const layout topk_layout[] = {
    WHOLE(topk_layer), FIELD(topk_layer, panels), FIELD(topk_layer, bias), FIELD(topk_layer, depth),
    FIELD(topk_layer, columns), FIELD(topk_layer, first), FIELD(topk_layer, barred), LAYOUT_ENDS};

/* For every row: the `width` best tokens from `first` on, best first, the lower first among equals, and their
   log-probabilities; NaN if the logits of the row are no distribution. Can run out of memory. */
EXPORT int regard_topk(const topk_layer *of, const float *features, int64_t rows, int64_t width, float *log_probs,
                       int64_t *best, int fast, int threads, team together) {
    const int64_t count = tiles(of->columns), most = smaller(count, 1 + rows * of->depth * of->columns / THREAD_MIN_WORK);
    threads = (int)smaller(smaller(threads, most), MAX_THREADS);
    job todo = {.of = of, .features = features, .rows = rows, .width = width};
    todo.tokens = malloc((sizeof(int64_t) + sizeof(float)) * threads * rows * width + sizeof(float) * 2 * count * rows);
    if (!todo.tokens) return OUT_OF_MEMORY;
    todo.values = (float *)(todo.tokens + threads * rows * width);
    todo.most = todo.values + threads * rows * width;
    todo.sums = todo.most + count * rows;
    run(PICK(topk_tiles, fast), &todo, most, threads, together);
    for (int64_t row = 0; row < rows; row++) {
        double whole = normalizer(todo.most + row, todo.sums + row, count, rows);
        int64_t place[MAX_THREADS] = {0};
        for (int64_t rank = 0; rank < width; rank++) {
            int64_t from = 0;
            for (int64_t thread = 1; thread < todo.joined; thread++) {
                const int64_t own = (thread * rows + row) * width + place[thread];
                const int64_t other = (from * rows + row) * width + place[from];
                const float value = todo.values[own], than = todo.values[other];
                if (value > than || (value == than && todo.tokens[own] < todo.tokens[other])) from = thread;
            }
            const int64_t chosen = (from * rows + row) * width + place[from]++;
            if (rank == 0 && todo.values[chosen] == -INFINITY) whole = NAN; /* no token is possible */
            log_probs[row * width + rank] = (float)(todo.values[chosen] - whole);
            best[row * width + rank] = todo.tokens[chosen];
        }
    }
    free(todo.tokens);
    return DONE;
}

#endif
