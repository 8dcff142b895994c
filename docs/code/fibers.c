/* SPDX-License-Identifier: MIT
 *
 * Two stacks in one thread. Each has blocks of its own, so with_state_swap() goes with each switch.
 */
#include <with.h>

#include <ucontext.h>

struct guest {
    WITH_MANAGER;
    const char *name;
};

static void guest_enter(struct guest *self)
{
    printf("%s enters\n", self->name);
}

static bool guest_exit(struct guest *self, const with_exception *exception)
{
    printf("%s exits%s\n", self->name, exception ? " by an exception" : "");
    return false;
}

WITH_CLASS(guest, guest_enter, guest_exit);

static ucontext_t of_main, of_fiber;
static with_state state = WITH_STATE_INIT; /* of the one that does not run */

static void resume(ucontext_t *from, ucontext_t *to)
{
    with_state_swap(&state);
    swapcontext(from, to);
}

static void fiber(void)
{
    try {
        with (WITH_NEW(guest, .name = "the fiber")) {
            resume(&of_fiber, &of_main);
            throw(ValueError, "enough");
        }
    } catch (ValueError, e) {
        printf("the fiber catches: %s\n", e->message);
    }
    resume(&of_fiber, &of_main); /* for good */
}

int main(void)
{
    static char stack[256 * 1024];

    getcontext(&of_fiber);
    of_fiber.uc_stack.ss_sp = stack;
    of_fiber.uc_stack.ss_size = sizeof stack;
    makecontext(&of_fiber, fiber, 0);

    with (WITH_NEW(guest, .name = "main")) {
        resume(&of_main, &of_fiber);
        printf("main holds %zu\n", with_dump(NULL));
        resume(&of_main, &of_fiber);
        puts("main goes on");
    }
    return 0;
}
