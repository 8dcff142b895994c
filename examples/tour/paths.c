/* SPDX-License-Identifier: MIT */
#include "paths.h"

#include <with/lock.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct path {
    struct path *next;
    char text[];
};

struct paths {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct path *waiting;
    int busy;      /* threads that work on a path, and may add more */
    bool given_up; /* a thread has failed: no path is given out any more */
};

void paths_add(struct paths *paths, const char *directory, const char *name)
{
    const size_t size = strlen(directory) + strlen(name) + 2;
    struct path *path = malloc(sizeof *path + size);

    if (!path) throw(MemoryError, "%s/%s", directory, name);
    snprintf(path->text, size, "%s%s%s", directory, *name ? "/" : "", name);
    with (cm_lock(&paths->lock)) {
        path->next = paths->waiting;
        paths->waiting = path;
        pthread_cond_signal(&paths->changed);
    }
}

bool paths_over(struct paths *paths)
{
    with (cm_lock(&paths->lock)) return (!paths->waiting || paths->given_up) && paths->busy == 0;
}

/* ---- One path, for a block ------------------------------------------------------------------ */

static void next_path_enter(struct cm_next_path *self)
{
    struct paths *paths = self->paths;

    with (cm_lock(&paths->lock)) {
        while (!paths->waiting && paths->busy > 0) pthread_cond_wait(&paths->changed, &paths->lock);
        if (!paths->waiting || paths->given_up) return; /* unlocks, as every way out does */
        self->taken = paths->waiting;
        paths->waiting = self->taken->next;
        paths->busy++;
    }
    self->as = self->taken->text;
}

static bool next_path_exit(struct cm_next_path *self, const with_exception *exception)
{
    if (!self->taken) return false;
    free(self->taken);
    with (cm_lock(&self->paths->lock)) {
        self->paths->busy--;
        if (exception) self->paths->given_up = true;
        pthread_cond_broadcast(&self->paths->changed);
    }
    return false;
}

WITH_CLASS(cm_next_path, next_path_enter, next_path_exit);

struct cm_next_path cm_next_path(struct paths *paths)
{
    return WITH_NEW(cm_next_path, .paths = paths);
}

/* ---- The list ------------------------------------------------------------------------------- */

static bool paths_exit(struct cm_paths *self, const with_exception *exception)
{
    (void)exception;
    for (struct path *path = self->as->waiting, *next; path; path = next) {
        next = path->next; /* there is one only after a failure */
        free(path);
    }
    pthread_cond_destroy(&self->as->changed);
    pthread_mutex_destroy(&self->as->lock);
    free(self->as);
    return false;
}

static void paths_enter(struct cm_paths *self)
{
    self->as = calloc(1, sizeof *self->as);
    if (!self->as) throw(MemoryError, "no memory for a list of paths");
    pthread_mutex_init(&self->as->lock, NULL);
    pthread_cond_init(&self->as->changed, NULL);
    try {
        paths_add(self->as, self->first, "");
    } catch (BaseException) { /* an enter that throws has no exit */
        paths_exit(self, NULL);
        with_rethrow();
    }
}

WITH_CLASS(cm_paths, paths_enter, paths_exit);

struct cm_paths cm_paths(const char *first)
{
    return WITH_NEW(cm_paths, .first = first);
}
