/* SPDX-License-Identifier: MIT
 *
 * The messages and notes of an exception. Text goes into the exception itself while there is room,
 * then into allocated chunks; without memory it is cut to the room that is left.
 */
#undef _GNU_SOURCE /* POSIX's strerror_r, not GNU's */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static size_t copy_text(char *text, size_t size, const char *from)
{
    const size_t length = strlen(from), fits = length < size ? length : size - 1;

    memcpy(text, from, fits);
    text[fits] = '\0';
    return length;
}

/* As vsnprintf(), which a format without % need not pay for. */
static size_t format_text(char *text, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
static size_t format_text(char *text, size_t size, const char *format, va_list arguments)
{
    int length = strchr(format, '%') ? vsnprintf(text, size, format, arguments) : -1;

    return length < 0 ? copy_text(text, size, format) : (size_t)length;
}

static size_t format_error(char *text, size_t size, int code, bool alone)
{
    char error[80] = "";

    if (strerror_r(code, error, sizeof error) == EINVAL)
        snprintf(error, sizeof error, "error %d", code);
    return (size_t)snprintf(text, size, "%s%s", alone ? "" : ": ", error);
}

/* Writes what fits into size bytes, at least 1. Returns the length of the whole. */
static size_t write_text(char *text, size_t size, int code, const char *format, va_list arguments)
    __attribute__((format(printf, 4, 0)));
static size_t write_text(char *text, size_t size, int code, const char *format, va_list arguments)
{
    va_list copy;
    size_t length;

    va_copy(copy, arguments);
    length = format_text(text, size, format, copy);
    va_end(copy);
    if (code) {
        size_t at = length < size ? length : size - 1;
        length += format_error(text + at, size - at, code, length == 0);
    }
    return length;
}

static char *inline_text(struct with__exception *self, size_t size)
{
    char *text = self->text + self->text_used;

    self->text_used += (size + 7) & ~(size_t)7;
    return text;
}

/* The text, behind `before` bytes left for the caller; NULL if no room is left at all. */
static char *store_text(struct with__exception *self, size_t before, int code, const char *format,
                        va_list arguments) __attribute__((format(printf, 4, 0)));
static char *store_text(struct with__exception *self, size_t before, int code, const char *format,
                        va_list arguments)
{
    const size_t worthwhile = before + 16, room = sizeof self->text - self->text_used;
    char *text = self->text + self->text_used, none[1];
    struct with__chunk *chunk;
    size_t length;

    if (room < worthwhile) length = write_text(none, 1, code, format, arguments);
    else length = write_text(text + before, room - before, code, format, arguments);
    if (room >= worthwhile && before + length < room) return inline_text(self, before + length + 1);

    chunk = malloc(sizeof *chunk + before + length + 1);
    if (!chunk) return room < worthwhile ? NULL : inline_text(self, room);
    write_text(chunk->text + before, length + 1, code, format, arguments);
    chunk->next = self->chunks;
    self->chunks = chunk;
    self->has_parts = true;
    return chunk->text;
}

void with__set_message(struct with__exception *self, int code, const char *format,
                       va_list arguments)
{
    if (self == &with__last_resort) return;
    self->exception.message = store_text(self, 0, code, format, arguments);
}

void with__add_note(struct with__exception *self, int code, const char *format, va_list arguments)
{
    const int error = errno;
    with_note *note;

    if (self == &with__last_resort) return;
    note = (with_note *)(void *)store_text(self, sizeof *note, code, format, arguments);
    if (note) {
        *note = (with_note){NULL, (const char *)(note + 1)};
        if (self->last_note) self->last_note->next = note;
        else self->exception.notes = note;
        self->last_note = note;
    } else self->exception.notes_lost++;
    errno = error;
}

void with_add_note(const with_exception *exception, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    with__add_note(with__whole(exception), 0, format, arguments);
    va_end(arguments);
}
