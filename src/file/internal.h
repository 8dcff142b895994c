/* SPDX-License-Identifier: MIT
 *
 * Private to the file family: what its files share. The functions leave the reason of a failure in
 * errno, and may be cancellation points: callers disable cancellation.
 */
#ifndef WITH_FILE_INTERNAL_H
#define WITH_FILE_INTERNAL_H

#include <with/file.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a stretch of code that may not be cancelled, nor change errno, gives back at its end. */
struct with__calm {
    int error, cancel;
};

static inline struct with__calm with__calm_begin(void)
{
    struct with__calm calm = {.error = errno};

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &calm.cancel);
    return calm;
}

static inline void with__calm_end(struct with__calm calm)
{
    pthread_setcancelstate(calm.cancel, NULL);
    errno = calm.error;
}

/* As openat(), repeated when a signal interrupts it, and closed on exec(). */
static inline int with__openat(int directory, const char *path, int flags, mode_t mode)
{
    int fd;

    do fd = openat(directory, path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* As close(), keeping errno: for what is given up because of another failure. */
static inline void with__close_quietly(int fd)
{
    const int error = errno;

    if (fd >= 0) close(fd);
    errno = error;
}

/*
 * Opens the directory that holds the file which path leads to, as open() would follow its links,
 * and writes the file's name there into name. Gives the directory's descriptor, or -1.
 */
int with__find_file(const char *path, char *name, size_t size);

/*
 * Gives the open file `to` what the file `name` in directory has: owner, group, access list, user
 * attributes and mode, of which status tells. Returns NULL, or what could not be kept.
 */
const char *with__keep_attributes(int directory, const char *name, const struct stat *status,
                                  int to);

#endif
