/* SPDX-License-Identifier: MIT
 *
 * Threads that compute at once, each in its own context, all with the same operands: results and
 * flags are those that one thread alone has.
 */
#include "test_decimal.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 20, PRECISIONS = 6, FUNCTIONS = 7 };

static const int64_t precisions[PRECISIONS] = {9, 28, 37, 60, 300, 2000};
static const char *const functions[FUNCTIONS] = {"exp", "ln", "sqrt", "div", "mul", "add", "sin"};
static with_decimal operands[3];
static pthread_barrier_t start;

static char *compute(int precision, int function)
{
    with_decimal result = WITH_DECIMAL_INIT;
    char *text;

    with (cm_localcontext(.prec = precisions[precision]), context) {
        CHECK_INT(operate(operation_of(functions[function]), context, &result, operands), 0);
        CHECK_INT(context->flags, WITH_SIGNAL_INEXACT | WITH_SIGNAL_ROUNDED);
    }
    text = text_of(&result);
    with_decimal_fini(&result);
    return text;
}

static char *results[THREADS][PRECISIONS][FUNCTIONS]; /* of the last round */

/* The first ones make the tables, of which there is one for all. */
static void *compute_all(void *argument)
{
    const int number = *(int *)argument;

    pthread_barrier_wait(&start);
    for (int i = 0; i < ROUNDS * PRECISIONS * FUNCTIONS; i++) {
        const int at = (i + number * 5) % (PRECISIONS * FUNCTIONS);
        char **result = &results[number][at / FUNCTIONS][at % FUNCTIONS];
        char *text = compute(at / FUNCTIONS, at % FUNCTIONS);
        if (*result) CHECK_STR(text, *result);
        free(*result);
        *result = text;
    }
    return NULL;
}

/* What one thread alone makes of them. */
static void check_result(int precision, int function)
{
    char *alone = compute(precision, function);

    for (int i = 0; i < THREADS; i++) {
        CHECK_STR(results[i][precision][function], alone);
        free(results[i][precision][function]);
    }
    free(alone);
}

int main(void)
{
    static char digits[2200] = "1.";
    pthread_t threads[THREADS];
    int numbers[THREADS];

    for (int i = 2; i < 2150; i++) digits[i] = (char)('0' + i * 7 % 10);
    operands[0] = number(digits);
    operands[1] = number("3.33333333333333333333333333333333333333333333333333333333333333333");
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK_INT(pthread_create(&threads[i], NULL, compute_all, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < PRECISIONS * FUNCTIONS; i++) check_result(i / FUNCTIONS, i % FUNCTIONS);
    with_decimal_fini(&operands[0]);
    with_decimal_fini(&operands[1]);
    pthread_barrier_destroy(&start);
    return test_result();
}
