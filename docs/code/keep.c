/* SPDX-License-Identifier: MIT
 *
 * Exceptions that outlive their handler: kept, counted, and thrown again later.
 */
#include <with.h>

struct job {
    void (*run)(int number);
    int number;
};

static void halve(int number)
{
    if (number % 2) throw(ValueError, "%d is odd", number);
    printf("half of %d is %d\n", number, number / 2);
}

static void run_job(void *job)
{
    ((struct job *)job)->run(((struct job *)job)->number);
}

/* Runs all jobs, also those behind one that fails; then throws the first failure. */
static void run_all(struct job *jobs, int number)
{
    const with_exception *first = NULL;

    for (int i = 0; i < number; i++) {
        const with_exception *failure = with_call(run_job, &jobs[i]);
        if (first && failure) with_add_note(first, "and then: %s", failure->message);
        if (first) with_exception_unref(failure);
        else first = failure;
    }
    if (first) with_throw_again(first); /* takes our reference */
}

int main(void)
{
    struct job jobs[] = {{halve, 2}, {halve, 3}, {halve, 4}, {halve, 5}};
    const with_exception *kept = NULL;

    try {
        run_all(jobs, 4);
    } catch (ValueError, e) {
        kept = with_exception_ref(e); /* a handler may change locals */
    }
    printf("%s\n%s\n", kept->message, kept->notes->text);
    with_exception_unref(kept);
    return 0;
}
