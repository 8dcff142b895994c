/* SPDX-License-Identifier: MIT
 *
 * Private to the locks: deadlines, and trying until one.
 */
#ifndef WITH_LOCK_INTERNAL_H
#define WITH_LOCK_INTERNAL_H

#include "../core/internal.h"
#include <with/lock.h>

#include <time.h>

/* The name of the C type of a lock. */
const char *with__lock_type(enum with_lock_kind_ kind);

/* So many seconds from now, by a clock that nobody sets; not before now. NaN is not allowed. */
struct timespec with__deadline_in(double seconds);

/*
 * Calls attempt(argument) until it returns something else than EBUSY, and returns that, or ETIMEDOUT
 * at the deadline. It is called at least once. Sleeps in between, which is a cancellation point.
 */
int with__try_until(int (*attempt)(void *argument), void *argument, struct timespec deadline);

/* Throws an exception that has a code, but not the text of the code in its message. */
void with__throw_coded(const with_site *site, struct with__exception *self, int code,
                       const char *format, ...) __attribute__((noreturn, format(printf, 4, 5)));

/* Throws the TimeoutError of what was not free, which the format names. */
#define WITH__TIMED_OUT(SECONDS, FORMAT, ...)                                                      \
    with__throw_coded(WITH_SITE_(WITH_THROW_SITE_, "throw(TimeoutError, ...)"),                    \
                      with__exception_new(&with_TimeoutError), ETIMEDOUT,                          \
                      FORMAT " was not free within %g seconds", __VA_ARGS__,                       \
                      (SECONDS) > 0 ? (SECONDS) : 0.0)

#endif
