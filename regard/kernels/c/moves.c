/* Attention whose scores depend on where the step before looked: softmax over source positions, step by step, where each
   step adds to its scores a number for the move to a position from wherever the step before had weight.

       term(t, s)   = Σ_j weights(t-1, j) · wanted(t, class(s - j))
       weights(t)   = softmax(scores(t) + term(t))      over the positions of the mask

   The class of a distance d > 0 is the last c with first[c] <= d, so first[0] = 0 is the class of d = 0 alone, and the last class has no
   end. A move on has the number most + c, one back most - c. Sums over a class are differences of running sums, so that
   a step takes positions · classes operations, not positions · positions. Rows are independent. */

#include "simd.h"

typedef struct {
    const float *scores, *wanted, *previous;
    const char *mask;
    const int64_t *first;                                 /* (most + 1): the least distance of each class */
    float *weights;                                       /* (batch, target, source) */
    const float *grad;                                    /* of the weights; that of the scores is written to `grad_scores` */
    float *grad_scores, *grad_wanted, *grad_previous;
    int64_t batch, target, source, most, next;
    double *room;                                         /* for each row: source + 1 sums, and source terms, twice */
} job;

work VARIANTS(moves_forward), VARIANTS(moves_backward);

static inline int64_t within(int64_t at, int64_t source) { return at < 0 ? 0 : at > source ? source : at; }

/* sums[i] = from[0] + ... + from[i - 1] */
static void run_sums(const float *from, int64_t source, double *sums) {
    sums[0] = 0;
    for (int64_t j = 0; j < source; j++) sums[j + 1] = sums[j] + from[j];
}

/* The sums of a class on one side of each position: of those that are a distance [first, last) before it, or behind it. */
#define BEFORE(sums, s, near, far) ((sums)[within((s) - (near) + 1, source)] - (sums)[within((s) - (far) + 1, source)])
#define BEHIND(sums, s, near, far) ((sums)[within((s) + (far), source)] - (sums)[within((s) + (near), source)])

/* to[s] = Σ over j: from[j] · wanted[class(s - j)], or of j - s if `back`. */
static void terms(const job *todo, const float *from, const float *wanted, double *sums, double *to, int back) {
    const int64_t source = todo->source, most = todo->most;
    run_sums(from, source, sums);
    for (int64_t s = 0; s < source; s++) to[s] = (double)wanted[most] * from[s];
    for (int64_t c = 1; c <= most; c++) {
        const int64_t near = todo->first[c], far = c < most ? todo->first[c + 1] : source + near;
        const double on = wanted[back ? most - c : most + c], off = wanted[back ? most + c : most - c];
        if (near >= source) break;
        for (int64_t s = 0; s < source; s++)
            to[s] += on * BEFORE(sums, s, near, far) + off * BEHIND(sums, s, near, far);
    }
}

void NAME(moves_forward)(void *given) {
    job *todo = given;
    const int64_t source = todo->source, classes = 2 * todo->most + 1;
    for (int64_t row; (row = take(&todo->next)) < todo->batch;) {
        double *sums = todo->room + row * (2 * source + 1), *added = sums + source + 1;
        const char *mask = todo->mask + row * source;
        const float *before = todo->previous + row * source;
        for (int64_t t = 0; t < todo->target; t++) {
            const int64_t at = row * todo->target + t;
            const float *scores = todo->scores + at * source;
            float *weights = todo->weights + at * source;
            double most = -INFINITY, total = 0;
            terms(todo, before, todo->wanted + at * classes, sums, added, 0);
            for (int64_t s = 0; s < source; s++) {
                added[s] += scores[s];
                if (mask[s] && added[s] > most) most = added[s];
            }
            for (int64_t s = 0; s < source; s++) {
                weights[s] = mask[s] ? expf((float)(added[s] - most)) : 0.0f;
                total += weights[s];
            }
            for (int64_t s = 0; s < source; s++)
                if (mask[s]) weights[s] = (float)(weights[s] / total);
            before = weights;
        }
    }
}

