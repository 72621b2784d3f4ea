/* One step of a program for some rows, in one call: what a search asks for between two choices; or several, where the
   best token is all that is chosen.

   The weights lie in panels already. Threads share an operation, products by panels, anything else by rows, and begin
   the next when all of it is done. What a row gives depends neither on the other rows nor on the number of threads.

   The plain variant brings what chooses among the variants, see threads.h. */

#include "additive_step.h"

#include <sched.h>

#define PANELS_TAKEN 4 /* panels of a product that a thread takes */
#define ROWS_TAKEN 16 /* rows that it takes of what knows no neighbours */
#define PATIENCE 2000

/* How much of an operation is taken, and how much of it is done, in panels or rows. */
typedef struct {
    int64_t taken, done;
} progress;

typedef struct {
    const operation *program;
    progress *state;
    int64_t count, threads;
} job;

typedef void keys_work(const float *, int64_t, int64_t, float *);

work VARIANTS(step_operations);
keys_work VARIANTS(exp_keys);

void NAME(exp_keys)(const float *keys, int64_t rows, int64_t width, float *into) {
    exp2x_rows(keys, rows, width, into);
}

static inline int64_t whole(const operation *at) { return at->kind == LINEAR ? panels(at->into.width) : at->count; }

/* Where a part ends that begins there: with the source, if that is attended to. */
static int64_t reach(const operation *at, int64_t from, int64_t threads) {
    if (at->kind == LINEAR) /* the last parts are smaller, so that nobody waits long for the last of all */
        return from + smaller(PANELS_TAKEN, 1 + (panels(at->into.width) - from - 1) / (2 * threads));
    if (at->kind != ATTEND) return smaller(from + ROWS_TAKEN, at->count);
    const int64_t share = threads > 1 ? 1 + (at->count - 1) / (2 * threads) : SHARED_ROWS; /* so that each gets something */
    const int64_t last = smaller(from + smaller(share, SHARED_ROWS), at->count);
    int64_t end = from + 1;
    while (end < last && at->sources[end] == at->sources[from]) end++;
    return end;
}

static void act(const operation *at, int64_t from, int64_t end) {
    if (at->kind == LINEAR) {
        linear(at, 0, at->count, from, end);
        return;
    }
    if (at->kind == ATTEND) {
        attend(at, from, end - from, at->sources[from]);
        return;
    }
    for (int64_t row = from; row < end; row++) {
        switch (at->kind) {
        case GRU: gru(at, row); break;
        case LSTM: lstm(at, row); break;
        default: tanh_forward(at, row);
        }
    }
}

