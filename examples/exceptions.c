/* SPDX-License-Identifier: MIT
 *
 * An exception that crosses functions: thrown deep below, noted on its way, made the cause of
 * another one, caught by its type.
 */
#include <with.h>

#include <stdlib.h>
#include <string.h>

WITH_EXCEPTION(SettingsError, Exception);

static long parse_port(const char *text)
{
    char *end;
    const long port = strtol(text, &end, 10);

    if (end == text || *end) throw(ValueError, "not a number: '%s'", text);
    if (port < 1 || port > 65535) throw(OverflowError, "no port: %ld", port);
    return port;
}

/* Knows nothing of what parse_port() throws, but of what its own caller wants to hear. */
static long setting(const char *line)
{
    try {
        const char *equals = strchr(line, '=');
        if (!equals) throw(EOFError, "no '=' in '%s'", line);
        return parse_port(equals + 1);
    } catch (ArithmeticError, e) { /* an OverflowError is one */
        with_add_note(e, "ports go from 1 to 65535");
        with_rethrow();
    } catch (ValueError, e) {
        throw_from(e, SettingsError, "cannot use '%s'", line);
    }
}

static void show(const char *line)
{
    try {
        printf("port %ld\n", setting(line));
    } catch (SettingsError, e) {
        printf("%s: %s (%s)\n", e->type->name, e->message, e->cause->message);
    } catch (Exception, e) {
        printf("%s: %s\n", e->type->name, e->message);
        if (e->notes) printf("    %s\n", e->notes->text);
    }
}

int main(void)
{
    show("port=8080");
    show("port=80a");
    show("port=80800");
    show("port");
    try {
        setting("port=http");
    } catch (SettingsError, e) {
        with_print_exception(stdout, e); /* as it would look if nobody caught it */
    }
    return 0;
}
