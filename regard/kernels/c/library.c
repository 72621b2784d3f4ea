/* What the library says about itself, so that Python can tell whether it is the one that it expects. */

#ifndef __AVX2__ /* once, beside the variant that runs anywhere */

#include "threads.h"

/* A checksum of all that it was built from. */
EXPORT uint32_t regard_source(void) { return SOURCE; }

/* The newest variant that runs here. */
EXPORT int regard_variant(void) { return newest(); }

/* How the records of one source are laid out, ended by a line without names; NULL where there are no more sources. */
EXPORT const layout *regard_layout(int64_t number) {
    static const layout *const all[] = {matmul_layout,    rnn_layout,  encoder_layout, step_layout, topk_layout,
                                        shortlist_layout, int8_layout, beam_layout};
    return number >= 0 && number < (int64_t)(sizeof(all) / sizeof(*all)) ? all[number] : NULL;
}

#endif
