/* A recurrent loop over all its steps in one call, forward and backward, as program.py describes it. Single precision.

   The rows of a batch are independent: each thread takes some rows through all steps, and waits for no other. Once per
   call, weights are copied into panels of PANEL columns, and exp(2 · keys) is computed. The result of a row depends
   neither on the rest of the batch nor on the number of threads.

   The plain variant also has the functions that Python calls; they choose a variant, see threads.h. */

#include "additive_step.h"

typedef struct {
    const operation *program;
    int64_t count, steps, batch, share, backward, next;
} job;

work VARIANTS(rnn_pack), VARIANTS(rnn_rows);

/* The number of pieces of work to prepare an operation. The backward pass uses the keys themselves. */
static inline int64_t pieces(const operation *at, const job *todo) {
    if (at->kind == ATTEND) return todo->backward ? 0 : todo->batch;
    return at->kind == LINEAR ? panels(todo->backward ? at->source.width : at->into.width) : 0;
}

static void lay_out(const operation *at, const job *todo, int64_t piece) {
    const int64_t outer = at->into.width, inner = at->source.width, back = todo->backward;
    if (at->kind == ATTEND) {
        const int64_t rows = at->positions, first = piece * rows;
        exp2x_rows(at->keys + first * inner, rows, inner, at->exp_keys + first * grouped(inner));
        return;
    }
    pack_panel(at->weight, back ? at->stride : 1, back ? 1 : at->stride, back ? outer : inner, back ? inner : outer,
               piece, at->panels);
}

void NAME(rnn_pack)(void *given) {
    job *todo = given;
    for (int64_t item = take(&todo->next), passed = 0, op = 0; op < todo->count; op++) {
        const operation *at = todo->program + op;
        const int64_t count = pieces(at, todo);
        for (; item < passed + count; item = take(&todo->next)) lay_out(at, todo, item - passed);
        passed += count;
    }
}

/* Rows [first, first + rows) of one step. Row b of step t is row t · batch + b. */
static void act(const job *todo, const operation *at, int64_t step, int64_t first, int64_t rows) {
    const int64_t start = step * todo->batch + first;
    const int back = (int)todo->backward;
    if (at->kind == LINEAR) {
        if (back) linear_back(at, start, rows);
        else linear(at, start, rows, 0, panels(at->into.width));
        return;
    }
    for (int64_t b = 0; b < rows; b++) {
        const int64_t row = start + b;
        switch (at->kind) {
        case GRU: (back ? gru_back : gru)(at, row); break;
        case LSTM: (back ? lstm_back : lstm)(at, row); break;
        case TANH: (back ? tanh_backward : tanh_forward)(at, row); break;
        default:
            if (back) attend_back(at, row, first + b);
            else attend(at, row, 1, first + b);
        }
    }
}

void NAME(rnn_rows)(void *given) {
    job *todo = given;
    for (int64_t first = take(&todo->next) * todo->share; first < todo->batch; first = take(&todo->next) * todo->share) {
        const int64_t rows = smaller(todo->share, todo->batch - first);
        for (int64_t t = 0; t < todo->steps; t++)
            for (int64_t op = 0; op < todo->count; op++) {
                const int64_t step = todo->backward ? todo->steps - 1 - t : t;
                const int64_t which = todo->backward ? todo->count - 1 - op : op;
                act(todo, todo->program + which, step, first, rows);
            }
    }
}

#ifndef __AVX2__ /* once, with the plain variant */

#include "threads.h"

const layout rnn_layout[] = {
    WHOLE(array), FIELD(array, data), FIELD(array, grad), FIELD(array, width), FIELD(array, rows), FIELD(array, height),
    WHOLE(operation), FIELD(operation, kind), FIELD(operation, into), FIELD(operation, source), FIELD(operation, other),
    FIELD(operation, before), FIELD(operation, saved), FIELD(operation, added), FIELD(operation, weight),
    FIELD(operation, bias), FIELD(operation, stride), FIELD(operation, panels), FIELD(operation, keys),
    FIELD(operation, values), FIELD(operation, vector), FIELD(operation, exp_keys), FIELD(operation, grad_keys),
    FIELD(operation, grad_vector), FIELD(operation, mask), FIELD(operation, sources), FIELD(operation, positions),
    FIELD(operation, count), FIELD(operation, source_count), LAYOUT_ENDS};

/* Runs the program over all steps, or its gradients over them in reverse. `fast`: the newest variant that may be used.
   `together` may be NULL: then the call starts its own threads. */
EXPORT int regard_rnn_sequence(const operation *program, int64_t count, int64_t steps, int64_t batch, int64_t backward,
                               int fast, int threads, team together) {
    job todo = {.program = program, .count = count, .steps = steps, .batch = batch, .backward = backward};
    int64_t cost = 0, packed = 0;
    if (batch < 1 || steps < 1) return DONE;
    for (int64_t op = 0; op < count; op++) {
        const operation *at = program + op;
        cost += at->kind == LINEAR ? at->source.width * at->into.width : 16 * at->into.width * (1 + at->positions);
        packed += pieces(at, &todo);
    }
    const int64_t most = smaller(batch, 1 + steps * batch * cost / RNN_THREAD_MIN_WORK);
    threads = (int)smaller(threads, most);
    todo.share = (batch + threads - 1) / threads;
    run(PICK(rnn_pack, fast), &todo, packed, threads, together);
    todo.next = 0;
    run(PICK(rnn_rows, fast), &todo, most, threads, together);
    return DONE;
}

#endif
