/* SPDX-License-Identifier: MIT
 *
 * Printing exceptions as CPython does: the oldest of a chain first, the throw of each last. What
 * stands here follows print_exception_recursive() of its Python/pythonrun.c.
 */
#include "internal.h"

/* What is printed before exception: its cause, or the context that it does not hide. */
static const with_exception *older(const with_exception *exception)
{
    if (exception->cause) return exception->cause;
    return exception->suppress_context ? NULL : exception->context;
}

/* The length of the chain up to where it ends or comes back to what it has passed. */
static size_t chain_length(const with_exception *newest)
{
    size_t length = 0;

    for (const with_exception *e = newest; e; e = older(e), length++) {
        const with_exception *seen = newest;
        for (size_t i = 0; i < length; i++, seen = older(seen))
            if (seen == e) return length;
    }
    return length;
}

static void print_traceback(FILE *stream, const with_exception *exception)
{
    if (!exception->traceback_length) return;
    fputs("Traceback (most recent call last):\n", stream);
    if (exception->traceback_lost)
        fprintf(stream, "  [%zu more blocks]\n", exception->traceback_lost);
    for (size_t i = exception->traceback_length; i-- > 0;) {
        const with_site *site = exception->traceback[i];
        fprintf(stream, "  File \"%s\", line %d, in %s\n    %s\n", site->file, site->line,
                site->function, site->text);
    }
}

static void print_one(FILE *stream, const with_exception *exception)
{
    print_traceback(stream, exception);
    with__backtrace_print(stream, with__whole(exception));
    fprintf(stream, "%s%s%s\n", exception->type->name, *exception->message ? ": " : "",
            exception->message);
    for (const with_note *note = exception->notes; note; note = note->next)
        fprintf(stream, "%s\n", note->text);
    if (exception->notes_lost)
        fprintf(stream, "[%zu more notes, for which there was no memory]\n", exception->notes_lost);
}

void with_print_exception(FILE *stream, const with_exception *exception)
{
    int error = errno;

    for (size_t i = chain_length(exception); i-- > 0;) {
        const with_exception *e = exception;
        for (size_t k = 0; k < i; k++) e = older(e);
        print_one(stream, e);
        if (i == 0) break;
        const with_exception *newer = exception;
        for (size_t k = 0; k + 1 < i; k++) newer = older(newer);
        fputs(newer->cause
                  ? "\nThe above exception was the direct cause of the following exception:\n\n"
                  : "\nDuring handling of the above exception, another exception occurred:\n\n",
              stream);
    }
    errno = error;
}
