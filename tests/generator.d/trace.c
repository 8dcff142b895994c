/* SPDX-License-Identifier: MIT
 *
 * Every kind of generator around every kind of block, in every scene. Prints what happens, who sees what
 * exception handled, and what escapes with its chain: as trace.py does.
 */
#include <with.h>
#include <with/generator.h>

#include <stdio.h>
#include <string.h>

static void print_name(const with_exception *e)
{
    printf("%s", e ? e->type->name : "nothing");
    if (e && *e->message) printf("(%s)", e->message);
}

static void print_chain(const with_exception *e)
{
    print_name(e);
    if (e->cause) {
        printf(" from [");
        print_chain(e->cause);
        putchar(']');
    }
    if (e->suppress_context) printf(" alone");
    if (e->suppress_context && !e->cause) return; /* Python has a StopIteration there */
    if (e->context) {
        printf(" after [");
        print_chain(e->context);
        putchar(']');
    }
}

static void say(const char *text)
{
    printf("  %s\n", text);
}

static void say_name(const char *text, const with_exception *e)
{
    printf("  %s ", text);
    print_name(e);
    putchar('\n');
}

static void say_chain(const char *text, const with_exception *e)
{
    printf("  %s ", text);
    print_chain(e);
    putchar('\n');
}

static void sees(void)
{
    say_name("sees", with_current());
}

/* ---- Generators ---------------------------------------------------------------------------- */

WITH_GENERATOR(plain, int)
{
    yield(1);
    sees();
}

WITH_GENERATOR(catches, int)
{
    try {
        yield(1);
    } catch (ValueError, e) {
        say_name("caught", e);
        sees();
    }
}

WITH_GENERATOR(catches_all, int)
{
    try {
        yield(1);
    } catch (BaseException, e) {
        say_name("caught", e);
    }
}

WITH_GENERATOR(replaces, int)
{
    try {
        yield(1);
    } catch (BaseException) {
        throw(IndexError, "of the generator");
    }
}

WITH_GENERATOR(replaces_from, int)
{
    try {
        yield(1);
    } catch (BaseException, e) {
        throw_from(e, LookupError, "of the generator");
    }
}

WITH_GENERATOR(replaces_twice, int)
{
    try {
        yield(1);
    } catch (BaseException) {
        try {
            throw(LookupError, "first");
        } catch (LookupError) {
            throw(EOFError, "second");
        }
    }
}

WITH_GENERATOR(rethrows, int)
{
    try {
        yield(1);
    } catch (BaseException) {
        sees();
        with_rethrow();
    }
}

WITH_GENERATOR(throws_it_again, int)
{
    const with_exception *kept = NULL;

    try {
        yield(1);
    } catch (BaseException, e) {
        kept = with_exception_ref(e);
    }
    if (kept) with_throw_again(kept);
}

WITH_GENERATOR(throws_it_in_another_handler, int)
{
    const with_exception *kept = NULL;

    try {
        yield(1);
    } catch (BaseException, e) {
        kept = with_exception_ref(e);
    }
    try {
        throw(EOFError, "between");
    } catch (EOFError) {
        if (kept) with_throw_again(kept);
    }
}

WITH_GENERATOR(does_not_yield, int) {}

WITH_GENERATOR(fails_before, int)
{
    throw(EOFError, "before");
}

WITH_GENERATOR(fails_after, int)
{
    yield(1);
    throw(LookupError, "after");
}

WITH_GENERATOR(stops_before, int)
{
    throw(StopIteration, "before");
}

WITH_GENERATOR(stops_after, int)
{
    yield(1);
    throw(StopIteration, "after");
}

WITH_GENERATOR(stops_instead, int)
{
    try {
        yield(1);
    } catch (BaseException) {
        throw(StopIteration, "instead");
    }
}

WITH_GENERATOR(error_from_it, int)
{
    try {
        yield(1);
    } catch (BaseException, e) {
        throw_from(e, RuntimeError, "from it");
    }
}

WITH_GENERATOR(yields_in_handler, int)
{
    try {
        throw(EOFError, "handled");
    } catch (EOFError) {
        sees();
        yield(1);
        sees();
    }
    sees();
}

WITH_GENERATOR(yields_twice, int)
{
    yield(1);
    yield(2);
}

WITH_GENERATOR(yields_again_in_handler, int)
{
    try {
        yield(1);
    } catch (BaseException) {
        sees();
        yield(2);
    }
}

WITH_GENERATOR(closes_by_return, int)
{
    yield(1);
    try {
        yield(2);
    } catch (BaseException, e) {
        say_chain("caught", e);
    }
}

WITH_GENERATOR(catches_and_closes, int)
{
    try {
        yield(1);
    } catch (BaseException) {
    }
    try {
        yield(2);
    } catch (GeneratorExit, e) {
        say_chain("caught", e);
        with_rethrow();
    }
}

WITH_GENERATOR(closes_by_throw, int)
{
    try {
        yield(1);
    } catch (BaseException) {
    }
    try {
        yield(2);
    } catch (GeneratorExit) {
        throw(LookupError, "at close");
    }
}

