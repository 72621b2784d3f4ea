/* Threads for one call: those of the OpenMP that PyTorch uses, or new ones. */

#pragma once

#include "simd.h"

#include <pthread.h>

#define MAX_THREADS 64               /* of a call */
#define THREAD_MIN_WORK (1 << 16)      /* multiply-adds: with fewer, a second thread starts too late to help; ... */
#define RNN_THREAD_MIN_WORK (1 << 18)  /* ... the same for a recurrent loop */

static void *start(void *given) {
    void **call = given;
    ((work *)(intptr_t)call[0])(call[1]);
    return NULL;
}

/* Each thread calls `each`, which takes pieces of `todo` that no other thread has taken. At most `most` threads. */
static void run(work *each, void *todo, int64_t most, int threads, team together) {
    pthread_t others[MAX_THREADS];
    int running = 0;
    void *call[2] = {(void *)(intptr_t)each, todo};
    threads = (int)smaller(smaller(threads, most), MAX_THREADS);
    if (threads > 1 && together) {
        together(each, todo, (unsigned)threads, 0);
        return;
    }
    while (running < threads - 1 && !pthread_create(&others[running], NULL, start, call)) running++;
    each(todo);
    while (running > 0) pthread_join(others[--running], NULL);
}

/* The newest variant that this processor runs: 0 plain, 1 AVX2, 2 AVX-512. */
static int newest(void) {
#ifdef WITH_VARIANTS
    const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const int whole = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    return avx2 ? 1 + whole : 0;
#else
    return 0;
#endif
}

/* The variant of a function to call: the newest one that runs here, but not newer than `fast`. */
#ifdef WITH_VARIANTS
#define PICK(name, fast) ((__typeof__(&name##_plain)[]){VARIANTS(name)}[smaller(fast, newest())])
#else
#define PICK(name, fast) ((void)(fast), name##_plain)
#endif
