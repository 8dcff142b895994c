/* SPDX-License-Identifier: MIT
 *
 * cm_chdir: there by path, and back by descriptor.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_PATH */
#endif
#include "internal.h"

/* A directory that may be searched, but not read, must do. */
#if defined(O_PATH)
#define TO_COME_BACK O_PATH
#elif defined(O_SEARCH)
#define TO_COME_BACK O_SEARCH
#else
#define TO_COME_BACK O_RDONLY
#endif

static int open_current(void)
{
    int fd;

    do fd = open(".", TO_COME_BACK | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static void chdir_enter(struct cm_chdir *self)
{
    struct with__calm calm;
    int error = 0;

    if (!self->path) throw(ValueError, "cm_chdir: the path is NULL");

    calm = with__calm_begin();
    self->as = open_current();
    if (self->as < 0 || chdir(self->path) != 0) error = errno;
    if (error && self->as >= 0) close(self->as);
    with__calm_end(calm);
    if (error && self->as < 0) throw_error(error, "the current directory");
    if (error) throw_error(error, "%s", self->path);
}

static bool chdir_exit(struct cm_chdir *self, const with_exception *exception)
{
    const struct with__calm calm = with__calm_begin();
    int error = 0;

    if (fchdir(self->as) != 0) error = errno;
    if (close(self->as) != 0 && !error) error = errno;
    with__calm_end(calm);
    if (error) with_release_error(exception, error, "going back from %s", self->path);
    return false;
}

WITH_CLASS(cm_chdir, chdir_enter, chdir_exit);

struct cm_chdir cm_chdir(const char *path)
{
    return WITH_NEW(cm_chdir, .path = path);
}
