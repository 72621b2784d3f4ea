/* Steps of a beam search one behind the other: what beam_live.py and beam_finished.py do, and the model, in one
   call.

   A beam has `size` slots for each sentence that is still searched; those that hold a hypothesis have a row of the
   model's state each, in order. What is decided is decided in double precision, as there. */

#ifndef __AVX2__ /* nothing here has a faster variant; what is called chooses its own */

#include "exports.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Takes one step of so many rows, which continue so many; returns whether it cannot. */
typedef int (*stepper)(const void *of, int64_t rows, int64_t continued, int fast, int threads, team together);

/* The best tokens of every row and their log-probabilities, (rows, width); returns whether it cannot. */
typedef int (*chooser)(const void *of, const float *features, int64_t rows, int64_t width, float *log_probs,
                       int64_t *best, int fast, int threads, team together);

/* A state_part of the state: rows of `made` become rows of `given`, from which the next step begins. */
typedef struct {
    const char *made;
    char *given;
    int64_t size; /* of a row, in bytes */
} state_part;

/* A number that hypotheses pass on to those that continue them: of each row, and of what rows continue. */
typedef struct {
    int64_t *rows, *continued;
} carried;

typedef struct {
    stepper step;
    const void *program;
    chooser choose;
    const void *layer;
    const int64_t *slots;      /* where tables hold what a token adds to a step; below 0 where they do not */
    int64_t *picks;            /* the row of the tables of each row */
    int64_t *parents;          /* what each row continues; NULL where each continues its own */
    const state_part *parts;
    const carried *numbers;
    const float *features, *weights;
    int64_t part_count, number_count, positions;
} beam_model;

/* What all sentences of the search have, by their numbers. */
typedef struct {
    const int64_t *limits;     /* most tokens */
    const double *last;        /* the length penalty there */
    const double *penalties;   /* that of each length */
    double *best;              /* (sentences, nbest): the best scores so far, in any order */
    int64_t nbest;
} beam_rules;

/* Sentences that are searched, and the slots of each. */
typedef struct {
    int64_t *sentences, *lengths, *free;
    int64_t *tokens;
    double *log_probs;         /* -inf where a slot is empty */
    int64_t live, size, rows, continued;
} beam_slots;

/* What was done, step by step. */
typedef struct {
    int64_t *live, *rows;                /* of each step */
    int64_t *sentences;                  /* of each step, one behind the other, and so is the rest */
    int64_t *parents, *tokens, *owners;  /* of all slots; the owner of a slot is the row that it continues */
    float *weights;                      /* of all rows */
    int64_t *ended, *lengths, *ends;     /* what ended: its sentence, its length, its slot, ... */
    int64_t *cut;                        /* ... whether that was at the limit, ... */
    double *log_probs, *scores;
    int64_t steps, most, sentence_count, row_count, ended_count;
} beam_record;

/* Buffers of one step. */
typedef struct {
    float *log_probs;          /* (rows, width) */
    int64_t *best;
    int64_t *chosen, *places;  /* of rows */
    int64_t width;
} beam_scratch;

typedef struct {
    const beam_model *model;
    const beam_rules *rules;
    beam_slots *slots;
    beam_record *record;
    beam_scratch *scratch;
    int64_t end, enough;       /* the carried of an end; how few sentences are searched before others may enter */
} beam_search;

const layout beam_layout[] = {
    WHOLE(state_part), FIELD(state_part, made), FIELD(state_part, given), FIELD(state_part, size), WHOLE(carried),
    FIELD(carried, rows), FIELD(carried, continued), WHOLE(beam_model), FIELD(beam_model, step),
    FIELD(beam_model, program), FIELD(beam_model, choose), FIELD(beam_model, layer), FIELD(beam_model, slots),
    FIELD(beam_model, picks), FIELD(beam_model, parents), FIELD(beam_model, parts), FIELD(beam_model, numbers),
    FIELD(beam_model, features), FIELD(beam_model, weights), FIELD(beam_model, part_count),
    FIELD(beam_model, number_count), FIELD(beam_model, positions), WHOLE(beam_rules), FIELD(beam_rules, limits),
    FIELD(beam_rules, last), FIELD(beam_rules, penalties), FIELD(beam_rules, best), FIELD(beam_rules, nbest),
    WHOLE(beam_slots), FIELD(beam_slots, sentences), FIELD(beam_slots, lengths), FIELD(beam_slots, free),
    FIELD(beam_slots, tokens), FIELD(beam_slots, log_probs), FIELD(beam_slots, live), FIELD(beam_slots, size),
    FIELD(beam_slots, rows), FIELD(beam_slots, continued), WHOLE(beam_record), FIELD(beam_record, live),
    FIELD(beam_record, rows), FIELD(beam_record, sentences), FIELD(beam_record, parents),
    FIELD(beam_record, tokens), FIELD(beam_record, owners), FIELD(beam_record, weights), FIELD(beam_record, ended),
    FIELD(beam_record, lengths), FIELD(beam_record, ends), FIELD(beam_record, cut), FIELD(beam_record, log_probs),
    FIELD(beam_record, scores), FIELD(beam_record, steps), FIELD(beam_record, most),
    FIELD(beam_record, sentence_count), FIELD(beam_record, row_count), FIELD(beam_record, ended_count),
    WHOLE(beam_scratch), FIELD(beam_scratch, log_probs), FIELD(beam_scratch, best), FIELD(beam_scratch, chosen),
    FIELD(beam_scratch, places), FIELD(beam_scratch, width), WHOLE(beam_search), FIELD(beam_search, model),
    FIELD(beam_search, rules), FIELD(beam_search, slots), FIELD(beam_search, record), FIELD(beam_search, scratch),
    FIELD(beam_search, end), FIELD(beam_search, enough), LAYOUT_ENDS};

