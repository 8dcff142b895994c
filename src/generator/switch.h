/* SPDX-License-Identifier: MIT
 *
 * Private to generators: switching stacks, without system calls. Where it is not written down for a
 * processor, makecontext() begins a stack and _setjmp() and longjmp() switch, which takes longer.
 *
 * The floating-point environment is not exchanged: like errno and the signal mask it is the thread's, and a
 * generator may be there to change it for a block.
 */
#ifndef WITH_GENERATOR_SWITCH_H
#define WITH_GENERATOR_SWITCH_H

#include <setjmp.h>

struct with_coroutine_;

/* ThreadSanitizer counts the calls, and what setjmp() has filled, of each stack apart. */
void __tsan_switch_to_fiber(void *fiber, unsigned flags) __attribute__((weak));

#if defined(__ELF__) && !defined(WITH_PORTABLE_SWITCH_) &&                                         \
    ((defined(__x86_64__) && defined(__LP64__)) || defined(__aarch64__))
#define WITH__SWITCH_BY_HAND

/* Where a stack goes on that is not running. */
struct with__place {
    void *stack, *frame, *code;
};

/*
 * Goes on at `to`, whose fiber is given; what switches to `from` goes on behind this. All registers are lost on the way,
 * but for two that no compiler lets go. Expanded in its place, because each `ret` behind a change of
 * stacks goes where the processor did not expect it, and costs more than all the rest.
 */
static inline __attribute__((always_inline)) void with__switch(struct with__place *from,
                                                               struct with__place *to, void *fiber)
{
    if (__tsan_switch_to_fiber) __tsan_switch_to_fiber(fiber, 0);
#ifdef __x86_64__
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rsp, 0(%0)\n\t"
                     "movq %%rbp, 8(%0)\n\t"
                     "movq %%rax, 16(%0)\n\t"
                     "movq 0(%1), %%rsp\n\t"
                     "movq 8(%1), %%rbp\n\t"
                     "notrack jmp *16(%1)\n"
                     "1:"
                     : "+D"(from), "+S"(to)
                     :
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                       "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
#ifdef __AVX512F__
                       "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",
                       "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1",
                       "k2", "k3", "k4", "k5", "k6", "k7",
#endif
                       "cc", "memory");
#else
    register struct with__place *x0 __asm__("x0") = from;
    register struct with__place *x1 __asm__("x1") = to;

    __asm__ volatile("adr x2, 1f\n\t"
                     "mov x3, sp\n\t"
                     "stp x3, x29, [x0]\n\t"
                     "str x2, [x0, #16]\n\t"
                     "ldp x3, x29, [x1]\n\t"
                     "ldr x2, [x1, #16]\n\t"
                     "mov sp, x3\n\t"
                     "br x2\n"
                     "1:\n\t"
                     "hint #36" /* bti j */
                     : "+r"(x0), "+r"(x1)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25",
                       "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7",
                       "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
                       "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
                       "v30", "v31", "cc", "memory");
#endif
}

#else

struct with__place {
    jmp_buf buffer;
};

void with__switch(struct with__place *from, struct with__place *to, void *fiber);

#endif

/* Has a stack wait at with__coroutine_begin(). */
void with__switch_prepare(struct with_coroutine_ *self);

#endif
