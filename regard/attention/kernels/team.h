/* Threads for one call: those of the OpenMP that PyTorch runs on, or its own. */

#pragma once

#include "lanes.h"

#include <pthread.h>

typedef void (*work)(void *);

/* A team: GOMP_parallel of the OpenMP that PyTorch runs on. */
typedef void (*team)(work, void *, unsigned, unsigned);

static void *start(void *given) {
    void **call = given;
    ((work)(intptr_t)call[0])(call[1]);
    return NULL;
}

/* Each thread calls `each`, which takes from `todo` what no other has taken. At most `most` threads are of use. */
static void run(work each, void *todo, int64_t most, int threads, team together) {
    pthread_t others[64];
    int running = 0;
    void *call[2] = {(void *)(intptr_t)each, todo};
    threads = (int)smaller(smaller(threads, most), 64);
    if (threads > 1 && together) {
        together(each, todo, (unsigned)threads, 0);
        return;
    }
    while (running < threads - 1 && !pthread_create(&others[running], NULL, start, call)) running++;
    each(todo);
    while (running > 0) pthread_join(others[--running], NULL);
}

static int has_avx2(void) {
#ifdef WITH_AVX2
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}
