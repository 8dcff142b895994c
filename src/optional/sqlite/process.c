/* SPDX-License-Identifier: MIT
 *
 * Which process this is, without asking the system each time: that would be a fifth of a transaction.
 */
#include "internal.h"

static pid_t process; /* 0: not known here */

static void renew(void)
{
    process = getpid();
}

__attribute__((constructor)) static void follow_forks(void)
{
    if (pthread_atfork(NULL, NULL, renew) == 0) renew();
}

int with__sqlite_process(void)
{
    return process ? process : getpid();
}
