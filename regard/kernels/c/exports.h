/* What Python sees of the library: its functions, and how the records that cross are laid out. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default"))) /* all else is hidden, see hatch_build.py */

/* What a thread does: its share of what is left. */
typedef void work(void *);

/* A team: GOMP_parallel of the OpenMP that PyTorch runs on. */
typedef void (*team)(work *, void *, unsigned, unsigned);

/* What a function returns, where it can fail. Nothing has been written where a number is out of range. */
enum { DONE, OUT_OF_MEMORY, OUT_OF_RANGE };

/* Where a field of a record lies, in bytes; the first line of a record has no field, and the size of all. */
typedef struct {
    const char *record, *field;
    int64_t offset, size;
} layout;

#define WHOLE(type) {#type, "", 0, sizeof(type)}
#define FIELD(type, name) {#type, #name, offsetof(type, name), sizeof(((type *)0)->name)}
#define LAYOUT_ENDS {0}

/* Of every source whose records cross. */
extern const layout matmul_layout[], rnn_layout[], encoder_layout[], step_layout[], topk_layout[], shortlist_layout[],
    int8_layout[], beam_layout[];
