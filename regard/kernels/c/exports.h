/* What Python uses of the library: its functions, and the layout of the records that both sides share. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default"))) /* all else is hidden, see hatch_build.py */

/* The function of a thread: it takes pieces of the work until none is left. */
typedef void work(void *);

/* Runs a function on several threads: GOMP_parallel of the OpenMP that PyTorch uses. */
typedef void (*team)(work *, void *, unsigned, unsigned);

/* The result of a function that can fail. OUT_OF_RANGE: nothing has been written. */
enum { DONE, OUT_OF_MEMORY, OUT_OF_RANGE };

/* Offset and size of a field of a record, in bytes. The first line of a record has no field, and the size of the record. */
typedef struct {
    const char *record, *field;
    int64_t offset, size;
} layout;

#define WHOLE(type) {#type, "", 0, sizeof(type)}
#define FIELD(type, name) {#type, #name, offsetof(type, name), sizeof(((type *)0)->name)}
#define LAYOUT_ENDS {0}

/* The layouts of every source with such records. */
extern const layout matmul_layout[], rnn_layout[], encoder_layout[], step_layout[], topk_layout[], shortlist_layout[],
    int8_layout[], beam_layout[];
