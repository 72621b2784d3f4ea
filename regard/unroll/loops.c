/* A recurrent loop over all its steps in one call, forwards and back: what program.py describes, for single precision.

   The rows of a batch know nothing of each other, so that each thread takes some of them through every step, without
   waiting for the others. Weights are laid out anew once per call, in panels of PANEL columns, as the product reads
   them. What a row gives depends neither on the rest of the batch nor on the number of threads.

   The variant without AVX2 brings what chooses among the variants, see lanes.h. */

#include "../attention/kernels/lanes.h"

#define PANEL (2 * LANES)
#define ROWS 6 /* rows of a product whose sums stay in registers: 12 vectors, beside 2 of the panel and 1 of the row */

enum { LINEAR, GRU, LSTM, TANH, LOOK };

/* Step t of row b begins at data + (t · batch + b) · width, and so does its gradient. */
typedef struct {
    float *data, *grad;
    int64_t width;
} array;

/* One operation; what each kind makes of the fields stands at its functions. */
typedef struct {
    int64_t kind;
    array into, source, other, before, saved;
    const float *weight, *bias;
    int64_t stride;                                   /* of a row of the weight */
    float *panels;                                    /* room for the weight as it is read */
    const float *keys, *values, *vector;
    float *grad_keys, *grad_vector;                   /* grad_vector: (batch, width), one sum per row */
    const char *mask;
    int64_t positions;
} operation;

typedef struct {
    const operation *program;
    int64_t count, steps, batch, share, backward, next;
} job;

void pack_plain(void *), unroll_plain(void *), pack_avx2(void *), unroll_avx2(void *);

static inline int64_t take(job *todo) { return __atomic_fetch_add(&todo->next, 1, __ATOMIC_RELAXED); }

static inline int64_t panels(int64_t columns) { return (columns + PANEL - 1) / PANEL; }

/* A vector of a row that may end before it; what is missing is zero. */
static inline vec get(const float *from, int64_t left) {
    if (__builtin_expect(left >= LANES, 1)) return load(from);
    float padded[LANES] __attribute__((aligned(ALIGNMENT))) = {0};
    memcpy(padded, from, sizeof(float) * left);
    return load(padded);
}

static inline void put(float *to, int64_t left, vec value) {
    if (__builtin_expect(left >= LANES, 1)) {
        store(to, value);
        return;
    }
    float padded[LANES] __attribute__((aligned(ALIGNMENT)));
    store(padded, value);
    memcpy(to, padded, sizeof(float) * left);
}