void NAME(moves_backward)(void *given) {
    job *todo = given;
    const int64_t source = todo->source, most = todo->most, classes = 2 * most + 1;
    for (int64_t row; (row = take(&todo->next)) < todo->batch;) {
        double *sums = todo->room + row * (2 * source + 1), *carried = sums + source + 1;
        for (int64_t s = 0; s < source; s++) carried[s] = 0;
        for (int64_t t = todo->target - 1; t >= 0; t--) {
            const int64_t at = row * todo->target + t;
            const float *weights = todo->weights + at * source, *grad = todo->grad + at * source;
            const float *before = t ? weights - source : todo->previous + row * source;
            float *own = todo->grad_scores + at * source, *wanted = todo->grad_wanted + at * classes;
            double mean = 0, same = 0;
            for (int64_t s = 0; s < source; s++) mean += weights[s] * (grad[s] + carried[s]);
            for (int64_t s = 0; s < source; s++) {
                own[s] = (float)(weights[s] * (grad[s] + carried[s] - mean));
                same += (double)own[s] * before[s];
            }
            run_sums(before, source, sums);
            wanted[most] = (float)same;
            for (int64_t c = 1; c <= most; c++) {
                const int64_t near = todo->first[c], far = c < most ? todo->first[c + 1] : source + near;
                double on = 0, off = 0;
                for (int64_t s = 0; s < source && near < source; s++) {
                    on += own[s] * BEFORE(sums, s, near, far);
                    off += own[s] * BEHIND(sums, s, near, far);
                }
                wanted[most + c] = (float)on, wanted[most - c] = (float)off;
            }
            terms(todo, own, todo->wanted + at * classes, sums, carried, 1);
        }
        for (int64_t s = 0; s < source; s++) todo->grad_previous[row * source + s] = (float)carried[s];
    }
}

#ifndef __AVX2__ /* once, with the plain variant */

#include "threads.h"

static int moves(work *each, job *todo, int threads, team together) {
    const int64_t cost = todo->batch * todo->target * todo->source * (2 * todo->most + 1);
    todo->room = malloc(sizeof(double) * (todo->batch * (2 * todo->source + 1) + 1));
    if (!todo->room) return OUT_OF_MEMORY;
    run(each, todo, smaller(todo->batch, 1 + cost / THREAD_MIN_WORK), threads, together);
    free(todo->room);
    return DONE;
}

/* All arrays are contiguous: scores and weights (batch, target, source), wanted (batch, target, 2 · most + 1), previous and
   mask (batch, source), first (most + 1). */
EXPORT int regard_moves_forward(const float *scores, const float *wanted, const float *previous, const char *mask,
                                const int64_t *first, int64_t batch, int64_t target, int64_t source, int64_t most,
                                float *weights, int fast, int threads, team together) {
    job todo = {.scores = scores, .wanted = wanted, .previous = previous, .mask = mask, .first = first,
                .batch = batch, .target = target, .source = source, .most = most, .weights = weights};
    return moves(PICK(moves_forward, fast), &todo, threads, together);
}

/* grad: of the weights; those of the scores, of what is wanted and of the weights before the first step are written. */
EXPORT int regard_moves_backward(const float *weights, const float *grad, const float *wanted, const float *previous,
                                 const int64_t *first, int64_t batch, int64_t target, int64_t source, int64_t most,
                                 float *grad_scores, float *grad_wanted, float *grad_previous, int fast, int threads,
                                 team together) {
    job todo = {.weights = (float *)weights, .grad = grad, .wanted = wanted, .previous = previous, .first = first,
                .batch = batch, .target = target, .source = source, .most = most, .grad_scores = grad_scores,
                .grad_wanted = grad_wanted, .grad_previous = grad_previous};
    return moves(PICK(moves_backward, fast), &todo, threads, together);
}

#endif
