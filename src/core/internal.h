/* SPDX-License-Identifier: MIT
 *
 * Private to the core: the whole of an exception, and what its files share.
 */
#ifndef WITH_CORE_INTERNAL_H
#define WITH_CORE_INTERNAL_H

#define WITH_NO_KEYWORDS
#include <with.h>

#include <stdarg.h>
#include <stdatomic.h>

enum {
    WITH__TRACEBACK_INLINE = 32,
    WITH__TRACEBACK_MAX = 1000,
    WITH__TEXT_INLINE = 240,
    WITH__RESERVE = 64, /* exceptions that can be alive when there is no memory; one bit each */
};

/* Text too long for the exception itself. */
struct with__chunk {
    struct with__chunk *next;
    char text[];
};

/* One thread at a time writes to an exception; the count alone is atomic. */
struct with__exception {
    with_exception exception; /* first: the public part */
    atomic_int references;
    bool has_parts; /* something is to be freed with it, or it came from elsewhere than the cache */
    struct with__exception *visited; /* links exceptions while they are walked or freed */
    with_note *last_note;
    struct with__chunk *chunks;
    const with_site **more_traceback; /* allocated, once the inline part is full */
    size_t traceback_room;
    void **stack;                 /* native return addresses, if WITH_BACKTRACE=1 */
    void (*release)(void *owned); /* NULL, or to be called when the exception goes */
    void *owned;
    const struct with_thread_ *owner;
    int stack_length;
    unsigned text_used;
    const with_site *traceback[WITH__TRACEBACK_INLINE];
    char text[WITH__TEXT_INLINE] __attribute__((aligned(8)));
};

static inline struct with__exception *with__whole(const with_exception *exception)
{
    return (struct with__exception *)exception;
}

/* A new exception with one reference, its context what is being handled. Never NULL. */
struct with__exception *with__exception_new(const with_exception_type *type);

/* What is raised when the reserve is used up too: shared by all threads and never written to. */
extern struct with__exception with__last_resort __attribute__((visibility("hidden")));

/* Formats the message; with a code other than 0, appends that error's text. */
void with__set_message(struct with__exception *self, int code, const char *format,
                       va_list arguments) __attribute__((format(printf, 3, 0)));

/* Makes text, which is not copied, the message. */
static inline void with__set_literal(struct with__exception *self, const char *text)
{
    if (self != &with__last_resort) self->exception.message = text;
}

/* Adds a note, formatted as the message. */
void with__add_note(struct with__exception *self, int code, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

void with__set_code(struct with__exception *self, int code);

/*
 * Makes the exception own something: release(owned) runs when the exception goes, if that is in this
 * thread. False if it cannot own anything, being the last resort.
 */
bool with__own(struct with__exception *self, void (*release)(void *owned), void *owned);

/* Sets the cause, borrowed, or NULL; the context is then not printed. */
void with__set_cause(struct with__exception *self, const with_exception *cause);

/* As with__add_traceback(), when there is no room left. */
void with__grow_traceback(struct with__exception *self, const with_site *site);

/* Records a place that the exception was thrown at or passed. The last resort never has room. */
static inline __attribute__((always_inline)) void with__add_traceback(struct with__exception *self,
                                                                      const with_site *site)
{
    with_exception *e = &self->exception;

    if (__builtin_expect(e->traceback_length == self->traceback_room, 0))
        with__grow_traceback(self, site);
    else ((const with_site **)e->traceback)[e->traceback_length++] = site;
}

/* Makes what is being handled the context of self, and takes self out of every chain it would close. */
void with__set_context(struct with__exception *self, const with_exception *context);

/* Runs the exits up to the next landing and goes there. Takes the caller's reference. */
void with__unwind(struct with__exception *self) __attribute__((noreturn));

/* A throw while it runs the exits, which are handling its exception. */
struct with__throwing {
    struct with_handling_ handling;
    const with_site *block; /* whose exit is running, or NULL: what that throws names the block */
};
extern const with_site with__throwing_site __attribute__((visibility("hidden")));

/* Throws what a manager gets whose exit returned true and which is no suppressor. */
void with__refuse_suppression(struct with__throwing *throwing, const struct with_head_ *head)
    __attribute__((noreturn));

/*
 * In the exit of a manager that holds others (*held is the newest, as its class says): runs their exits,
 * the newest first, as those of nested blocks, and then finish(holder), in whatever way this is left.
 * exception is what the exit was given, and the value what it is to return. Throws what is thrown in
 * place of exception. The exits may add to what is held.
 */
bool with__exit_held(struct with_head_ *holder, struct with_frame_ **held,
                     const with_exception *exception, void (*finish)(struct with_head_ *holder));

/* What this thread holds at exit() is exited by it. */
void with__run_exits(void);

/* The type that PEP 3151 gives to an error number. */
const with_exception_type *with__error_type(int code);

/* Frees what this thread keeps for its next throw. */
void with__cache_clear(void);

/* Native call stacks: whether they are asked for, taking one, printing it. */
extern bool with__backtrace_asked __attribute__((visibility("hidden")));
void with__backtrace_take(struct with__exception *self);
void with__backtrace_print(FILE *stream, const struct with__exception *self);

#endif
