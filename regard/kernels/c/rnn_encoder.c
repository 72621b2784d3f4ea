/* One recurrent layer over a batch of texts in one call: each row over its own length, in one direction or both.

   Rows and directions know nothing of each other, so that each thread takes some rows in one direction through every
   step, without waiting for the others. The weights lie in panels already. What a row gives depends neither on the rest
   of the batch, nor on its padding, nor on the number of threads.

   The plain variant brings what chooses among the variants, see threads.h. */

#include "rnn_ops.h"

#define SHARE 24 /* rows that read the weights together, at most */

/* As `LayerRecord` in structs.py. */
typedef struct {
    int64_t kind, directions, batch, positions, size; /* GRU or LSTM; the second direction reads backwards */
    const float *panels, *bias;                       /* of the recurrent weights, one direction behind the other */
    const float *gates;                               /* (any, directions, width): what inputs add to the gates */
    const int64_t *places;                            /* (batch, positions): which row of `gates` */
    const int64_t *lengths, *order;                   /* real positions of each row; the rows, longest first */
    float *states;                                    /* (batch, positions, directions, size); zeros at padding */
    float *scratch;                                   /* (directions, batch, width + 2 · size) */
    int64_t inputs;                                   /* rows of `gates` */
} encoder_layer;

typedef struct {
    const encoder_layer *of;
    int64_t share, next;
} job;

work VARIANTS(rnn_encode);

static inline int64_t gates(const encoder_layer *of) { return (of->kind == GRU ? 3 : 4) * of->size; }

static inline const float *entered(const encoder_layer *of, int64_t direction, int64_t at) {
    return of->gates + (of->places[at] * of->directions + direction) * gates(of);
}

/* From the gates of one row to its next state, which takes the place of the one before. */
static inline void move(const encoder_layer *of, const float *from, float *moved, float *state, float *memory) {
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
static void pass(const encoder_layer *of, int64_t direction, int64_t first, int64_t rows) {
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

void NAME(rnn_encode)(void *given) {
    job *todo = given;
    const encoder_layer *of = todo->of;
    const int64_t shares = (of->batch + todo->share - 1) / todo->share;
    for (int64_t item; (item = take(&todo->next)) < shares * of->directions;) {
        const int64_t first = item / of->directions * todo->share;
        pass(of, item % of->directions, first, smaller(todo->share, of->batch - first));
    }
}

#ifndef __AVX2__ /* once, beside the variant that runs anywhere */

#include "threads.h"

const layout encoder_layout[] = {
    WHOLE(encoder_layer), FIELD(encoder_layer, kind), FIELD(encoder_layer, directions), FIELD(encoder_layer, batch),
    FIELD(encoder_layer, positions), FIELD(encoder_layer, size), FIELD(encoder_layer, panels),
    FIELD(encoder_layer, bias), FIELD(encoder_layer, gates), FIELD(encoder_layer, places),
    FIELD(encoder_layer, lengths), FIELD(encoder_layer, order), FIELD(encoder_layer, states),
    FIELD(encoder_layer, scratch), FIELD(encoder_layer, inputs), LAYOUT_ENDS};

/* Whether every row is as long as it may be, and reads what there is. */
static int reads_what_is(const encoder_layer *of) {
    for (int64_t b = 0; b < of->batch; b++) {
        if (of->lengths[b] < 0 || of->lengths[b] > of->positions) return 0;
        for (int64_t at = b * of->positions; at < b * of->positions + of->lengths[b]; at++)
            if (of->places[at] < 0 || of->places[at] >= of->inputs) return 0;
    }
    return 1;
}

/* `fast`: the newest variant that may be used. `together` may be NULL: then threads are made for the call. */
EXPORT int regard_rnn_encoder(const encoder_layer *of, int fast, int threads, team together) {
    const int64_t items = of->directions * of->batch, cost = items * of->positions * gates(of) * (of->size + 16);
    if (!reads_what_is(of)) return OUT_OF_RANGE;
    threads = (int)smaller(threads, 1 + cost / RNN_THREAD_MIN_WORK);
    job todo = {.of = of, .share = smaller(SHARE, 1 + items / threads)};
    run(PICK(rnn_encode, fast), &todo, items, threads, together);
    return DONE;
}

#endif
