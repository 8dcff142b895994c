/* SPDX-License-Identifier: MIT
 *
 * Private to generators: what AddressSanitizer, ThreadSanitizer and valgrind must be told of a change
 * of stacks. The sanitizers' functions are there when the program was built with one, whether
 * the library was or not; valgrind's requests are instructions that do nothing without it.
 */
#ifndef WITH_GENERATOR_ANNOTATE_H
#define WITH_GENERATOR_ANNOTATE_H

#include "internal.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(START, END) 0
#define VALGRIND_STACK_DEREGISTER(ID) ((void)(ID))
#endif

void __sanitizer_start_switch_fiber(void **fake, const void *stack, size_t size)
    __attribute__((weak));
void __sanitizer_finish_switch_fiber(void *fake, const void **ret_stack, size_t *ret_size)
    __attribute__((weak));
void __asan_unpoison_memory_region(const volatile void *memory, size_t size) __attribute__((weak));
void __lsan_register_root_region(const void *memory, size_t size) __attribute__((weak));
void __lsan_unregister_root_region(const void *memory, size_t size) __attribute__((weak));
void *__tsan_get_current_fiber(void) __attribute__((weak));
void *__tsan_create_fiber(unsigned flags) __attribute__((weak));
void __tsan_destroy_fiber(void *fiber) __attribute__((weak));

static inline void annotate_made(struct with_coroutine_ *self)
{
    self->annotations.stack_id = VALGRIND_STACK_REGISTER(self->low, self);
    if (__lsan_register_root_region)
        __lsan_register_root_region(self->low, (size_t)((char *)(self + 1) - self->low));
    if (__tsan_create_fiber) self->annotations.fiber = __tsan_create_fiber(0);
}

/* Before the memory of a stack goes: whatever comes to lie there finds no marks of its frames. */
static inline void annotate_gone(struct with_coroutine_ *self)
{
    const size_t size = (size_t)((char *)(self + 1) - self->low);

    if (__tsan_destroy_fiber) __tsan_destroy_fiber(self->annotations.fiber);
    if (__lsan_unregister_root_region) __lsan_unregister_root_region(self->low, size);
    if (__asan_unpoison_memory_region) __asan_unpoison_memory_region(self->low, size);
    VALGRIND_STACK_DEREGISTER(self->annotations.stack_id);
}

static inline void annotate_entering(struct with_coroutine_ *self)
{
    if (__tsan_get_current_fiber) self->annotations.caller_fiber = __tsan_get_current_fiber();
    if (__sanitizer_start_switch_fiber)
        __sanitizer_start_switch_fiber(&self->annotations.caller_fake, self->low,
                                       (size_t)((char *)self - self->low));
}

/* On the stack. */
static inline void annotate_entered(struct with_coroutine_ *self)
{
    struct with__annotations *noted = &self->annotations;

    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(noted->fake, &noted->caller_stack, &noted->caller_size);
}

/* On the stack; done: none of the frames on it is needed any more. */
static inline void annotate_leaving(struct with_coroutine_ *self, bool done)
{
    struct with__annotations *noted = &self->annotations;

    noted->fake = NULL;
    if (__sanitizer_start_switch_fiber)
        __sanitizer_start_switch_fiber(done ? NULL : &noted->fake, noted->caller_stack,
                                       noted->caller_size);
}

static inline void annotate_left(struct with_coroutine_ *self)
{
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(self->annotations.caller_fake, NULL, NULL);
}

#endif