typedef struct {
    double total;
    int64_t parent, token, row;
} choice;

enum { OVER, MISSING, NO_DISTRIBUTION, NO_MEMORY, NO_STEP };

/* Whether the tables hold what every row is to be given. */
static int enter(const beam_model *of, const beam_slots *at) {
    int64_t row = 0;
    for (int64_t slot = 0; slot < at->live * at->size; slot++)
        if (at->log_probs[slot] > -INFINITY && (of->picks[row++] = of->slots[at->tokens[slot]]) < 0) return 0;
    return 1;
}

/* The best continuations of a sentence whose rows begin there, no more than it has free slots; returns how many. Among
   equals the lower slot is first, then the lower token. */
static int64_t expand(const beam_slots *at, const beam_scratch *with, int64_t live, int64_t *row, choice *found) {
    const int64_t most = at->free[live];
    const double *log_probs = at->log_probs + live * at->size;
    int64_t count = 0;
    for (int64_t slot = 0; slot < at->size; slot++) {
        if (!(log_probs[slot] > -INFINITY)) continue;
        for (int64_t rank = *row * with->width; rank < (*row + 1) * with->width; rank++) {
            const double total = log_probs[slot] + with->log_probs[rank];
            if (!(total > -INFINITY) || (count == most && !(total > found[count - 1].total))) break;
            int64_t place = count < most ? count++ : count - 1;
            for (; place > 0 && total > found[place - 1].total; place--) found[place] = found[place - 1];
            found[place] = (choice){total, slot, with->best[rank], *row};
        }
        ++*row;
    }
    return count;
}

/* Where the worst of the best scores of a sentence stands. */
static double *worst_of(const beam_rules *by, int64_t sentence) {
    double *best = by->best + sentence * by->nbest, *worst = best;
    for (double *each = best; each < best + by->nbest; each++)
        if (*each < *worst) worst = each;
    return worst;
}

/* What becomes of the choices of a sentence: those that are over are written down and leave their slots. Returns whether
   one that goes on can still be among the best. */
static int gather(const beam_search *all, int64_t live, choice *found, int64_t count) {
    beam_slots *at = all->slots;
    beam_record *done = all->record;
    const beam_rules *by = all->rules;
    const int64_t sentence = at->sentences[live], length = ++at->lengths[live], late = by->limits[sentence] <= length;
    double most = -INFINITY, *worst = worst_of(by, sentence);
    for (int64_t slot = 0; slot < count; slot++) {
        const int whole = found[slot].token == all->end;
        if (whole || late) {
            const double score = found[slot].total / by->penalties[length];
            const int64_t next = done->ended_count++;
            done->ended[next] = sentence, done->lengths[next] = length, done->ends[next] = slot;
            done->cut[next] = !whole, done->log_probs[next] = found[slot].total, done->scores[next] = score;
            if (whole) at->free[live]--;
            if (whole && score > *worst) *worst = score, worst = worst_of(by, sentence);
            found[slot].total = -INFINITY;
        } else if (found[slot].total > most) {
            most = found[slot].total;
        }
    }
    return most / by->last[sentence] > *worst;
}

