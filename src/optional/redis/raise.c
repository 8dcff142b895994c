/* SPDX-License-Identifier: MIT
 *
 * From an error in reply to an exception. Redis has no numbers of errors: what counts is the first word.
 * Words of commands but the first are not told, for they may be secrets.
 */
#include "internal.h"

#include <string.h>

/* ---- Types ----------------------------------------------------------------------------------- */

/* How errors begin, the more special first. docs/reference/redis.md has the same table. */
static const struct {
    const char *beginning;
    const with_exception_type *type;
} errors[] = {
    {"ERR max number of clients", &with_TooManyConnections},
    {"ERR unknown command", &with_ProgrammingError},
    {"ERR unknown subcommand", &with_ProgrammingError},
    {"ERR wrong number of arguments", &with_ProgrammingError},
    {"ERR syntax error", &with_ProgrammingError},
    {"ERR value is not", &with_DataError},
    {"ERR value is out of range", &with_DataError},
    {"ERR increment or decrement would overflow", &with_DataError},
    {"ERR min or max is not", &with_DataError},
    {"ERR hash value is not", &with_DataError},
    {"ERR DB index", &with_ProgrammingError},
    {"ERR invalid DB index", &with_ProgrammingError},
    {"ERR invalid password", &with_OperationalError},
    {"ERR Client sent AUTH", &with_OperationalError},
    {"ERR AUTH ", &with_OperationalError},
    {"ERR EXEC without MULTI", &with_InternalError},
    {"ERR DISCARD without MULTI", &with_InternalError},
    {"ERR", &with_DatabaseError},
    {"WRONGTYPE", &with_ProgrammingError},
    {"NOSCRIPT", &with_ProgrammingError},
    {"CROSSSLOT", &with_ProgrammingError},
    {"EXECABORT", &with_InternalError},
    {"MOVED", &with_NotSupportedError},
    {"ASK", &with_NotSupportedError},
    {"UNBLOCKED", &with_QueryCanceled},
    {"NOAUTH", &with_OperationalError},
    {"WRONGPASS", &with_OperationalError},
    {"NOPERM", &with_OperationalError},
    {"OOM", &with_OperationalError},
    {"MISCONF", &with_OperationalError},
    {"READONLY", &with_OperationalError},
    {"LOADING", &with_OperationalError},
    {"BUSY", &with_OperationalError},
    {"TRYAGAIN", &with_OperationalError},
    {"CLUSTERDOWN", &with_OperationalError},
    {"MASTERDOWN", &with_OperationalError},
    {"NOREPLICAS", &with_OperationalError},
};

static const with_exception_type *type_of(const char *text)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        const size_t length = strlen(errors[i].beginning);
        if (strncmp(text, errors[i].beginning, length) == 0) return errors[i].type;
    }
    return &with_DatabaseError;
}

/* ---- Exceptions ------------------------------------------------------------------------------ */

const with_exception *with__redis_failure(const redisReply *reply, const char *what,
                                          const char *command)
{
    const with_exception *e = with_exception_new(type_of(reply->str), 0, "%s%s%s", what ? what : "",
                                                 what ? ": " : "", reply->str);

    if (command) with_add_note(e, "command: %s", command);
    return e;
}

const with_exception *with__redis_lost(const redisContext *conn, const char *what)
{
    if (conn->err == REDIS_ERR_OOM)
        return with_exception_new(&MemoryError, 0, "no memory for a reply");
    return with_exception_new(&ConnectionFailure, 0, "%s%s%s", what ? what : "", what ? ": " : "",
                              conn->errstr[0] ? conn->errstr : "the connection is lost");
}
