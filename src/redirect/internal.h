/* SPDX-License-Identifier: MIT
 *
 * Private to redirecting and chdir: what the two share.
 */
#ifndef WITH_REDIRECT_INTERNAL_H
#define WITH_REDIRECT_INTERNAL_H

#include <with/redirect.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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

#endif
