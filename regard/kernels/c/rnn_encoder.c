/* One recurrent layer over a batch of texts in one call: each row over its own length, in one direction or both.

   Rows and directions know nothing of each other, so that each thread takes some rows in one direction through every
   step, without waiting for the others. The weights lie in panels already. What a row gives depends neither on the rest
   of the batch, nor on its padding, nor on the number of threads.

   The plain variant brings what chooses among the variants, see team.h. */

#include "operations.h"

#define SHARE 24 /* rows that read the weights together, at most */

/* As `LayerRecord` in reads.py. */
typedef struct {
    int64_t kind, directions, batch, positions, size; /* GRU or LSTM; the second direction reads backwards */
    const float *panels, *bias;                       /* of the recurrent weights, one direction behind the other */
    const float *gates;                               /* (any, directions, width): what inputs add to the gates */
    const int64_t *places;                            /* (batch, positions): which row of `gates` */
    const int64_t *lengths, *order;                   /* real positions of each row; the rows, longest first */
    float *states;                                    /* (batch, positions, directions, size); zeros at padding */
    float *scratch;                                   /* (directions, batch, width + 2 · size) */
} layer;

typedef struct {
    const layer *of;
    int64_t share, next;
} job;

work VARIANTS(read);

static inline int64_t gates(const layer *of) { return (of->kind == GRU ? 3 : 4) * of->size; }

static inline const float *entered(const layer *of, int64_t direction, int64_t at) {
    return of->gates + (of->places[at] * of->directions + direction) * gates(of);
}

/* From the gates of one row to its next state, which takes the place of the one before. */
static inline void move(const layer *of, const float *from, float *moved, float *state, float *memory) {
    operation at = {.into = {.data = state, .width = of->size}};
    if (of->kind == GRU) {
        at.source.data = (float *)from, at.other.data = moved, at.before.data = state;
        gru(&at, 0);
    } else {
        at.source.data = moved, at.other.data = at.before.data = memory;
        lstm(&at, 0);
    }
}

/* The rows `order[first]`, `order[first + 1]`, … in one direction. */
static void pass(const layer *of, int64_t direction, int64_t first, int64_t rows) {
    const int64_t size = of->size, width = gates(of), count = of->positions, *order = of->order + first;
    const size_t bytes = sizeof(float) * size;
    float *moved = of->scratch + (direction * of->batch + first) * (width + 2 * size);
    float *state = moved + rows * width, *memory = state + rows * size;
    operation project = {.source = {.data = state}, /* no width yet: the first state is zero, and so is its product */
                         .into = {.data = moved, .width = width},
                         .other = {.data = of->kind == LSTM ? moved : NULL},
                         .bias = of->bias + direction * width,
                         .panels = (float *)of->panels + direction * panels(width) * PANEL * size};
    memset(state, 0, 2 * rows * bytes);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t t = of->lengths[order[r]]; t < count; t++)
            memset(of->states + ((order[r] * count + t) * of->directions + direction) * size, 0, bytes);
    for (int64_t t = 0; t < count; t++) {
        while (rows && of->lengths[order[rows - 1]] <= t) rows--;
        int64_t at[SHARE]; /* where each row reads */
        for (int64_t r = 0; r < rows; r++) {
            at[r] = order[r] * count + (direction ? of->lengths[order[r]] - 1 - t : t);
            if (of->kind == LSTM) memcpy(moved + r * width, entered(of, direction, at[r]), sizeof(float) * width);
        }
        linear(&project, 0, rows, 0, panels(width));
        project.source.width = size;
        for (int64_t r = 0; r < rows; r++) {
            move(of, entered(of, direction, at[r]), moved + r * width, state + r * size, memory + r * size);
            memcpy(of->states + (at[r] * of->directions + direction) * size, state + r * size, bytes);
        }
    }
}

void NAME(read)(void *given) {
    job *todo = given;
    const layer *of = todo->of;
    const int64_t shares = (of->batch + todo->share - 1) / todo->share;
    for (int64_t item; (item = __atomic_fetch_add(&todo->next, 1, __ATOMIC_RELAXED)) < shares * of->directions;) {
        const int64_t first = item / of->directions * todo->share;
        pass(of, item % of->directions, first, smaller(todo->share, of->batch - first));
    }
}

#ifndef __AVX2__ /* once, beside the variant that runs anywhere */

#include "../attention/kernels/team.h"

#define SMALL (1 << 18) /* multiply-adds that one thread finishes before another would have begun */

uint32_t regard_source(void) { return SOURCE; }
int regard_variant(void) { return newest(); }

/* `fast`: the newest variant that may be used. `together` may be NULL: then threads are made for the call. */
void regard_read(const layer *of, int fast, int threads, team together) {
    const int64_t items = of->directions * of->batch, cost = items * of->positions * gates(of) * (of->size + 16);
    threads = (int)smaller(threads, 1 + cost / SMALL);
    job todo = {.of = of, .share = smaller(SHARE, 1 + items / threads)};
    run(PICK(read, fast), &todo, items, threads, together);
}

#endif
