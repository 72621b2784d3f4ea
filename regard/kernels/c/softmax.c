/* Softmax of an output layer, for a loss: the exponentials of a tile are computed while its logits are in the cache.

   First the threads share the columns in tiles: logits, their maximum, and sums of exponentials. Then they share the rows,
   and divide by the total. The result of a row depends neither on the other rows nor on the number of threads.

   The plain variant also has the functions that Python calls; they choose a variant, see threads.h. */

#include "vocab_tiles.h"

typedef struct {
    const float *features, *panels, *bias;
    const int64_t *targets;
    int64_t rows, depth, columns;
    float *probs, *whole, *right; /* (rows, columns); for each row: log of the sum, and the target's logit */
    float *most, *sums;           /* (tiles, rows) */
    int64_t next;
} job;

work VARIANTS(softmax_tiles), VARIANTS(softmax_rows);

/* Write the exponentials of one row of a tile. */
static void tile_exponentials(const job *todo, int64_t tile, int64_t row, int64_t from, int64_t count, float *logits) {
    const int64_t target = todo->targets[row] - from, at = tile * todo->rows + row, vectors = (count + LANES - 1) / LANES;
    if (target >= 0 && target < count) todo->right[row] = logits[target];
    for (int64_t j = count; j < vectors * LANES; j++) logits[j] = -INFINITY;
    const float most = todo->most[at] = largest(logits, vectors * LANES);
    todo->sums[at] = exponentials(logits, vectors * LANES, most > -INFINITY ? most : 0.0f);
    memcpy(todo->probs + row * todo->columns + from, logits, sizeof(float) * count);
}

void NAME(softmax_tiles)(void *given) {
    job *todo = given;
    const int64_t rows = todo->rows, columns = todo->columns, depth = todo->depth;
    float logits[TILE_ROWS * TILE_PANELS * PANEL] __attribute__((aligned(ALIGNMENT)));
    for (int64_t tile; (tile = take(&todo->next)) < tiles(columns);) {
        const int64_t from = tile * TILE_PANELS * PANEL, count = smaller(TILE_PANELS * PANEL, columns - from);
        const float *own = todo->panels + from * depth;
        const float *bias = todo->bias ? todo->bias + from : NULL;
        const destination out = {.bias = bias, .to = logits, .stride = TILE_PANELS * PANEL};
        for (int64_t row = 0; row < rows; row += TILE_ROWS) {
            const int64_t here = smaller(TILE_ROWS, rows - row);
            multiply(todo->features + row * depth, here, depth, own, 0, panels(count), count, &out);
            for (int64_t r = 0; r < here; r++)
                tile_exponentials(todo, tile, row + r, from, count, logits + r * TILE_PANELS * PANEL);
        }
    }
}

void NAME(softmax_rows)(void *given) {
    job *todo = given;
    const int64_t rows = todo->rows, columns = todo->columns;
    for (int64_t row; (row = take(&todo->next)) < rows;) {
        const double whole = normalizer(todo->most + row, todo->sums + row, tiles(columns), rows);
        todo->whole[row] = (float)whole;
        for (int64_t tile = 0; tile < tiles(columns); tile++) {
            const int64_t from = tile * TILE_PANELS * PANEL, count = smaller(TILE_PANELS * PANEL, columns - from);
            const vec factor = broadcast(expf((float)(todo->most[tile * rows + row] - whole)));
            float *own = todo->probs + row * columns + from;
            for (int64_t j = 0; j < count; j += LANES) put(own + j, count - j, get(own + j, count - j) * factor);
        }
    }
}

#ifndef __AVX2__ /* once, with the plain variant */

#include "threads.h"

/* probs = softmax(features · panels + bias), whole = logsumexp of the logits, right = logits of the targets.
   OUT_OF_RANGE if a target is no column. */
EXPORT int regard_softmax(const float *features, const float *laid, const float *bias, const int64_t *targets,
                          int64_t rows, int64_t depth, int64_t columns, float *probs, float *whole, float *right,
                          int fast, int threads, team together) {
    const int64_t count = tiles(columns), most = 1 + rows * depth * columns / THREAD_MIN_WORK;
    job todo = {.features = features, .panels = laid, .bias = bias, .targets = targets, .rows = rows, .depth = depth,
                .columns = columns, .probs = probs, .whole = whole, .right = right};
    for (int64_t row = 0; row < rows; row++)
        if (targets[row] < 0 || targets[row] >= columns) return OUT_OF_RANGE;
    todo.most = malloc(sizeof(float) * 2 * count * rows);
    if (!todo.most) return OUT_OF_MEMORY;
    todo.sums = todo.most + count * rows;
    run(PICK(softmax_tiles, fast), &todo, smaller(count, most), threads, together);
    todo.next = 0;
    run(PICK(softmax_rows, fast), &todo, smaller(rows, most), threads, together);
    free(todo.most);
    return DONE;
}

#endif