void NAME(step_operations)(void *given) {
    job *todo = given;
    for (int64_t op = 0; op < todo->count; op++) {
        const operation *at = todo->program + op;
        progress *state = todo->state + op;
        const int64_t count = whole(at);
        int64_t from = __atomic_load_n(&state->taken, __ATOMIC_RELAXED);
        while (from < count) {
            const int64_t end = reach(at, from, todo->threads);
            if (!__atomic_compare_exchange_n(&state->taken, &from, end, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) continue;
            act(at, from, end);
            __atomic_fetch_add(&state->done, end - from, __ATOMIC_RELEASE);
            from = __atomic_load_n(&state->taken, __ATOMIC_RELAXED);
        }
        /* Whoever took the rest is at work; where it lost its processor, it gets this one. */
        for (int waited = 0; __atomic_load_n(&state->done, __ATOMIC_ACQUIRE) < count; waited++)
            if (waited > PATIENCE) sched_yield();
    }
}

#ifndef __AVX2__ /* once, beside the variant that runs anywhere */

#include "threads.h"

#define MAX_OPERATIONS 64         /* operations */

/* What steps read of so many keys. */
EXPORT int regard_exp_keys(const float *keys, int64_t rows, int64_t width, float *into, int fast, int threads,
                             team together) {
    (void)threads, (void)together; /* it is soon done */
    PICK(exp_keys, fast)(keys, rows, width, into);
    return DONE;
}

static int below(const int64_t *numbers, int64_t count, int64_t limit) {
    for (int64_t at = 0; at < count; at++)
        if (numbers[at] < 0 || numbers[at] >= limit) return 0;
    return 1;
}

/* Whether every row that an operation picks is one that there is. */
static int picks_what_is(const operation *at) {
    const array *each[] = {&at->source, &at->other, &at->before, &at->added};
    for (int number = 0; number < 4; number++)
        if (each[number]->rows && !below(each[number]->rows, at->count, each[number]->height)) return 0;
    return at->kind != ATTEND || below(at->sources, at->count, at->source_count);
}

/* Runs at most MAX_OPERATIONS operations, each over its own rows. `fast`: the newest variant that may be used.
   `together` may be NULL: then threads are made for the call. */
EXPORT int regard_decoder_step(const operation *program, int64_t count, int fast, int threads, team together) {
    progress state[MAX_OPERATIONS] = {{0}};
    job todo = {.program = program, .state = state, .count = count};
    int64_t cost = 0;
    if (count > MAX_OPERATIONS) return OUT_OF_RANGE;
    for (int64_t op = 0; op < count; op++) {
        const operation *at = program + op;
        if (!picks_what_is(at)) return OUT_OF_RANGE;
        const int64_t reads = at->kind == LINEAR ? at->source.width : 16 * (1 + at->positions);
        cost += at->count * at->into.width * reads;
    }
    todo.threads = smaller(threads, 1 + cost / THREAD_MIN_WORK);
    run(PICK(step_operations, fast), &todo, todo.threads, threads, together);
    return DONE;
}

/* A program over the hypotheses of a beam, some of whose operations are of what several of them have in common. */
typedef struct {
    operation *program;
    const char *shared;
    int64_t count;
} beam_program;

/* One step of so many rows, which continue so many. */
EXPORT int regard_beam_program_step(const beam_program *of, int64_t rows, int64_t continued, int fast, int threads,
                              team together) {
    for (int64_t op = 0; op < of->count; op++) of->program[op].count = of->shared[op] ? continued : rows;
    return regard_decoder_step(of->program, of->count, fast, threads, together);
}

/* A register that is copied after each step, step t to `to` + t · stride bytes. */
typedef struct {
    const char *source;
    char *to;
    int64_t size, stride;
} register_copy;

/* Puts the best token of every row into `best`; returns whether it cannot. */
typedef int (*chooser)(const void *of, const float *features, int64_t rows, int64_t *best, int fast, int threads,
                       team together);

typedef struct {
    const int64_t *slots;      /* where the tables of what is picked hold each token; below 0 where they do not */
    int64_t *picked;           /* the rows that the program picks */
    const float *features;     /* the register that is chosen by */
    const register_copy *copies;
    int64_t *tokens;           /* (1 + most, rows), of which the first are given */
    chooser choose;
    const void *layer;         /* what it chooses with */
    int64_t copy_count, rows, most, end;
} greedy_run;

const layout step_layout[] = {
    WHOLE(beam_program), FIELD(beam_program, program), FIELD(beam_program, shared), FIELD(beam_program, count),
    WHOLE(register_copy), FIELD(register_copy, source), FIELD(register_copy, to), FIELD(register_copy, size),
    FIELD(register_copy, stride), WHOLE(greedy_run), FIELD(greedy_run, slots), FIELD(greedy_run, picked),
    FIELD(greedy_run, features), FIELD(greedy_run, copies), FIELD(greedy_run, tokens), FIELD(greedy_run, choose),
    FIELD(greedy_run, layer), FIELD(greedy_run, copy_count), FIELD(greedy_run, rows), FIELD(greedy_run, most),
    FIELD(greedy_run, end), LAYOUT_ENDS};

/* Steps one behind the other from `taken` on, each with the tokens chosen before, until a row comes to `end`, or to a
   token that the tables do not hold. Returns how many have been taken, or −1 where nothing could be chosen. */
EXPORT int64_t regard_greedy_steps(const operation *program, int64_t count, const greedy_run *along, int64_t taken, int fast,
                                   int threads, team together) {
    const int64_t rows = along->rows;
    for (int64_t t = taken; t < along->most; t++) {
        const int64_t *given = along->tokens + t * rows;
        int64_t *chosen = along->tokens + (t + 1) * rows;
        for (int64_t row = 0; row < rows; row++)
            if ((along->picked[row] = along->slots[given[row]]) < 0) return t;
        if (regard_decoder_step(program, count, fast, threads, together)) return -1;
        for (const register_copy *each = along->copies; each < along->copies + along->copy_count; each++)
            memcpy(each->to + t * each->stride, each->source, each->size);
        if (along->choose(along->layer, along->features, rows, chosen, fast, threads, together)) return -1;
        for (int64_t row = 0; row < rows; row++)
            if (chosen[row] == along->end) return t + 1;
    }
    return along->most;
}

#endif
