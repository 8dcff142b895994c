/* SPDX-License-Identifier: MIT
 *
 * Native call stacks, for WITH_BACKTRACE=1 in the environment: taken when an exception is new, by
 * the unwinder that -fexceptions links anyway; named when it is printed, by elfutils' libdw, which
 * is loaded only then. Without libdw, or built without its header, addresses stand alone.
 */
#include "internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

enum { STACK_MAX = 128 };

bool with__backtrace_asked;

__attribute__((constructor)) static void read_environment(void)
{
    const char *value = getenv("WITH_BACKTRACE");

    with__backtrace_asked = value && strcmp(value, "1") == 0;
}

struct stack {
    void *addresses[STACK_MAX];
    int length;
};

static _Unwind_Reason_Code take_one(struct _Unwind_Context *context, void *argument)
{
    struct stack *stack = argument;

    if (stack->length == STACK_MAX) return _URC_END_OF_STACK;
    /* One back from where the call returns to, so as to be inside the call's own line. */
    stack->addresses[stack->length++] = (void *)(_Unwind_GetIP(context) - 1);
    return _URC_NO_REASON;
}

void with__backtrace_take(struct with__exception *self)
{
    struct stack stack;
    size_t size;

    stack.length = 0;
    _Unwind_Backtrace(take_one, &stack);
    size = (size_t)stack.length * sizeof *stack.addresses;
    self->stack = malloc(size);
    if (!self->stack) return;
    self->has_parts = true;
    memcpy(self->stack, stack.addresses, size);
    self->stack_length = stack.length;
}

/* ---- Naming -------------------------------------------------------------------------------- */

#if __has_include(<elfutils/libdwfl.h>)

#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>

#define LIBDW_FUNCTIONS(X)                                                                         \
    X(dwfl_begin)                                                                                  \
    X(dwfl_end)                                                                                    \
    X(dwfl_linux_proc_report)                                                                      \
    X(dwfl_linux_proc_find_elf)                                                                    \
    X(dwfl_standard_find_debuginfo)                                                                \
    X(dwfl_report_end)                                                                             \
    X(dwfl_addrmodule)                                                                             \
    X(dwfl_module_addrname)                                                                        \
    X(dwfl_module_info)                                                                            \
    X(dwfl_module_nextcu)                                                                          \
    X(dwarf_haspc)                                                                                 \
    X(dwarf_getsrc_die)                                                                            \
    X(dwarf_linesrc)                                                                               \
    X(dwarf_lineno)

#define DECLARE_POINTER(NAME) __typeof__(&NAME) NAME;
struct libdw {
    void *library;
    Dwfl *dwfl;
    Dwfl_Callbacks callbacks;
    LIBDW_FUNCTIONS(DECLARE_POINTER)
};

static void close_libdw(struct libdw *self)
{
    if (self->dwfl) self->dwfl_end(self->dwfl);
    if (self->library) dlclose(self->library);
}

static bool load_functions(struct libdw *self)
{
#define LOAD(NAME)                                                                                 \
    self->NAME = (__typeof__(&NAME))dlsym(self->library, #NAME);                                   \
    if (!self->NAME) return false;
    LIBDW_FUNCTIONS(LOAD)
    return true;
}

static bool open_libdw(struct libdw *self)
{
    memset(self, 0, sizeof *self);
    self->library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!self->library || !load_functions(self)) return false;
    self->callbacks.find_elf = self->dwfl_linux_proc_find_elf;
    self->callbacks.find_debuginfo = self->dwfl_standard_find_debuginfo;
    self->dwfl = self->dwfl_begin(&self->callbacks);
    return self->dwfl && self->dwfl_linux_proc_report(self->dwfl, getpid()) == 0 &&
           self->dwfl_report_end(self->dwfl, NULL, NULL) == 0;
}

/* The source file and line. clang writes no .debug_aranges, so each compilation unit is asked. */
static const char *find_source(struct libdw *libdw, Dwfl_Module *module, Dwarf_Addr address,
                               int *ret_line)
{
    Dwarf_Addr bias;

    for (Dwarf_Die *unit = NULL; (unit = libdw->dwfl_module_nextcu(module, unit, &bias));) {
        Dwarf_Line *line;
        if (libdw->dwarf_haspc(unit, address - bias) != 1) continue;
        line = libdw->dwarf_getsrc_die(unit, address - bias);
        if (!line || libdw->dwarf_lineno(line, ret_line) != 0) continue;
        return libdw->dwarf_linesrc(line, NULL, NULL);
    }
    return NULL;
}

static const char *find_function(struct libdw *libdw, void *pointer)
{
    Dwfl_Module *module = libdw->dwfl_addrmodule(libdw->dwfl, (uintptr_t)pointer);

    return module ? libdw->dwfl_module_addrname(module, (uintptr_t)pointer) : NULL;
}

/* "file, line, in function" as far as it is known; false if not even the module is. */
static bool print_address(FILE *stream, struct libdw *libdw, void *pointer)
{
    Dwfl_Module *module = libdw->dwfl_addrmodule(libdw->dwfl, (uintptr_t)pointer);
    const char *function = find_function(libdw, pointer), *file;
    int line = 0;

    if (!module) return false;
    file = find_source(libdw, module, (uintptr_t)pointer, &line);
    if (!file) file = libdw->dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    fprintf(stream, "  File \"%s\", ", file ? file : "?");
    if (line) fprintf(stream, "line %d, ", line);
    fprintf(stream, "in %s\n", function ? function : "?");
    return true;
}

#else

struct libdw {
    char unused;
};

static bool open_libdw(struct libdw *self)
{
    (void)self;
    return false;
}

static bool print_address(FILE *stream, struct libdw *libdw, void *pointer)
{
    (void)stream, (void)libdw, (void)pointer;
    return false;
}

static const char *find_function(struct libdw *libdw, void *pointer)
{
    (void)libdw, (void)pointer;
    return NULL;
}

static void close_libdw(struct libdw *self)
{
    (void)self;
}

#endif

/* How many of the innermost addresses are of throwing itself: they help nobody. */
static int count_plumbing(struct libdw *libdw, const struct with__exception *self)
{
    int count = 0;

    while (count < self->stack_length) {
        const char *function = find_function(libdw, self->stack[count]);
        size_t length = function ? strlen(function) : 0;
        if (!length || strncmp(function, "with_", 5) != 0) break;
        if (function[length - 1] != '_' && function[5] != '_') break;
        count++;
    }
    return count;
}

void with__backtrace_print(FILE *stream, const struct with__exception *self)
{
    struct libdw libdw;
    bool named;
    int innermost;

    if (!self->stack_length) return;
    named = open_libdw(&libdw);
    innermost = named ? count_plumbing(&libdw, self) : 0;
    fputs("Native call stack (most recent call last):\n", stream);
    for (int i = self->stack_length; i-- > innermost;)
        if (!named || !print_address(stream, &libdw, self->stack[i]))
            fprintf(stream, "  %p\n", self->stack[i]);
    close_libdw(&libdw);
}