WITH_GENERATOR(closes_by_stop, int)
{
    yield(1);
    try {
        yield(2);
    } catch (GeneratorExit) {
        throw(StopIteration, "at close");
    }
}

WITH_GENERATOR(generator_exit_after, int)
{
    yield(1);
    throw(GeneratorExit, "by itself");
}

WITH_GENERATOR(nests, int)
{
    with (cm_catches()) {
        with (cm_plain()) yield(1);
        say("inner block over");
    }
    say("outer block over");
}

#define GENERATORS(X)                                                                              \
    X(plain)                                                                                       \
    X(catches)                                                                                     \
    X(catches_all)                                                                                 \
    X(replaces)                                                                                    \
    X(replaces_from)                                                                               \
    X(replaces_twice)                                                                              \
    X(rethrows)                                                                                    \
    X(throws_it_again)                                                                             \
    X(throws_it_in_another_handler)                                                                \
    X(does_not_yield)                                                                              \
    X(fails_before)                                                                                \
    X(fails_after)                                                                                 \
    X(stops_before)                                                                                \
    X(stops_after)                                                                                 \
    X(stops_instead)                                                                               \
    X(error_from_it)                                                                               \
    X(yields_in_handler)                                                                           \
    X(yields_twice)                                                                                \
    X(yields_again_in_handler)                                                                     \
    X(closes_by_return)                                                                            \
    X(catches_and_closes)                                                                          \
    X(closes_by_throw)                                                                             \
    X(closes_by_stop)                                                                              \
    X(generator_exit_after)                                                                        \
    X(nests)

/* ---- Blocks -------------------------------------------------------------------------------- */

struct what {
    const char *name;
    const with_exception_type *thrown;
};

static const struct what whats[] = {
    {"return", NULL},
    {"nothing", NULL},
    {"ValueError", &ValueError},
    {"LookupError", &LookupError},
    {"StopIteration", &StopIteration},
    {"RuntimeError", &RuntimeError},
    {"GeneratorExit", &GeneratorExit},
    {"MemoryError", &MemoryError},
};

typedef void block_function(const struct what *what);

#define DEFINE_BLOCK(NAME)                                                                         \
    static void block_##NAME(const struct what *what)                                              \
    {                                                                                              \
        with (cm_##NAME(), value) {                                                                \
            printf("  body has %d\n", value);                                                      \
            if (what == whats) return;                                                             \
            if (what->thrown) throw(*what->thrown, "of the body");                                 \
        }                                                                                          \
        say("the block is over");                                                                  \
    }
GENERATORS(DEFINE_BLOCK)

/* ---- Scenes -------------------------------------------------------------------------------- */

static void alone(block_function *block, const struct what *what)
{
    block(what);
}

static void in_handler(block_function *block, const struct what *what)
{
    try {
        throw(FloatingPointError, "outer");
    } catch (FloatingPointError) {
        block(what);
    }
}

WITH_GENERATOR(yields_around, int)
{
    try {
        throw(ZeroDivisionError, "of the generator around");
    } catch (ZeroDivisionError) {
        yield(1);
    }
    sees();
}

static void in_handler_of_generator(block_function *block, const struct what *what)
{
    with (cm_yields_around()) {
        sees();
        block(what);
    }
}

WITH_GENERATOR(blocks_within, int, (block_function *, block), (const struct what *, what))
{
    try {
        throw(ZeroDivisionError, "of the generator around");
    } catch (ZeroDivisionError) {
        sees();
        block(what);
        sees();
    }
    yield(1);
}

static void in_function_of_generator(block_function *block, const struct what *what)
{
    try {
        throw(FloatingPointError, "outer");
    } catch (FloatingPointError) {
        with (cm_blocks_within(block, what)) sees();
    }
}

#define SCENES(X) X(alone) X(in_handler) X(in_handler_of_generator) X(in_function_of_generator)

struct scene {
    const char *name;
    void (*run)(block_function *block, const struct what *what);
};

struct generator {
    const char *name;
    block_function *block;
};

static const struct scene scenes[] = {
#define SCENE(NAME) {#NAME, NAME},
    SCENES(SCENE)};

static const struct generator generators[] = {
#define GENERATOR(NAME) {#NAME, block_##NAME},
    GENERATORS(GENERATOR)};

enum {
    SCENE_COUNT = sizeof scenes / sizeof *scenes,
    WHAT_COUNT = sizeof whats / sizeof *whats,
    GENERATOR_COUNT = sizeof generators / sizeof *generators,
};

static void show(const struct scene *scene, const struct what *what,
                 const struct generator *generator)
{
    printf("%s %s %s\n", scene->name, what->name, generator->name);
    try {
        scene->run(generator->block, what);
    } catch (BaseException, e) {
        say_chain("escaped:", e);
    }
    sees();
}

int main(void)
{
    for (int s = 0; s < SCENE_COUNT; s++)
        for (int w = 0; w < WHAT_COUNT; w++)
            for (int g = 0; g < GENERATOR_COUNT; g++) show(&scenes[s], &whats[w], &generators[g]);
    return 0;
}
