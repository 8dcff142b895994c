/* SPDX-License-Identifier: MIT
 *
 * cm_expect: a block that must throw.
 */
#include <with/contextlib.h>

#include <string.h>

static void expect_enter(struct cm_expect *self)
{
    if (self->options.caught) *self->options.caught = NULL;
}

static bool expect_exit(struct cm_expect *self, const with_exception *exception)
{
    const with_site *const block = self->with_.head.frame.site;
    const char *const message = self->options.message;

    if (!exception)
        throw(AssertionError, "%s was not thrown by the block at %s:%d", self->type->name,
              block->file, block->line);
    if (!with_isinstance(exception, self->type)) return false;
    if (message && !strstr(exception->message, message))
        throw(AssertionError, "%s was thrown by the block at %s:%d, but \"%s\" is not in \"%s\"",
              exception->type->name, block->file, block->line, message, exception->message);
    if (self->options.caught) *self->options.caught = with_exception_ref(exception);
    return true;
}

WITH_CLASS(cm_expect, expect_enter, expect_exit);

struct cm_expect with_expect_(const with_exception_type *type,
                              const struct with_expect_options *options)
{
    struct cm_expect self = WITH_NEW(cm_expect, .type = type);

    memcpy(&self.options, options,
           options->size < sizeof self.options ? options->size : sizeof self.options);
    return self;
}
