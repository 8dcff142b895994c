/* SPDX-License-Identifier: MIT
 *
 * The same program as python.py, in C. A test checks that both print the same.
 */
#include <with.h>
#include <with/file.h>

struct section {
    WITH_MANAGER;
    const char *as;
};

static void section_enter(struct section *self)
{
    printf("begin %s\n", self->as);
}

static bool section_exit(struct section *self, const with_exception *exc)
{
    printf("end %s %s an exception\n", self->as, exc ? "with" : "without");
    return false;
}

WITH_CLASS(section, section_enter, section_exit);

struct ignore {
    WITH_SUPPRESSOR;
    const with_exception_type *type;
};

static void ignore_enter(struct ignore *self)
{
    (void)self;
}

static bool ignore_exit(struct ignore *self, const with_exception *exc)
{
    return with_isinstance(exc, self->type);
}

WITH_CLASS(ignore, ignore_enter, ignore_exit);

static int first_number(const char *path)
{
    try {
        with (cm_open(path, "r"), file) {
            int number = 0;
            if (fscanf(file, "%d", &number) == EOF) return 0;
            return number;
        }
    } catch (FileNotFoundError, e) {
        throw_from(e, LookupError, "no number at %s", path);
    }
}

int main(void)
{
    with (WITH_NEW(section, .as = "outer"))
        with (WITH_NEW(section, .as = "inner"), title) {
            printf("in %s\n", title);
        }

    try {
        printf("%d\n", first_number("/dev/null"));
        printf("%d\n", first_number("/nonexistent"));
    } catch (LookupError, e) {
        printf("%s because of a %s\n", e->message, e->cause->type->name);
    }

    with (WITH_NEW(ignore, .type = &ArithmeticError)) {
        with (WITH_NEW(section, .as = "division")) {
            throw(ZeroDivisionError, "division by zero");
        }
    }
    return 0;
}
