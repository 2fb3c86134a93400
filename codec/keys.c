#include "codec/keys.h"

#define FEW 16 // keys; up to here n^2/2 comparisons are cheaper than sorting

static bool few_twice (
    const uint16_t *at, uint32_t count, slice_t header, keys_compare_fn *compare, uint16_t *twice)
{
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (compare (header, at[i], at[j]) == 0) {
                *twice = at[i];
                return true;
            }
        }
    }
    return false;
}

static void
sift_down (uint16_t *at, uint32_t root, uint32_t count, slice_t header, keys_compare_fn *compare)
{
    uint16_t moved = at[root];

    for (uint32_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && compare (header, at[child], at[child + 1]) < 0)
            child++;
        if (compare (header, moved, at[child]) >= 0)
            break;
        at[root] = at[child];
        root = child;
    }
    at[root] = moved;
}

static void sort (uint16_t *at, uint32_t count, slice_t header, keys_compare_fn *compare)
{
    for (uint32_t root = count / 2; root-- > 0;)
        sift_down (at, root, count, header, compare);
    for (uint32_t last = count - 1; last > 0; last--) {
        uint16_t greatest = at[0];
        at[0] = at[last];
        at[last] = greatest;
        sift_down (at, 0, last, header, compare);
    }
}

bool keys_twice (
    keys_t *self, uint32_t base, slice_t header, keys_compare_fn *compare, uint16_t *at)
{
    uint16_t *own = self->at + base;
    uint32_t count = self->count - base;

    self->count = base;
    if (count <= FEW)
        return few_twice (own, count, header, compare, at);
    sort (own, count, header, compare);
    for (uint32_t i = 1; i < count; i++) {
        if (compare (header, own[i - 1], own[i]) == 0) {
            *at = own[i];
            return true;
        }
    }
    return false;
}
