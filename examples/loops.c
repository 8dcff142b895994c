/* SPDX-License-Identifier: MIT
 *
 * `using` in loops: held to the end of the enclosing block, so that break and continue mean the loop.
 */
#include <with.h>

#include <string.h>

struct basket {
    WITH_MANAGER;
    const char *as;
};

static void basket_enter(struct basket *self)
{
    printf("  take %s\n", self->as);
}

static bool basket_exit(struct basket *self, const with_exception *exception)
{
    (void)exception;
    printf("  put back %s\n", self->as);
    return false;
}

WITH_CLASS(basket, basket_enter, basket_exit);

static struct basket basket(const char *content)
{
    return WITH_NEW(basket, .as = content);
}

int main(void)
{
    const char *contents[] = {"nuts", "stones", "apples", "plums"};

    for (int i = 0; i < 4; i++) {
        using (basket(contents[i]), content);
        if (strcmp(content, "stones") == 0) continue; /* put back, then the next one */
        printf("  eat %s\n", content);
        if (strcmp(content, "apples") == 0) break; /* put back, and no next one */
    }

    puts("two at once");
    {
        using (basket("bread"));
        using (basket("cheese"));
        puts("  eat both");
    } /* the last one is put back first */

    puts("a with that leaves two loops");
    for (int i = 0; i < 4; i++) {
        for (;;) {
            with (basket(contents[i]), content) {
                if (strcmp(content, "stones") == 0) goto full; /* `break` would not compile */
                printf("  eat %s\n", content);
            }
            break;
        }
    }
full:
    puts("done");
    return 0;
}
