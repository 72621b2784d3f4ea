/* The operations of one recurrent step, as program.py describes them, and their gradients. Rows are independent. */

#pragma once

#include "panel_matmul.h"

enum { LINEAR, GRU, LSTM, TANH, ATTEND };

/* Step t of row b begins at data + (t · batch + b) · width, and so does its gradient. In a single step (decoder_step.c),
   row b reads row rows[b] of `height` rows; rows is NULL if that is row b. */
typedef struct {
    float *data, *grad;
    int64_t width;
    const int64_t *rows;
    int64_t height;
} array;

/* One operation. The functions of each kind say what its fields mean. */
typedef struct {
    int64_t kind;
    array into, source, other, before, saved, added;
    const float *weight, *bias;
    int64_t stride;                                   /* of a row of the weight */
    float *panels;                                    /* the weight in panels, filled by rnn_pack */
    const float *keys, *values, *vector;
    float *exp_keys;                                    /* exp(2 · keys), see additive_step.h */
    float *grad_keys, *grad_vector;                   /* grad_vector: (batch, width), one sum per row */
    const char *mask;
    const int64_t *sources;                           /* the source of each row; NULL if row b has source b */
    int64_t positions, count;                         /* count: rows of a single step */
    int64_t source_count;                             /* number of sources, of a single step */
} operation;

static inline const float *place(const array *from, int64_t row) {
    return from->data + (from->rows ? from->rows[row] : row) * from->width;
}

static inline vec sigmoid(vec x) {
    vec less;
    return broadcast(1.0f) / (broadcast(1.0f) + exp2x_expm1(x * broadcast(-0.5f), &less));
}

/* into = weight · source + bias + other, for the panels [first, last). Backward: the gradient of `other` is that
   of `into`, so the two share one array. */
static void linear(const operation *at, int64_t row, int64_t rows, int64_t first, int64_t last) {
    const int64_t width = at->into.width;
    const destination out = {.bias = at->bias,
                             .plus = !at->other.data ? NULL : at->other.rows ? at->other.data : at->other.data + row * width,
                             .plus_rows = at->other.rows ? at->other.rows + row : NULL,
                             .to = at->into.data + row * width,
                             .plus_stride = width,
                             .stride = width};
    multiply(at->source.data + row * at->source.width, rows, at->source.width, at->panels, first, last, width, &out);
}

static void linear_back(const operation *at, int64_t row, int64_t rows) {
    const int64_t width = at->source.width;
    float *grad = at->source.grad + row * width;
    const destination out = {.plus = grad, .to = grad, .plus_stride = width, .stride = width};
    multiply(at->into.grad + row * at->into.width, rows, at->into.width, at->panels, 0, panels(width), width, &out);
}

/* ---- cells ---- */

/* The input of a gate: the sum of two registers, or one. */
static inline vec given(const float *gates, const float *added, int64_t at, int64_t left) {
    return added ? get(gates + at, left) + get(added + at, left) : get(gates + at, left);
}

/* Keep a value for the backward pass; a single step has none. */
static inline void keep(float *saved, int64_t at, int64_t left, vec value) {
    if (saved) put(saved + at, left, value);
}

/* source: the projected input, and what is added to it, if anything; other: the projected state; before: the state;
   saved: reset, update, new. */
static void gru(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const float *gates = place(&at->source, row), *moved = place(&at->other, row), *before = place(&at->before, row);
    const float *added = at->added.data ? place(&at->added, row) : NULL;
    float *saved = at->saved.data ? at->saved.data + row * 3 * size : NULL, *into = at->into.data + row * size;
    for (int64_t j = 0; j < size; j += LANES) {
        const int64_t left = size - j;
        const vec reset = sigmoid(given(gates, added, j, left) + get(moved + j, left));
        const vec update = sigmoid(given(gates, added, size + j, left) + get(moved + size + j, left));
        const vec entering = given(gates, added, 2 * size + j, left);
        const vec new = tanh_vec(muladd(reset, get(moved + 2 * size + j, left), entering));
        keep(saved, j, left, reset);
        keep(saved, size + j, left, update);
        keep(saved, 2 * size + j, left, new);
        put(into + j, left, muladd(update, get(before + j, left) - new, new));
    }
}

static void gru_back(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const vec one = broadcast(1.0f);
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

/* source: the summed projections, and what is added to them, if anything; before: the cell state; other: the next one;
   saved: input gate, forget gate, cell input, output gate. */
static void lstm(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const float *gates = place(&at->source, row), *before = place(&at->before, row);
    const float *added = at->added.data ? place(&at->added, row) : NULL;
    float *saved = at->saved.data ? at->saved.data + row * 4 * size : NULL, *into = at->into.data + row * size;
    float *memory = at->other.data + row * size;
    for (int64_t j = 0; j < size; j += LANES) {
        const int64_t left = size - j;
        const vec in_gate = sigmoid(given(gates, added, j, left)), forget_gate = sigmoid(given(gates, added, size + j, left));
        const vec cell = tanh_vec(given(gates, added, 2 * size + j, left));
        const vec out_gate = sigmoid(given(gates, added, 3 * size + j, left));
        const vec next = muladd(forget_gate, get(before + j, left), in_gate * cell);
        keep(saved, j, left, in_gate);
        keep(saved, size + j, left, forget_gate);
        keep(saved, 2 * size + j, left, cell);
        keep(saved, 3 * size + j, left, out_gate);
        put(memory + j, left, next);
        put(into + j, left, out_gate * tanh_vec(next));
    }
}

static void lstm_back(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const vec one = broadcast(1.0f);
    const float *saved = at->saved.data + row * 4 * size, *before = at->before.data + row * size;
    const float *memory = at->other.data + row * size, *memory_grad = at->other.grad + row * size;
    const float *grad = at->into.grad + row * size;
    float *gates_grad = at->source.grad + row * 4 * size, *before_grad = at->before.grad + row * size;
    for (int64_t j = 0; j < size; j += LANES) {
        const int64_t left = size - j;
        const vec in_gate = get(saved + j, left), forget_gate = get(saved + size + j, left);
        const vec cell = get(saved + 2 * size + j, left), out_gate = get(saved + 3 * size + j, left);
        const vec tanh_value = tanh_vec(get(memory + j, left)), g = get(grad + j, left);
        const vec to_memory = muladd(g * out_gate, one - tanh_value * tanh_value, get(memory_grad + j, left));
        put(gates_grad + j, left, to_memory * cell * in_gate * (one - in_gate));
        put(gates_grad + size + j, left, to_memory * get(before + j, left) * forget_gate * (one - forget_gate));
        put(gates_grad + 2 * size + j, left, to_memory * in_gate * (one - cell * cell));
        put(gates_grad + 3 * size + j, left, g * tanh_value * out_gate * (one - out_gate));
        put(before_grad + j, left, muladd(to_memory, forget_gate, get(before_grad + j, left)));
    }
}

static void tanh_forward(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const float *source = place(&at->source, row);
    float *into = at->into.data + row * size;
    for (int64_t j = 0; j < size; j += LANES) put(into + j, size - j, tanh_vec(get(source + j, size - j)));
}

static void tanh_backward(const operation *at, int64_t row) {
    const int64_t size = at->into.width;
    const float *into = at->into.data + row * size, *grad = at->into.grad + row * size;
    float *to = at->source.grad + row * size;
    for (int64_t j = 0; j < size; j += LANES) {
        const vec tanh_value = get(into + j, size - j);
        put(to + j, size - j, get(grad + j, size - j) * (broadcast(1.0f) - tanh_value * tanh_value));
    }
}