static inline float total(vec lanes) {
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

static inline vec tangent(vec x) {
    vec less;
    const vec whole = exponential_less(x, &less);
    return less / (whole + spread(1.0f));
}

static inline vec sigmoid(vec x) {
    vec less;
    return spread(1.0f) / (spread(1.0f) + exponential_less(x * spread(-0.5f), &less));
}

/* ---- products ---- */

/* Panel p of a matrix (depth, columns): its columns p · PANEL and on, row after row. */
static void pack_panel(const operation *at, int64_t p, int backward) {
    const int64_t outer = at->into.width, inner = at->source.width;
    const int64_t depth = backward ? outer : inner, columns = backward ? inner : outer;
    const int64_t down = backward ? at->stride : 1, across = backward ? 1 : at->stride;
    float *to = at->panels + p * PANEL * depth;
    const float *from = at->weight + p * PANEL * across;
    const int64_t here = smaller(PANEL, columns - p * PANEL);
    for (int64_t k = 0; k < depth; k++)
        for (int64_t c = 0; c < PANEL; c++) to[k * PANEL + c] = c < here ? from[k * down + c * across] : 0.0f;
}

void NAME(pack)(void *given) {
    job *todo = given;
    for (int64_t item = take(todo), passed = 0, op = 0; op < todo->count; op++) {
        const operation *at = todo->program + op;
        if (at->kind != LINEAR) continue;
        const int64_t count = panels(todo->backward ? at->source.width : at->into.width);
        while (item < passed + count) {
            pack_panel(at, item - passed, (int)todo->backward);
            item = take(todo);
        }
        passed += count;
    }
}

/* `count` rows against one panel: to = from · panel + what is added. The count is a constant where this is inlined. */
static inline __attribute__((always_inline)) void block(int count, const float *from, int64_t depth,
                                                        const float *panel, int64_t columns, int64_t left,
                                                        const float *bias, const float *plus, float *to) {
    vec sums[ROWS][2];
#pragma GCC unroll 6
    for (int r = 0; r < count; r++) sums[r][0] = sums[r][1] = spread(0.0f);
    for (int64_t k = 0; k < depth; k++) {
        const vec first = load(panel + k * PANEL), second = load(panel + k * PANEL + LANES);
#pragma GCC unroll 6
        for (int r = 0; r < count; r++) {
            const vec value = spread(from[r * depth + k]);
            sums[r][0] = muladd(value, first, sums[r][0]);
            sums[r][1] = muladd(value, second, sums[r][1]);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < count; r++)
        for (int half = 0; half < 2 && half * LANES < left; half++) {
            const int64_t at = half * LANES, rest = left - at;
            vec sum = sums[r][half];
            if (bias) sum += get(bias + at, rest);
            if (plus) sum += get(plus + r * columns + at, rest);
            put(to + r * columns + at, rest, sum);
        }
}

/* to (rows, columns) = from (rows, depth) · panels + bias + plus; `plus` may be `to`. */
static void multiply(const float *from, int64_t rows, int64_t depth, const float *matrix, int64_t columns,
                     const float *bias, const float *plus, float *to) {
    const int64_t blocks = (rows + ROWS - 1) / ROWS;
    for (int64_t p = 0; p < panels(columns); p++) {
        const int64_t column = p * PANEL, left = smaller(PANEL, columns - column);
        const float *panel = matrix + column * depth, *added = bias ? bias + column : NULL;
        for (int64_t b = 0, row = 0; b < blocks; b++) {
            const int64_t count = (rows - row + blocks - b - 1) / (blocks - b);
            const float *more = plus ? plus + row * columns + column : NULL, *a = from + row * depth;
            float *out = to + row * columns + column;
            switch (count) {
            case 1: block(1, a, depth, panel, columns, left, added, more, out); break;
            case 2: block(2, a, depth, panel, columns, left, added, more, out); break;
            case 3: block(3, a, depth, panel, columns, left, added, more, out); break;
            case 4: block(4, a, depth, panel, columns, left, added, more, out); break;
            case 5: block(5, a, depth, panel, columns, left, added, more, out); break;
            default: block(6, a, depth, panel, columns, left, added, more, out);
            }
            row += count;
        }
    }
}

/* into = weight · source + bias + other. Back: what `other` gets is the gradient of `into` itself, so the two share it. */
static void linear(const operation *at, int64_t row, int64_t rows) {
    const float *plus = at->other.data ? at->other.data + row * at->into.width : NULL;
    multiply(at->source.data + row * at->source.width, rows, at->source.width, at->panels, at->into.width, at->bias,
             plus, at->into.data + row * at->into.width);
}

static void linear_back(const operation *at, int64_t row, int64_t rows) {
    float *grad = at->source.grad + row * at->source.width;
    multiply(at->into.grad + row * at->into.width, rows, at->into.width, at->panels, at->source.width, NULL, grad, grad);
}

/* ---- cells ---- */

/* source: the projected input; other: the projected state; before: the state; saved: reset, update, new. */
static void gru(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const float *gates = at->source.data + row * 3 * size, *moved = at->other.data + row * 3 * size;
    const float *before = at->before.data + row * size;
    float *saved = at->saved.data + row * 3 * size, *into = at->into.data + row * size;
    for (int64_t j = 0; j < size; j += LANES) {
        const int64_t left = size - j;
        const vec reset = sigmoid(get(gates + j, left) + get(moved + j, left));
        const vec update = sigmoid(get(gates + size + j, left) + get(moved + size + j, left));
        const vec new = tangent(muladd(reset, get(moved + 2 * size + j, left), get(gates + 2 * size + j, left)));
        put(saved + j, left, reset);
        put(saved + size + j, left, update);
        put(saved + 2 * size + j, left, new);
        put(into + j, left, muladd(update, get(before + j, left) - new, new));
    }
}

static void gru_back(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const vec one = spread(1.0f);
    const float *moved = at->other.data + row * 3 * size + 2 * size, *saved = at->saved.data + row * 3 * size;
    const float *before = at->before.data + row * size, *grad = at->into.grad + row * size;
    float *gates_grad = at->source.grad + row * 3 * size, *moved_grad = at->other.grad + row * 3 * size;
    float *before_grad = at->before.grad + row * size;
    for (int64_t j = 0; j < size; j += LANES) {
        const int64_t left = size - j;
        const vec reset = get(saved + j, left), update = get(saved + size + j, left);
        const vec new = get(saved + 2 * size + j, left), g = get(grad + j, left);
        const vec to_new = g * (one - update) * (one - new * new);
        const vec to_update = g * (get(before + j, left) - new) * update * (one - update);
        const vec to_reset = to_new * get(moved + j, left) * reset * (one - reset);
        put(gates_grad + j, left, to_reset);
        put(gates_grad + size + j, left, to_update);
        put(gates_grad + 2 * size + j, left, to_new);
        put(moved_grad + j, left, to_reset);
        put(moved_grad + size + j, left, to_update);
        put(moved_grad + 2 * size + j, left, to_new * reset);
        put(before_grad + j, left, muladd(g, update, get(before_grad + j, left)));
    }
}

/* source: the summed projections; before: the memory; other: the next memory; saved: enter, forget, new, leave. */
static void lstm(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const float *gates = at->source.data + row * 4 * size, *before = at->before.data + row * size;
    float *saved = at->saved.data + row * 4 * size, *into = at->into.data + row * size;
    float *memory = at->other.data + row * size;
    for (int64_t j = 0; j < size; j += LANES) {
        const int64_t left = size - j;
        const vec enter = sigmoid(get(gates + j, left)), forget = sigmoid(get(gates + size + j, left));
        const vec new = tangent(get(gates + 2 * size + j, left)), leave = sigmoid(get(gates + 3 * size + j, left));
        const vec next = muladd(forget, get(before + j, left), enter * new);
        put(saved + j, left, enter);
        put(saved + size + j, left, forget);
        put(saved + 2 * size + j, left, new);
        put(saved + 3 * size + j, left, leave);
        put(memory + j, left, next);
        put(into + j, left, leave * tangent(next));
    }
}

static void lstm_back(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const vec one = spread(1.0f);
    const float *saved = at->saved.data + row * 4 * size, *before = at->before.data + row * size;
    const float *memory = at->other.data + row * size, *memory_grad = at->other.grad + row * size;
    const float *grad = at->into.grad + row * size;
    float *gates_grad = at->source.grad + row * 4 * size, *before_grad = at->before.grad + row * size;
    for (int64_t j = 0; j < size; j += LANES) {
        const int64_t left = size - j;
        const vec enter = get(saved + j, left), forget = get(saved + size + j, left);
        const vec new = get(saved + 2 * size + j, left), leave = get(saved + 3 * size + j, left);
        const vec bent = tangent(get(memory + j, left)), g = get(grad + j, left);
        const vec to_memory = muladd(g * leave, one - bent * bent, get(memory_grad + j, left));
        put(gates_grad + j, left, to_memory * new * enter * (one - enter));
        put(gates_grad + size + j, left, to_memory * get(before + j, left) * forget * (one - forget));
        put(gates_grad + 2 * size + j, left, to_memory * enter * (one - new * new));
        put(gates_grad + 3 * size + j, left, g * bent * leave * (one - leave));
        put(before_grad + j, left, muladd(to_memory, forget, get(before_grad + j, left)));
    }
}

static void bend(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const float *source = at->source.data + row * size;
    float *into = at->into.data + row * size;
    for (int64_t j = 0; j < size; j += LANES) put(into + j, size - j, tangent(get(source + j, size - j)));
}

static void bend_back(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const float *into = at->into.data + row * size, *grad = at->into.grad + row * size;
    float *to = at->source.grad + row * size;
    for (int64_t j = 0; j < size; j += LANES) {
        const vec bent = get(into + j, size - j);
        put(to + j, size - j, get(grad + j, size - j) * (spread(1.0f) - bent * bent));
    }
}

/* ---- attention ---- */

/* Additive score of one query and key. */
static inline float compare(const operation *at, const float *query, const float *key) {
    vec sum = spread(0.0f);
    for (int64_t j = 0, size = at->source.width; j < size; j += LANES) {
        const int64_t left = size - j;
        sum = muladd(get(at->vector + j, left), tangent(get(query + j, left) + get(key + j, left)), sum);
    }
    return total(sum);
}

/* source: the query; other: the weights; into: the context. Softmax over the visible positions of row `b`. */
static void look(const operation *at, int64_t row, int64_t b) {
    const int64_t count = at->positions, width = at->source.width, size = at->into.width;
    const char *visible = at->mask + b * count;
    const float *query = at->source.data + row * width, *values = at->values + b * count * size;
    float *weights = at->other.data + row * count, *into = at->into.data + row * size, most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        weights[i] = visible[i] ? compare(at, query, at->keys + (b * count + i) * width) : 0.0f;
        if (visible[i] && !(weights[i] <= most)) most = weights[i]; /* so that a NaN stays */
    }
    for (int64_t i = 0; i < count; i++)
        if (visible[i]) sum += weights[i] = expf(weights[i] - most);
    memset(into, 0, sizeof(float) * size);
    for (int64_t i = 0; i < count; i++) {
        if (!visible[i]) continue;
        weights[i] /= sum;
        const vec weight = spread(weights[i]);
        for (int64_t j = 0; j < size; j += LANES) {
            const int64_t left = size - j;
            put(into + j, left, muladd(weight, get(values + i * size + j, left), get(into + j, left)));
        }
    }
}

static inline float dot(const float *first, const float *second, int64_t size) {
    vec sum = spread(0.0f);
    for (int64_t j = 0; j < size; j += LANES) sum = muladd(get(first + j, size - j), get(second + j, size - j), sum);
    return total(sum);
}

/* The values' gradient is left to one product behind the loop. */
static void look_back(const operation *at, int64_t row, int64_t b) {
    const int64_t count = at->positions, width = at->source.width, size = at->into.width;
    const char *visible = at->mask + b * count;
    const float *query = at->source.data + row * width, *weights = at->other.data + row * count;
    const float *grad = at->into.grad + row * size;
    float *slopes = at->other.grad + row * count, *to = at->source.grad + row * width, mean = 0;
    float *grad_vector = at->grad_vector + b * width;
    for (int64_t i = 0; i < count; i++) {
        if (!visible[i]) continue;
        slopes[i] += dot(grad, at->values + (b * count + i) * size, size);
        mean += weights[i] * slopes[i];
    }
    memset(to, 0, sizeof(float) * width);
    for (int64_t i = 0; i < count; i++) {
        if (!visible[i]) continue;
        const float *key = at->keys + (b * count + i) * width;
        float *grad_key = at->grad_keys + (b * count + i) * width;
        const vec g = spread(weights[i] * (slopes[i] - mean));
        for (int64_t j = 0; j < width; j += LANES) {
            const int64_t left = width - j;
            const vec bent = tangent(get(query + j, left) + get(key + j, left));
            const vec slope = g * get(at->vector + j, left) * (spread(1.0f) - bent * bent);
            put(grad_vector + j, left, muladd(g, bent, get(grad_vector + j, left)));
            put(grad_key + j, left, get(grad_key + j, left) + slope);
            put(to + j, left, get(to + j, left) + slope);
        }
    }
}

/* ---- the loop ---- */

/* Rows [first, first + rows) of one step. Row b of step t stands at t · batch + b. */
static void act(const job *todo, const operation *at, int64_t step, int64_t first, int64_t rows) {
    const int64_t start = step * todo->batch + first;
    const int back = (int)todo->backward;
    if (at->kind == LINEAR) {
        (back ? linear_back : linear)(at, start, rows);
        return;
    }
    for (int64_t b = 0; b < rows; b++) {
        const int64_t row = start + b;
        switch (at->kind) {
        case GRU: (back ? gru_back : gru)(at, row); break;
        case LSTM: (back ? lstm_back : lstm)(at, row); break;
        case TANH: (back ? bend_back : bend)(at, row); break;
        default: (back ? look_back : look)(at, row, first + b);
        }
    }
}

void NAME(unroll)(void *given) {
    job *todo = given;
    for (int64_t first = take(todo) * todo->share; first < todo->batch; first = take(todo) * todo->share) {
        const int64_t rows = smaller(todo->share, todo->batch - first);
        for (int64_t t = 0; t < todo->steps; t++)
            for (int64_t op = 0; op < todo->count; op++) {
                const int64_t step = todo->backward ? todo->steps - 1 - t : t;
                const int64_t which = todo->backward ? todo->count - 1 - op : op;
                act(todo, todo->program + which, step, first, rows);
            }
    }
}

#ifndef __AVX2__ /* once, beside the variant that runs anywhere */

#include "../attention/kernels/team.h"

#define SMALL (1 << 18) /* multiply-adds that one thread finishes before another would have begun */

uint32_t regard_source(void) { return SOURCE; }
int regard_variant(void) { return 1 + has_avx2(); }

/* Runs the program over all steps, or back over them. `fast` 0 keeps to the variant that runs anywhere. `together` may
   be NULL: then threads are made for the call. */
void regard_unroll(const operation *program, int64_t count, int64_t steps, int64_t batch, int backward, int fast,
                   int threads, team together) {
    job todo = {.program = program, .count = count, .steps = steps, .batch = batch, .backward = backward};
    int64_t cost = 0, packed = 0;
    for (int64_t op = 0; op < count; op++) {
        const operation *at = program + op;
        cost += at->kind == LINEAR ? at->source.width * at->into.width : 16 * at->into.width * (1 + at->positions);
        if (at->kind == LINEAR) packed += panels(backward ? at->source.width : at->into.width);
    }
    const int64_t most = smaller(batch, 1 + steps * batch * cost / SMALL);
    threads = (int)smaller(threads, most);
    todo.share = (batch + threads - 1) / threads;
    work pack = pack_plain, unroll = unroll_plain;
#ifdef WITH_AVX2
    if (fast && has_avx2()) pack = pack_avx2, unroll = unroll_avx2;
#endif
    run(pack, &todo, packed, threads, together);
    todo.next = 0;
    run(unroll, &todo, most, threads, together);
}

#endif
