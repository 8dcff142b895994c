/* SPDX-License-Identifier: MIT
 *
 * Decimals without memory: the Nth allocation fails, alone or with all after it, for N = 1, 2, ... until an
 * operation needs no more. It gives -ENOMEM, where GMP would abort, its result is as it was, nothing leaks,
 * and it works when there is memory again.
 */
#include "test_allocator.h"
#include "test_decimal.h"

#include <limits.h>
#include <mpfr.h>
#include <pthread.h>

static with_decimal operands[3];
static with_decimal_context context;

/* ---- What is tried ----------------------------------------------------------------------------- */

typedef int attempt(with_decimal *result, const void *what);

static int try_operation(with_decimal *result, const void *what)
{
    return operate(what, &context, result, operands);
}

static int try_reading(with_decimal *result, const void *what)
{
    return with_decimal_from_string_in(&context, result, what);
}

static int try_text(with_decimal *result, const void *what)
{
    static char text[30000];
    const ptrdiff_t length =
        *(const char *)what
            ? with_decimal_format_in(&context, text, sizeof text, &operands[0], what)
            : with_decimal_to_string_in(&context, text, sizeof text, &operands[0]);

    (void)result;
    return length < 0 ? (int)length : 0;
}

static int try_integer(with_decimal *result, const void *what)
{
    mpz_t n, d;
    int error;

    (void)what;
    (void)result;
    n->_mp_alloc = d->_mp_alloc = 0;
    mpz_inits(n, d, NULL); /* do not allocate */
    error = with_decimal_to_ratio_in(n, d, &operands[0]);
    mpz_clears(n, d, NULL);
    return error;
}

/* ---- Failing ----------------------------------------------------------------------------------- */

/* A thread of its own has caches of its own, which are gone with it. */
struct round {
    attempt *attempt;
    const void *what;
    long nth, last;
    int error;
    bool unchanged;
};

static void *run(void *argument)
{
    struct round *round = argument;
    with_decimal result = WITH_DECIMAL_INIT;
    char text[40];

    with_decimal_from_int64_in(&context, &result, 42);
    allocations = 0;
    failures = 0;
    fail_from = round->nth;
    fail_to = round->last;
    round->error = round->attempt(&result, round->what);
    fail_from = LONG_MAX;
    with_decimal_to_string_in(&context, text, sizeof text, &result);
    round->unchanged = strcmp(text, "42") == 0;
    if (round->error == -ENOMEM) CHECK_INT(round->attempt(&result, round->what), 0);
    with_decimal_fini(&result);
    mpfr_free_cache();
    return NULL;
}

static void fail_each(attempt *attempt, const void *what, const char *name)
{
    bool failed = true;
    long nth;

    for (nth = 1; failed; nth++) {
        failed = false;
        for (int all = 0; all < 2; all++) {
            struct round round = {attempt, what, nth, all ? LONG_MAX - 1 : nth, 0, false};
            const long before = live;
            pthread_t thread;
            CHECK_INT(pthread_create(&thread, NULL, run, &round), 0);
            pthread_join(thread, NULL);
            failed |= failures > 0;
            if (!CHECK(round.error == 0 || (round.error == -ENOMEM && round.unchanged)) ||
                !CHECK_INT(live, before))
                fprintf(stderr, "    %s, allocation %ld, error %d\n", name, nth, round.error);
        }
    }
    printf("%s: %ld allocations\n", name, nth - 2);
}

static void set_operands(const char *a, const char *b, const char *c)
{
    const char *const texts[] = {a, b, c};

    for (int i = 0; i < 3; i++) {
        with_decimal_fini(&operands[i]);
        operands[i] = number(texts[i]);
    }
}

int main(void)
{
    static char long_text[501], longer[20001];
    pthread_t thread;
    struct round warm = {try_reading, "1", LONG_MAX, 0, 0, false};

    pthread_create(&thread, NULL, run, &warm); /* the stack of a thread is kept */
    pthread_join(thread, NULL);
    memset(long_text, '3', sizeof long_text - 1);
    memset(longer, '7', sizeof longer - 1);
    context = with_ExtendedContext;
    context.prec = 300;
    fail_from = LONG_MAX;
    set_operands("0.731", "123456789", "987654321");
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        fail_each(try_operation, &operations[i], operations[i].name);
    set_operands(long_text, "3.333333333333333333333333333333333333333333333333333333333E+1000",
                 "7E-300");
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strncmp(operations[i].name, "power", 5) != 0)
            fail_each(try_operation, &operations[i], operations[i].name);
    set_operands(long_text, "77E3", long_text);
    context.prec = 501;
    fail_each(try_operation, operation_of("power_modulo"), "power_modulo of 500 digits");
    context.prec = 20000;
    set_operands(longer, long_text, "1");
    fail_each(try_operation, operation_of("mul"), "mul of 20,000 digits");
    fail_each(try_operation, operation_of("div"), "div of 20,000 digits");
    fail_each(try_operation, operation_of("sqrt"), "sqrt of 20,000 digits");
    fail_each(try_reading, longer, "from string");
    fail_each(try_text, "", "to string");
    fail_each(try_text, ",.3f", "format");
    fail_each(try_integer, NULL, "to ratio");
    for (int i = 0; i < 3; i++) with_decimal_fini(&operands[i]);
    return test_result();
}
