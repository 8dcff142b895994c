/* SPDX-License-Identifier: MIT
 *
 * How a stack begins; and the switching between stacks where it is not written down for a processor.
 */
#undef _FORTIFY_SOURCE /* its longjmp() takes a change of stacks for a mistake */
#include "annotate.h"

#include <stdint.h>

#ifdef WITH__SWITCH_BY_HAND

/* The first frame of a stack, at which an unwinding ends. It calls what lies on the stack, with what is in
 * the register for frames. */
void with__first_frame(void) __attribute__((visibility("hidden")));

__asm__(".pushsection .text\n"
        ".p2align 4\n"
        ".globl with__first_frame\n"
        ".hidden with__first_frame\n"
        ".type with__first_frame, %function\n"
        "with__first_frame:\n"
        ".cfi_startproc\n"
#ifdef __x86_64__
        ".cfi_undefined rip\n"
        "movq %rbp, %rdi\n"
        "xorl %ebp, %ebp\n"
        "call *(%rsp)\n"
        "ud2\n"
#else
        ".cfi_undefined x30\n"
        "hint #36\n" /* bti j */
        "mov x0, x29\n"
        "mov x29, xzr\n"
        "ldr x1, [sp]\n"
        "blr x1\n"
        "brk #0\n"
#endif
        ".cfi_endproc\n"
        ".size with__first_frame, . - with__first_frame\n"
        ".popsection\n");

void with__switch_prepare(struct with_coroutine_ *self)
{
    void (**top)(struct with_coroutine_ *) = (void *)(((uintptr_t)self & ~(uintptr_t)15) - 16);

    *top = with__coroutine_begin;
    self->here.stack = top;
    self->here.frame = self;
    self->here.code = (void *)with__first_frame;
}

#else

#include <ucontext.h>

/* As in throw.c of the core. */
#ifdef __linux__
#define JUMP longjmp
#else
#define JUMP _longjmp
#endif

void __attribute__((noinline))
with__switch(struct with__place *from, struct with__place *to, void *fiber)
{
    if (_setjmp(from->buffer) != 0) return;
    if (__tsan_switch_to_fiber) __tsan_switch_to_fiber(fiber, 0);
    JUMP(to->buffer, 1);
}

/* Goes back at once, and to the beginning proper when it is entered next. */
static void __attribute__((noreturn)) wait_to_begin(struct with_coroutine_ *self)
{
    annotate_entered(self);
    annotate_leaving(self, false);
    with__switch(&self->here, &self->caller, self->annotations.caller_fiber);
    with__coroutine_begin(self);
}

/* The halves of an address, since makecontext() passes int. */
static void begin_halves(unsigned high, unsigned low)
{
    wait_to_begin((struct with_coroutine_ *)((uintptr_t)high << 16 << 16 | low));
}

void __attribute__((noinline)) with__switch_prepare(struct with_coroutine_ *self)
{
    const uintptr_t address = (uintptr_t)self;
    ucontext_t context;

    getcontext(&context);
    context.uc_stack.ss_sp = self->low;
    context.uc_stack.ss_size = (size_t)((char *)self - self->low);
    context.uc_link = NULL;
    makecontext(&context, (void (*)(void))begin_halves, 2, (unsigned)(address >> 16 >> 16),
                (unsigned)address);
    annotate_entering(self);
    if (_setjmp(self->caller.buffer) == 0) {
        if (__tsan_switch_to_fiber) __tsan_switch_to_fiber(self->annotations.fiber, 0);
        setcontext(&context);
    }
    annotate_left(self);
}

#endif
