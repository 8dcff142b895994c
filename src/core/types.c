/* SPDX-License-Identifier: MIT
 *
 * The exception types, and which of them stands for an error number.
 */
#include "internal.h"

const with_exception_type with_BaseException = {"BaseException", NULL};

#define DEFINE_TYPE(NAME, BASE) const with_exception_type with_##NAME = {#NAME, &with_##BASE};
WITH_EXCEPTION_TYPES_(DEFINE_TYPE)

bool with_isinstance(const with_exception *exception, const with_exception_type *type)
{
    if (!exception) return false;
    for (const with_exception_type *t = exception->type; t; t = t->base)
        if (t == type) return true;
    return false;
}

/* PEP 3151, "New exception classes". EAGAIN and EWOULDBLOCK may be one number. */
const with_exception_type *with__error_type(int code)
{
    static const struct {
        int code;
        const with_exception_type *type;
    } types[] = {
        {EAGAIN, &with_BlockingIOError},
        {EALREADY, &with_BlockingIOError},
        {EINPROGRESS, &with_BlockingIOError},
        {EWOULDBLOCK, &with_BlockingIOError},
        {ECHILD, &with_ChildProcessError},
        {EPIPE, &with_BrokenPipeError},
        {ESHUTDOWN, &with_BrokenPipeError},
        {ECONNABORTED, &with_ConnectionAbortedError},
        {ECONNREFUSED, &with_ConnectionRefusedError},
        {ECONNRESET, &with_ConnectionResetError},
        {EEXIST, &with_FileExistsError},
        {ENOENT, &with_FileNotFoundError},
        {EINTR, &with_InterruptedError},
        {EISDIR, &with_IsADirectoryError},
        {ENOTDIR, &with_NotADirectoryError},
        {EACCES, &with_PermissionError},
        {EPERM, &with_PermissionError},
        {ESRCH, &with_ProcessLookupError},
        {ETIMEDOUT, &with_TimeoutError},
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].code == code) return types[i].type;
    return &with_OSError;
}
