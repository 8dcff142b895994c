/* SPDX-License-Identifier: MIT
 *
 * Throwing what with.h has no macro for: an exception with notes from the start, or with a code that is
 * not an errno.
 */
#include "internal.h"

struct with__exception *with__net_exception(int code)
{
    return with__exception_new(with__error_type(code < 0 ? -code : code));
}

void with__net_throw(const with_site *site, struct with__exception *self, int code, bool append,
                     const char *format, ...)
{
    const int number = append && code < 0 ? -code : code;
    va_list arguments;

    va_start(arguments, format);
    if (append && self != &with__last_resort) self->exception.type = with__error_type(number);
    with__set_code(self, number);
    with__set_message(self, append ? number : 0, format, arguments);
    va_end(arguments);
    with__add_traceback(self, site);
    with__unwind(self);
}

void with__net_report(const with_exception *exception, const struct with__net_report *first,
                      const struct with__net_report *second)
{
    if (first->code != 0 && !exception) {
        struct with__exception *self = with__net_exception(first->code);
        if (second->code != 0)
            with_release_error(&self->exception, second->code, "%s", second->text);
        with__net_throw(WITH_SITE_(WITH_THROW_SITE_, "with_release_error(exception, code, ...)"),
                        self, first->code, true, "%s", first->text);
    }
    if (first->code != 0) with_release_error(exception, first->code, "%s", first->text);
    if (second->code != 0) with_release_error(exception, second->code, "%s", second->text);
}