static void write_down(const beam_search *all, int64_t live, const choice *found, int64_t count) {
    const int64_t size = all->slots->size, next = all->record->sentence_count++;
    all->record->sentences[next] = all->slots->sentences[live];
    for (int64_t slot = 0; slot < size; slot++) {
        const choice empty = {0}, *chosen = slot < count ? found + slot : &empty;
        all->record->parents[next * size + slot] = chosen->parent;
        all->record->tokens[next * size + slot] = chosen->token;
        all->record->owners[next * size + slot] = chosen->row;
    }
}

/* The sentence takes the next place of those that stay. */
static void keep(beam_slots *at, beam_scratch *with, int64_t from, int64_t to, const choice *found, int64_t count,
                 int64_t *rows) {
    at->sentences[to] = at->sentences[from];
    at->lengths[to] = at->lengths[from];
    at->free[to] = at->free[from];
    for (int64_t slot = 0; slot < at->size; slot++) {
        const int continues = slot < count && found[slot].total > -INFINITY;
        at->tokens[to * at->size + slot] = slot < count ? found[slot].token : 0;
        at->log_probs[to * at->size + slot] = continues ? found[slot].total : -INFINITY;
        if (continues) with->chosen[(*rows)++] = found[slot].row;
    }
}

/* The chosen rows of the state, each once where rows share what they continue, become those of the next step. */
static void select_rows(const beam_model *of, beam_slots *at, const beam_scratch *with, int64_t rows) {
    int64_t *chosen = with->chosen, *places = with->places, continued = 0;
    for (int64_t m = 0; m < of->number_count; m++) {
        for (int64_t row = 0; row < rows; row++) places[row] = of->numbers[m].rows[chosen[row]];
        memcpy(of->numbers[m].rows, places, sizeof *places * rows);
    }
    if (of->parents) {
        for (int64_t row = 0; row < at->rows; row++) places[row] = 0;
        for (int64_t row = 0; row < rows; row++) places[chosen[row]] = 1;
        for (int64_t row = 0; row < at->rows; row++)
            if (places[row]) places[row] = continued++, with->chosen[rows + places[row]] = row;
        for (int64_t row = 0; row < rows; row++) of->parents[row] = places[chosen[row]];
        chosen += rows;
    } else {
        continued = rows;
    }
    for (const state_part *each = of->parts; each < of->parts + of->part_count; each++)
        for (int64_t row = 0; row < continued; row++)
            memcpy(each->given + row * each->size, each->made + chosen[row] * each->size, each->size);
    for (int64_t m = 0; m < of->number_count; m++)
        if (of->numbers[m].continued && of->parents)
            for (int64_t row = 0; row < rows; row++)
                of->numbers[m].continued[of->parents[row]] = of->numbers[m].rows[row];
    at->rows = rows, at->continued = continued;
}

/* What the model has found becomes the slots of the next step. */
static void advance(const beam_search *all, choice *found) {
    beam_slots *at = all->slots;
    beam_record *done = all->record;
    const int64_t weights = at->rows * all->model->positions;
    memcpy(done->weights + done->row_count * all->model->positions, all->model->weights, sizeof(float) * weights);
    done->live[done->steps] = at->live, done->rows[done->steps++] = at->rows;
    done->row_count += at->rows;
    int64_t row = 0, rows = 0, stay = 0;
    for (int64_t live = 0; live < at->live; live++) {
        const int64_t count = expand(at, all->scratch, live, &row, found);
        write_down(all, live, found, count);
        if (gather(all, live, found, count)) keep(at, all->scratch, live, stay++, found, count, &rows);
    }
    at->live = stay;
    select_rows(all->model, at, all->scratch, rows);
}

/* Steps until few enough sentences are searched or the record is full; or until a token comes that the tables do not hold,
   or a row that is no distribution, or one that the program does not hold: then nothing has been done of that step.
   Returns which. */
EXPORT int regard_beam_search(const beam_search *all, int fast, int threads, team together) {
    const beam_model *of = all->model;
    const beam_scratch *with = all->scratch;
    beam_slots *at = all->slots;
    choice *found = malloc(sizeof(choice) * at->size);
    int why = found ? OVER : NO_MEMORY;
    while (!why && at->live > all->enough && all->record->steps < all->record->most) {
        if (!enter(of, at)) why = MISSING;
        if (why) break;
        if (of->step(of->program, at->rows, at->continued, fast, threads, together)) why = NO_STEP;
        if (why) break;
        if (of->choose(of->layer, of->features, at->rows, with->width, with->log_probs, with->best, fast, threads, together))
            why = NO_MEMORY;
        for (int64_t next = 0; !why && next < at->rows * with->width; next++)
            if (isnan(with->log_probs[next])) why = NO_DISTRIBUTION;
        if (!why) advance(all, found);
    }
    free(found);
    return why;
}

#endif
