/* SPDX-License-Identifier: MIT
 *
 * with_postgres_retry: a transaction that is repeated while it loses against others.
 */
#include "internal.h"

#include <stdlib.h>
#include <time.h>

static void run_once(void *argument)
{
    const struct with_postgres_retry_options *options = argument;

    with (cm_postgres_transaction(options->conn, .isolation = options->isolation,
                                  .read_only = options->read_only,
                                  .deferrable = options->deferrable))
        options->function(options->conn, options->argument);
}

/* Some time between half and all of the delay, so that those who met do not meet again. */
static void rest(double seconds, unsigned short seed[3])
{
    const double length = seconds * (0.5 + erand48(seed) / 2);
    struct timespec left = {(time_t)length, (long)((length - (double)(time_t)length) * 1e9)};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static void check(const struct with_postgres_retry_options *options)
{
    with__postgres_need(options->conn);
    if (!options->function) throw(ValueError, "with_postgres_retry: the function is NULL");
    if (options->tries < 0) throw(ValueError, "with_postgres_retry: tries is %d", options->tries);
    if (!(options->first_delay_seconds >= 0) || !(options->longest_delay_seconds >= 0))
        throw(ValueError, "with_postgres_retry: a delay is less than 0");
    if (PQtransactionStatus(options->conn) != PQTRANS_IDLE)
        throw(RuntimeError, "with_postgres_retry: the transaction around it would have to be "
                            "repeated too");
}

static bool is_worth_it(const with_exception *e)
{
    return with_isinstance(e, &SerializationFailure) || with_isinstance(e, &DeadlockDetected);
}

int with_postgres_retry_(const struct with_postgres_retry_options *options)
{
    const int tries = options->tries ? options->tries : 10;
    const double longest = options->longest_delay_seconds ? options->longest_delay_seconds : 1;
    double delay = options->first_delay_seconds ? options->first_delay_seconds : 0.01;
    struct timespec now;
    const with_exception *e;

    check(options);
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned short seed[3] = {(unsigned short)now.tv_nsec, (unsigned short)(now.tv_nsec >> 16),
                              (unsigned short)PQbackendPID(options->conn)};
    for (int i = 1;; i++) {
        e = with_call(run_once, (void *)options);
        if (!e) return i;
        if (!is_worth_it(e) || i == tries) {
            if (is_worth_it(e)) with_add_note(e, "tried %d times", i);
            with_throw_again(e);
        }
        with_exception_unref(e);
        rest(delay < longest ? delay : longest, seed);
        delay *= 2;
    }
}
