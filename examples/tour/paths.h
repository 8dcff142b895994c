/* SPDX-License-Identifier: MIT
 *
 * A list of paths that many threads take from and add to.
 */
#ifndef TOUR_PATHS_H
#define TOUR_PATHS_H

#include <with.h>

struct paths;

struct cm_paths {
    WITH_MANAGER;
    const char *first;
    struct paths *as;
};

/* A list with one path on it. The exit frees it; no thread may then use it any more. */
struct cm_paths cm_paths(const char *first);

/* Adds directory/name; both are copied. Throws MemoryError. */
void paths_add(struct paths *paths, const char *directory, const char *name);

/* Whether no thread works on a path, and none will get one any more. */
bool paths_over(struct paths *paths);

struct cm_next_path {
    WITH_MANAGER;
    struct paths *paths;
    struct path *taken;
    const char *as;
};

/* Takes the next path for a block, waiting for one. `as` is NULL when there will be none.
 * An exception that leaves the block ends the list for all threads. */
struct cm_next_path cm_next_path(struct paths *paths);

#endif
