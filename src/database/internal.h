/* SPDX-License-Identifier: MIT
 *
 * Private to the libraries for databases: what they do alike. In this header alone, so that the core
 * shows no symbol for it.
 */
#ifndef WITH_DATABASE_INTERNAL_H
#define WITH_DATABASE_INTERNAL_H

#include <with/database.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

/* ---- Calm ------------------------------------------------------------------------------------ */

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

/* ---- Options --------------------------------------------------------------------------------- */

/*
 * Copies the options that the caller knows of, by the size that they begin with; the others stay as they
 * are. ValueError, which names what they are of, if they are without their size.
 */
#define WITH__COPY_OPTIONS(NAME, TO, FROM)                                                         \
    with__database_copy_options(NAME, TO, sizeof *(TO), FROM, (FROM) ? (FROM)->size : 0)

static inline void with__database_copy_options(const char *name, void *to, size_t room,
                                               const void *from, size_t size)
{
    if (size < sizeof size) with_throw(with_ValueError, "%s: options without their size", name);
    memcpy(to, from, size < room ? size : room);
}

/* ---- Exceptions ------------------------------------------------------------------------------ */

/* The beginning of the SQL, as much of it as helps: it is not cut inside of a character of UTF-8. */
struct with__database_excerpt {
    int length;
    const char *text, *dots;
};

static inline struct with__database_excerpt with__database_excerpt(const char *sql)
{
    enum { SHOWN = 400 };
    size_t length;

    sql += strspn(sql, " \n\t");
    length = strnlen(sql, SHOWN + 1);
    if (length <= SHOWN) return (struct with__database_excerpt){(int)length, sql, ""};
    length = SHOWN;
    while (length > 0 && ((unsigned char)sql[length] & 0xC0) == 0x80) length--;
    return (struct with__database_excerpt){(int)length, sql, "..."};
}

static inline void with__database_note_sql(const with_exception *exception, const char *sql)
{
    const struct with__database_excerpt excerpt = with__database_excerpt(sql);

    with_add_note(exception, "SQL: %.*s%s", excerpt.length, excerpt.text, excerpt.dots);
}

/* Notes that this failed as well, and drops it. A failure of NULL is none. */
static inline void with__database_add(const with_exception *exception,
                                      const with_exception *failure)
{
    if (!failure) return;
    with_add_note(exception, "%s: %s", failure->type->name, failure->message);
    for (const with_note *note = failure->notes; note; note = note->next)
        with_add_note(exception, "%s", note->text);
    with_exception_unref(failure);
}

/*
 * The end of an exit: a failure, which is taken, is thrown, or becomes a note of the exception that is
 * leaving the block. A failure of NULL is none.
 */
static inline void with__database_report(const with_exception *exception,
                                         const with_exception *failure)
{
    if (failure && !exception) with_throw_again(failure);
    with__database_add(exception, failure);
}

#endif
