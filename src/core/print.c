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

/* Walks to the oldest of a chain and back, along links that it leaves on its way there. */
void with_print_exception(FILE *stream, const with_exception *exception)
{
    const int error = errno;
    const with_exception *newer = NULL;

    for (const with_exception *e; exception && (e = older(exception)); exception = e) {
        with__whole(exception)->visited = with__whole(newer);
        newer = exception;
    }
    while (exception) {
        print_one(stream, exception);
        exception = newer;
        if (!exception) break;
        fputs(exception->cause
                  ? "\nThe above exception was the direct cause of the following exception:\n\n"
                  : "\nDuring handling of the above exception, another exception occurred:\n\n",
              stream);
        newer = (const with_exception *)with__whole(exception)->visited;
        with__whole(exception)->visited = NULL;
    }
    errno = error;
}
