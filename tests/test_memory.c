/* SPDX-License-Identifier: MIT
 *
 * What exceptions keep: nothing once their handling has ended. A million of each kind of throw leave
 * the process at its size, and a chain of any length is freed on a small stack.
 */
#include <with.h>

#include "test.h"

#include <pthread.h>
#include <stdlib.h>

/* Under a sanitizer or valgrind, what is freed is held back, so that only leaks can be looked for. */
static bool is_watched(void)
{
#ifdef TEST_SANITIZED
    return true;
#else
    const char *preloaded = getenv("LD_PRELOAD");

    return preloaded && strstr(preloaded, "vgpreload");
#endif
}

/* Pages in memory, as the system counts them; 0 where it does not say. */
static long resident_pages(void)
{
    long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file) return 0;
    if (fscanf(file, "%ld %ld", &size, &resident) != 2) resident = 0;
    fclose(file);
    return resident;
}

/* ---- Rounds -------------------------------------------------------------------------------- */

struct absorber {
    WITH_SUPPRESSOR;
};

static void absorber_enter(struct absorber *self)
{
    (void)self;
}

static bool absorber_exit(struct absorber *self, const with_exception *exception)
{
    (void)self;
    return exception != NULL;
}

WITH_CLASS(absorber, absorber_enter, absorber_exit);

static char long_text[600];

static void plain(void)
{
    try {
        throw(ValueError, "a number: %d", 1);
    } catch (ValueError) {
    }
}

static void nested(void)
{
    try {
        try {
            throw(KeyError, "first");
        } catch (KeyError) {
            try {
                throw(ValueError, "second");
            } catch (ValueError) {
                throw(EOFError, "third");
            }
        }
    } catch (EOFError) {
    }
}

static void chained(void)
{
    try {
        try {
            throw(KeyError, "first");
        } catch (KeyError, e) {
            throw_from(e, ValueError, "second");
        }
    } catch (ValueError, e) {
        with_add_note(e, "a note of %d", 2);
    }
}

static void long_texts(void)
{
    try {
        throw(ValueError, "%s", long_text);
    } catch (ValueError, e) {
        with_add_note(e, "%s", long_text);
    }
}

static void suppressed(void)
{
    with (WITH_NEW(absorber)) {
        try {
            throw(KeyError, "first");
        } catch (KeyError) {
            throw(ValueError, "second");
        }
    }
}

static void left_by_goto(void)
{
    try {
        throw(KeyError, "first");
    } catch (KeyError) {
        try {
            throw(ValueError, "second");
        } catch (ValueError) {
            goto out;
        }
    }
out:;
}

static void throw_for_call(void *unused)
{
    (void)unused;
    throw(EOFError, "kept");
}

static void kept(void)
{
    const with_exception *exception = with_call(throw_for_call, NULL);

    try {
        try {
            throw(KeyError, "handled");
        } catch (KeyError) {
            with_throw_again(exception);
        }
    } catch (EOFError, e) {
        with_exception_unref(with_exception_ref(e));
    }
}

static void rethrown(void)
{
    try {
        try {
            throw(KeyError, "first");
        } catch (KeyError) {
            with_rethrow();
        }
    } catch (KeyError) {
    }
}

static void at_depth(int depth)
{
    try {
        if (depth) at_depth(depth - 1);
        else throw(KeyError, "at the ground");
    } catch (ValueError) {
    }
}

static void far(void)
{
    try {
        at_depth(60);
    } catch (KeyError) {
    }
}

/* The system's count lags behind by some dozens of pages; an allocation lost in each round would be more. */
enum { SLACK = 128 };

static void check_size(void (*round)(void), const char *name, long rounds)
{
    long before, after;

    for (long i = 0; i < 1000; i++) round();
    before = resident_pages();
    for (long i = 0; i < rounds; i++) round();
    after = resident_pages();
    if (!is_watched() && after > before + SLACK)
        test_integers(after, before, __FILE__, __LINE__, name);
}

static void test_size(void)
{
    const long rounds = is_watched() ? 2000 : 1000000;

    memset(long_text, 'x', sizeof long_text - 1);
    check_size(plain, "pages after plain throws", rounds);
    check_size(nested, "pages after nested throws", rounds);
    check_size(chained, "pages after chained throws", rounds);
    check_size(long_texts, "pages after throws with long texts", rounds / 10);
    check_size(suppressed, "pages after suppressed throws", rounds / 10);
    check_size(left_by_goto, "pages after handlers left by goto", rounds / 10);
    check_size(kept, "pages after exceptions kept and thrown again", rounds / 10);
    check_size(rethrown, "pages after exceptions rethrown", rounds / 10);
    check_size(far, "pages after throws over 60 blocks", rounds / 50);
    CHECK(with_current() == NULL);
}

/* ---- Long chains --------------------------------------------------------------------------- */

enum { LINKS = 100000, SMALL_STACK = 256 * 1024 };

static const with_exception *chain;

static void lengthen(bool by_cause)
{
    try {
        if (!chain) throw(KeyError, "the oldest");
        with_throw_again(chain);
    } catch (BaseException, older) {
        try {
            if (by_cause) throw_from(older, ValueError, "next");
            throw(ValueError, "next");
        } catch (ValueError, e) {
            chain = with_exception_ref(e);
        }
    }
}

static void *free_chain(void *unused)
{
    with_exception_unref(chain);
    return unused;
}

static void test_long_chain(bool by_cause)
{
    pthread_attr_t attributes;
    pthread_t thread;
    long length = 0;

    chain = NULL;
    for (int i = 0; i < LINKS; i++) lengthen(by_cause);
    for (const with_exception *e = chain; e; e = e->context) length++;
    CHECK_INT(length, LINKS + 1);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SMALL_STACK);
    CHECK_INT(pthread_create(&thread, &attributes, free_chain, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

/* A throw puts the whole chain of what is being handled behind an old exception. */
static void test_join_long_chains(void)
{
    const with_exception *first;

    chain = NULL;
    for (int i = 0; i < LINKS / 10; i++) lengthen(false);
    first = chain;
    chain = NULL;
    for (int i = 0; i < LINKS / 10; i++) lengthen(true);
    try {
        try {
            with_throw_again(first);
        } catch (ValueError) {
            with_throw_again(chain);
        }
    } catch (ValueError, e) {
        CHECK(e == chain);
        CHECK(e->context == first);
    }
}

/* ---- Made, not raised -------------------------------------------------------------------------- */

static const with_exception *make(const char *text)
{
    const with_exception *e = with_exception_new(&LookupError, -3, "no %s", text);

    CHECK(e->type == &LookupError);
    CHECK_STR(e->message, "no key");
    CHECK_INT(e->code, -3);
    CHECK_INT((long long)e->traceback_length, 0);
    with_add_note(e, "a note");
    return e;
}

static void test_new(void)
{
    const with_exception *e = make("key");

    CHECK(e->context == NULL && with_current() == NULL);
    with_exception_unref(e);

    try {
        throw(KeyError, "handled");
    } catch (KeyError, first) {
        e = make("key");
        CHECK(e->context == first);
    }
    try {
        with_throw_again(e);
    } catch (LookupError, caught) {
        CHECK(caught == e);
        CHECK_STR(caught->notes->text, "a note");
        CHECK_STR(caught->context->message, "handled");
        CHECK_INT((long long)caught->traceback_length, 2);
    }
}

int main(void)
{
    test_size();
    test_long_chain(false);
    test_long_chain(true);
    test_join_long_chains();
    test_new();
    return test_result();
}
