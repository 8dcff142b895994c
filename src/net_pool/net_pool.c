/* SPDX-License-Identifier: MIT
 *
 * Makers of connections for a pool: cm_connect() and cm_connect_unix(), kept beyond their block.
 */
#define WITH_NO_KEYWORDS
#include <with/net_pool.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What enter has made is ours from then on: the manager's exit is not run. */
static int open_connection(void *argument, void **ret_value)
{
    const struct with_connect_options *options = argument;
    struct cm_connect manager = cm_connect(NULL, NULL);

    if (options) memcpy(&manager.options_, options, sizeof *options);
    with_connect_enter_(&manager);
    *ret_value = (void *)(intptr_t)manager.as;
    return 0;
}

static int open_unix_connection(void *argument, void **ret_value)
{
    const struct with_connect_unix_options *options = argument;
    struct cm_connect_unix manager = cm_connect_unix(NULL);

    if (options) memcpy(&manager.options_, options, sizeof *options);
    with_connect_unix_enter_(&manager);
    *ret_value = (void *)(intptr_t)manager.as;
    return 0;
}

/* The end of the stream, an error, and input are all signs of a connection that is of no use any more. */
static int check_connection(void *argument, void *value)
{
    char byte;
    ssize_t size;

    (void)argument;
    do size = recv((int)(intptr_t)value, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size == 0) return -ECONNRESET;
    if (size > 0) return -ECONNABORTED;
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}

static void close_connection(void *argument, void *value)
{
    (void)argument;
    if (close((int)(intptr_t)value) < 0 && errno != EINTR)
        with_throw_errno("closing the connection on descriptor %d", (int)(intptr_t)value);
}

#define CONNECTION_MAKER(NAME, OPEN)                                                               \
    {                                                                                              \
        .size = sizeof(struct with_pool_maker), .name = NAME, .open = OPEN,                        \
        .check = check_connection, .reset = check_connection, .close = close_connection,           \
        .abandon = close_connection, .open_is_cancellable = true,                                  \
    }

const struct with_pool_maker with_connect_maker = CONNECTION_MAKER("connect", open_connection);
const struct with_pool_maker with_connect_unix_maker =
    CONNECTION_MAKER("connect_unix", open_unix_connection);
