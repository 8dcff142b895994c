/* SPDX-License-Identifier: MIT
 *
 * A manager of one's own: a struct, a function that enters, a function that exits.
 */
#include <with.h>

#include <string.h>

struct my_context {
    WITH_MANAGER;
    const char *as;
};

static void my_enter(struct my_context *self)
{
    printf("Entering %s\n", self->as);
}

static bool my_exit(struct my_context *self, const with_exception *exc)
{
    printf("Exiting %s", self->as);
    if (exc) printf(" because of %s: %s", exc->type->name, exc->message);
    else if (!with_completed(self)) printf(" early");
    puts("");
    return false; /* true would suppress exc, if this were a WITH_SUPPRESSOR */
}

WITH_CLASS(my_context, my_enter, my_exit);

/* One whose exit may end an exception. It is given the type that it ends. */
struct ignore {
    WITH_SUPPRESSOR;
    const with_exception_type *type;
};

static void ignore_enter(struct ignore *self)
{
    printf("Ignoring %s\n", self->type->name);
}

static bool ignore_exit(struct ignore *self, const with_exception *exc)
{
    return with_isinstance(exc, self->type);
}

WITH_CLASS(ignore, ignore_enter, ignore_exit);

static size_t length_or_zero(const char *text)
{
    with (WITH_NEW(my_context, .as = "the measuring")) {
        if (!text) return 0;
        return strlen(text);
    }
}

int main(void)
{
    with (WITH_NEW(my_context, .as = "context"), name) {
        printf("Inside %s\n", name);
    }

    printf("The length is %zu\n", length_or_zero("hello"));

    with (WITH_NEW(ignore, .type = &LookupError))
        with (WITH_NEW(my_context, .as = "the search")) {
            throw(KeyError, "no key 'colour'");
        }
    puts("Done");
    return 0;
}
