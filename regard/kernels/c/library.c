/* Facts about the library, by which Python checks that it is the expected one. */

#ifndef __AVX2__ /* once, with the plain variant */

#include "threads.h"

/* A checksum of all source files. */
EXPORT uint32_t regard_source(void) { return SOURCE; }

/* The newest variant that runs on this processor. */
EXPORT int regard_variant(void) { return newest(); }

/* The layout of the records of source `number`, ended by a line without names; NULL after the last source. */
EXPORT const layout *regard_layout(int64_t number) {
    static const layout *const all[] = {matmul_layout,    rnn_layout,  encoder_layout, step_layout, topk_layout,
                                        shortlist_layout, int8_layout, beam_layout};
    return number >= 0 && number < (int64_t)(sizeof(all) / sizeof(*all)) ? all[number] : NULL;
}

#endif
