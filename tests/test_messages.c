/* SPDX-License-Identifier: MIT
 *
 * Where the text of messages and notes is kept: literals in place, all else copied into the exception
 * as long as there is room, then beside it.
 */
#include "test.h"

#include <stdlib.h>
#include <with.h>

#pragma GCC diagnostic ignored "-Wformat-security" /* formats that are no literals are the point */

enum { LONGEST = 300 };

static const char *filled(char letter, int length)
{
    static char text[LONGEST + 1];

    memset(text, letter, (size_t)length);
    text[length] = '\0';
    return text;
}

/* A message of every length, and notes of some lengths until they are far beyond the room. */
static void test_every_length(void)
{
    char message[LONGEST + 1];

    for (int length = 0; length < LONGEST; length++) {
        strcpy(message, filled('m', length));
        try {
            throw(ValueError, "%s", message);
        } catch (ValueError, e) {
            int count = 0;
            for (int i = 0; i < 40; i++) with_add_note(e, "%s", filled('n', (i * 7 + length) % 30));
            CHECK_STR(e->message, message);
            for (const with_note *note = e->notes; note; note = note->next, count++)
                CHECK_STR(note->text, filled('n', (count * 7 + length) % 30));
            CHECK_INT(count, 40);
        }
    }
}

static void throw_buffer(void *unused)
{
    char text[20] = "in a buffer";
    const char *volatile format = text;

    (void)unused;
    throw(ValueError, format);
}

static void throw_array(void *unused)
{
    char text[] = "in an array";

    (void)unused;
    throw(ValueError, text);
}

static void throw_from_array(void *unused)
{
    char text[] = "from an array";

    (void)unused;
    throw_from(NULL, ValueError, text);
}

static void throw_parts(void *unused)
{
    (void)unused;
    throw(ValueError, "in "
                      "parts");
}

static void throw_chosen(void *text)
{
    throw(ValueError, text ? "this" : "that");
}

static void throw_percent(void *unused)
{
    (void)unused;
    throw(ValueError, "100 %%");
}

static void throw_empty(void *unused)
{
    (void)unused;
    throw_from(NULL, ValueError, "%s", "");
}

/* Makes the stack of the throw something else than it was. */
static __attribute__((noinline)) void scribble(void)
{
    volatile char all[4096];

    for (size_t i = 0; i < sizeof all; i++) all[i] = 'x';
}

static void check_message(void (*function)(void *), const char *wanted)
{
    const with_exception *exception = with_call(function, NULL);

    scribble();
    CHECK_STR(exception ? exception->message : NULL, wanted);
    with_exception_unref(exception);
}

/* The format is evaluated once, whatever it is. */
static void test_evaluated_once(void)
{
    const char *formats[] = {"first", "second"};
    const char *const *volatile next = formats;
    volatile int count = 0;

    try {
        throw(ValueError, *next++);
    } catch (ValueError, e) {
        CHECK_STR(e->message, "first");
        CHECK_INT(next - formats, 1);
    }
    try {
        throw(ValueError, "%d", ++count);
    } catch (ValueError, e) {
        CHECK_STR(e->message, "1");
        CHECK_INT(count, 1);
    }
}

int main(void)
{
    test_every_length();
    check_message(throw_buffer, "in a buffer");
    check_message(throw_array, "in an array");
    check_message(throw_from_array, "from an array");
    check_message(throw_parts, "in parts");
    check_message(throw_chosen, "that");
    check_message(throw_percent, "100 %");
    check_message(throw_empty, "");
    test_evaluated_once();
    return test_result();
}
