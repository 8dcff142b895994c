/* SPDX-License-Identifier: MIT
 *
 * What we know of a connection: whose it is and whether it is broken. libmariadb keeps a pointer for
 * us, and the knowledge is in the pointer itself, so that there is nothing to be freed. So a connection
 * that the user made will do as well.
 */
#include "internal.h"

#include <errmsg.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

static char key[] = "libwith";

enum { REASON_BITS = 3 };

static uintptr_t get_state(MYSQL *conn)
{
    void *state = NULL;

    if (mysql_get_optionv(conn, MARIADB_OPT_USERDATA, key, &state) != 0) return 0;
    return (uintptr_t)state;
}

static bool set_state(MYSQL *conn, pid_t owner, enum with__mysql_reason reason)
{
    const uintptr_t state = (uintptr_t)owner << REASON_BITS | (uintptr_t)reason;

    return mysql_optionsv(conn, MARIADB_OPT_USERDATA, key, (void *)state) == 0;
}

static pid_t owner_of(MYSQL *conn)
{
    return (pid_t)(get_state(conn) >> REASON_BITS);
}

static enum with__mysql_reason reason_of(MYSQL *conn)
{
    return (enum with__mysql_reason)(get_state(conn) & ((1 << REASON_BITS) - 1));
}

/* The resolver runs on the stack of the non-blocking form, and needs more than is usual there. */
bool with__mysql_adopt(MYSQL *conn)
{
    size_t stack = 256 * 1024;

    return mysql_options(conn, MYSQL_OPT_NONBLOCK, &stack) == 0 &&
           set_state(conn, getpid(), WITH__MYSQL_GOOD);
}

bool with__mysql_is_foreign(MYSQL *conn)
{
    const pid_t owner = owner_of(conn);

    return owner && owner != getpid();
}

/* Without a pvio libmariadb has closed the socket. */
bool with_mysql_is_broken(const MYSQL *conn)
{
    return !conn->net.pvio || reason_of((MYSQL *)conn) != WITH__MYSQL_GOOD;
}

const char *with__mysql_why_broken(MYSQL *conn)
{
    switch (reason_of(conn)) {
    case WITH__MYSQL_NO_ANSWER: return "the server did not answer in time";
    case WITH__MYSQL_NOT_STOPPED: return "a statement on it could not be stopped";
    case WITH__MYSQL_NOT_ROLLED_BACK: return "a rollback on it failed";
    default: return NULL;
    }
}

void with__mysql_need(MYSQL *conn)
{
    if (!conn) throw(ValueError, "the connection is NULL");
    if (with__mysql_is_foreign(conn))
        throw(RuntimeError, "the connection belongs to process %d, not to this one",
              (int)owner_of(conn));
    if (with_mysql_is_broken(conn))
        with_throw_again(with_exception_new(
            &ConnectionFailure, CR_SERVER_LOST, "the connection is of no more use: %s",
            with__mysql_why_broken(conn) ? with__mysql_why_broken(conn) : "it is lost"));
    if (conn->status != MYSQL_STATUS_READY || mysql_more_results(conn))
        throw(InterfaceError, "the connection is still busy with an earlier statement");
    if (!owner_of(conn) && !with__mysql_adopt(conn))
        throw(MemoryError, "no memory for the state of a connection");
    if (with__mysql_in_block(conn) && !(conn->server_status & SERVER_STATUS_IN_TRANS))
        throw(InternalError, "the transaction was ended in its block: by a statement that commits, "
                             "or by a failure that rolls back");
}

void with__mysql_break(MYSQL *conn, enum with__mysql_reason reason)
{
    if (reason_of(conn) == WITH__MYSQL_GOOD) set_state(conn, getpid(), reason);
    /* Whoever uses it nevertheless is told at once, and gets no answer that was another's. */
    if (conn->net.pvio) shutdown(mysql_get_socket(conn), SHUT_RDWR);
}

/*
 * What says good-bye would end the parent's session, for the socket is shared with it. So the
 * descriptor is made another one.
 */
void with__mysql_leave(MYSQL *conn)
{
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    int socket;

    if (!conn->net.pvio || (socket = (int)mysql_get_socket(conn)) < 0) {
        if (nowhere >= 0) close(nowhere);
    } else if (nowhere >= 0) {
        dup2(nowhere, socket);
        close(nowhere);
    } else close(socket);
}

void with__mysql_close(MYSQL *conn)
{
    if (!conn) return;
    if (with__mysql_is_foreign(conn)) with__mysql_leave(conn);
    mysql_close(conn);
}
