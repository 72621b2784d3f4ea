/* to += left · right for large matrices with any strides, as gradients need it.

   Both factors are copied, a slice of the depth at a time: the right one into panels, which the threads share; rows of the
   left one into contiguous rows. The result does not depend on the number of threads.

   The plain variant also has the functions that Python calls; they choose a variant, see threads.h. */

#include "panel_matmul.h"

#define SLICE 512 /* of the depth: two panels of it, or some rows, stay in the second cache ... */
#define ROW_TILE 64   /* ... and so do the rows that a thread takes */
#define SIDE 16   /* rows and columns that are copied together if the matrix is stored by columns */

/* A matrix with row stride `down` and column stride `across`. */
typedef struct {
    const float *at;
    int64_t down, across;
} matrix;

typedef struct {
    const matrix *left, *right;
    int64_t rows, columns, first, depth; /* the slice [first, first + depth) */
    float *to;
    int64_t stride;
    float *panels, *tiles;               /* memory for the slice of the right, and for the rows of each thread */
    int64_t next, joined;
} job;

work VARIANTS(matmul_lay_panels), VARIANTS(matmul_add_tiles);

void NAME(matmul_lay_panels)(void *given) {
    job *todo = given;
    const matrix *right = todo->right;
    for (int64_t p; (p = take(&todo->next)) < panels(todo->columns);)
        pack_panel(right->at + todo->first * right->down, right->down, right->across, todo->depth, todo->columns, p,
                   todo->panels);
}

/* Copy rows of the slice of the left, one after another. */
static void lay_rows(const job *todo, int64_t row, int64_t rows, float *to) {
    const matrix *left = todo->left;
    const int64_t depth = todo->depth;
    const float *from = left->at + row * left->down + todo->first * left->across;
    if (left->across == 1) {
        for (int64_t r = 0; r < rows; r++) memcpy(to + r * depth, from + r * left->down, sizeof(float) * depth);
        return;
    }
    for (int64_t first = 0; first < depth; first += SIDE)
        for (int64_t side = 0; side < rows; side += SIDE)
            for (int64_t k = first; k < smaller(first + SIDE, depth); k++) {
                const float *beside = from + side * left->down + k * left->across;
                const int64_t here = smaller(SIDE, rows - side);
                for (int64_t r = 0; r < here; r++) to[(side + r) * depth + k] = beside[r * left->down];
            }
}

void NAME(matmul_add_tiles)(void *given) {
    job *todo = given;
    float *tile = todo->tiles + take(&todo->joined) * ROW_TILE * SLICE;
    for (int64_t item; (item = take(&todo->next)) * ROW_TILE < todo->rows;) {
        const int64_t row = item * ROW_TILE, rows = smaller(ROW_TILE, todo->rows - row);
        float *to = todo->to + row * todo->stride;
        const destination out = {.plus = to, .plus_stride = todo->stride, .to = to, .stride = todo->stride};
        lay_rows(todo, row, rows, tile);
        multiply(tile, rows, todo->depth, todo->panels, 0, panels(todo->columns), todo->columns, &out);
    }
}

#ifndef __AVX2__ /* once, with the plain variant */

#include "threads.h"

const layout matmul_layout[] = {
    WHOLE(matrix), FIELD(matrix, at), FIELD(matrix, down), FIELD(matrix, across), LAYOUT_ENDS};

/* to (rows, columns) += left (rows, depth) · right (depth, columns). Can run out of memory. */
EXPORT int regard_matmul_add(const matrix *left, const matrix *right, int64_t rows, int64_t depth, int64_t columns,
                             float *to, int64_t stride, int fast, int threads, team together) {
    const int64_t tiles = (rows + ROW_TILE - 1) / ROW_TILE, slices = (depth + SLICE - 1) / SLICE;
    const size_t laid = sizeof(float) * panels(columns) * PANEL * SLICE;
    char *room = NULL;
    threads = (int)smaller(smaller(threads, tiles), MAX_THREADS);
    if (posix_memalign((void **)&room, ALIGNMENT, laid + sizeof(float) * threads * ROW_TILE * SLICE)) return OUT_OF_MEMORY;
    job todo = {.left = left, .right = right, .rows = rows, .columns = columns, .to = to, .stride = stride,
                .panels = (float *)room, .tiles = (float *)(room + laid)};
    for (int64_t s = 0; s < slices; s++) {
        todo.first = s * depth / slices, todo.depth = (s + 1) * depth / slices - todo.first;
        todo.next = todo.joined = 0;
        run(PICK(matmul_lay_panels, fast), &todo, panels(columns), threads, together);
        todo.next = todo.joined = 0;
        run(PICK(matmul_add_tiles, fast), &todo, tiles, threads, together);
    }
    free(room);
    return DONE;
}

#endif
