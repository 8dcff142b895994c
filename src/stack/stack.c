/* SPDX-License-Identifier: MIT
 *
 * Exit stacks. What is in a stack is a list of managers, newest first, linked as a thread's list of frames
 * is; with__exit_held() of the core leaves them as nested blocks. A function is a small manager, too.
 */
#include "internal.h"

#include <string.h>

/* ---- The stack ----------------------------------------------------------------------------- */

/* All that was in the stack has been left. Its memory is kept if that was done by a part of it. */
static void finish(with_exit_stack *stack)
{
    if (--stack->busy_ == 0) with__stack_give_back(stack);
}

/* A stack may be entered that was popped; it moves, but not what is in it. */
static void begin(with_exit_stack *stack, with_exit_stack *popped, bool plain)
{
    if (popped && popped->busy_)
        with_throw(with_RuntimeError, "this exit stack is being left, or entered into");
    *stack = (with_exit_stack){.plain_ = plain};
    if (!popped) return;
    stack->newest_ = popped->newest_;
    stack->room_ = popped->room_;
    popped->newest_ = NULL; /* of a stack that was not popped, no exit is to run twice */
    popped->room_ = NULL;
}

#define STACK(NAME, T, PLAIN)                                                                      \
    static void NAME##_enter(void *manager)                                                        \
    {                                                                                              \
        struct T *self = manager;                                                                  \
        begin(&self->own_, self->popped_, PLAIN);                                                  \
        self->as = &self->own_;                                                                    \
    }                                                                                              \
    static void NAME##_finish(struct with_head_ *head)                                             \
    {                                                                                              \
        finish(((struct T *)head)->as);                                                            \
    }                                                                                              \
    static bool NAME##_exit(void *manager, const with_exception *exception)                        \
    {                                                                                              \
        struct T *self = manager;                                                                  \
        struct with_frame_ **held = &self->as->newest_;                                            \
        self->as->busy_++;                                                                         \
        if (*held) return with__exit_held(&self->with_.head, held, exception, NAME##_finish);      \
        finish(self->as);                                                                          \
        return false;                                                                              \
    }                                                                                              \
    static struct with_frame_ **NAME##_held(void *manager)                                         \
    {                                                                                              \
        return &((struct T *)manager)->as->newest_;                                                \
    }                                                                                              \
    static const struct with_class NAME##_class = {                                                \
        .name = #T,                                                                                \
        .enter = NAME##_enter,                                                                     \
        .exit = NAME##_exit,                                                                       \
        .suppressor = !PLAIN,                                                                      \
        .held = NAME##_held,                                                                       \
    }

STACK(stack, cm_exit_stack, false);
STACK(plain_stack, cm_plain_exit_stack, true);

struct cm_exit_stack cm_exit_stack(void)
{
    struct cm_exit_stack manager; /* WITH_NEW() would store zeros that nobody reads */

    manager.with_.head.manager_class = &stack_class;
    manager.popped_ = NULL;
    return manager;
}

struct cm_exit_stack cm_exit_stack_of(with_exit_stack *popped)
{
    struct cm_exit_stack manager = cm_exit_stack();

    manager.popped_ = popped;
    return manager;
}

struct cm_plain_exit_stack cm_plain_exit_stack(void)
{
    struct cm_plain_exit_stack manager;

    manager.with_.head.manager_class = &plain_stack_class;
    manager.popped_ = NULL;
    return manager;
}

void with_stack_close_(const with_site *site, with_exit_stack *stack)
{
    struct cm_exit_stack self;

    if (!stack) return;
    self.with_.head.manager_class = &stack_class;
    self.with_.head.frame.site = site;
    self.with_.head.completed = true;
    self.as = stack;
    with_run_exit_(&self.with_.head, &stack_class, NULL);
}

with_exit_stack *with_stack_pop_all(with_exit_stack *stack)
{
    with_exit_stack *popped;

    if (!stack) with_throw(with_ValueError, "the exit stack is NULL");
    if (stack->busy_)
        with_throw(with_RuntimeError, "this exit stack is being left, or entered into");
    if (stack->popped_) return stack;
    if (!with__stack_has_room(stack))
        with_throw(with_MemoryError, "no memory to pop an exit stack");

    popped = &stack->room_->popped;
    *popped = (with_exit_stack){.newest_ = stack->newest_, .room_ = stack->room_, .popped_ = true};
    stack->newest_ = NULL;
    stack->room_ = NULL;
    return popped;
}

/* ---- Managers in it ------------------------------------------------------------------------ */

static void link_entry(with_exit_stack *stack, struct with_head_ *entry, const with_site *site)
{
    entry->frame.site = site;
    entry->frame.previous = stack->newest_;
    stack->newest_ = &entry->frame;
}

/* Around the enter of a manager: if that does not return, the manager's memory is given back. */
struct entering {
    struct with_head_ head;
    with_exit_stack *stack;
    struct with_head_ *entry;
    size_t used;
    bool entered;
};

static void entering_enter(void *manager)
{
    struct entering *self = manager;

    self->used = self->stack->room_->used;
    self->stack->busy_++;
}

/* What a quick manager throws has named its block already. */
static void name_block_once(const with_exception *exception)
{
    if (exception->traceback_length) ((with_exception *)exception)->traceback_length--;
}

static bool entering_exit(void *manager, const with_exception *exception)
{
    struct entering *self = manager;
    struct with_stack_room_ *room = self->stack->room_;

    self->stack->busy_--;
    if (self->entered) link_entry(self->stack, self->entry, self->head.frame.site);
    else if (room->used == self->used) /* so this is the room that the entry is in */
        room->used = (size_t)((char *)self->entry - (char *)(room + 1));
    if (exception && self->entry->manager_class->quick) name_block_once(exception);
    return false;
}

static const struct with_class entering_class = {
    .name = "with_stack_enter",
    .enter = entering_enter,
    .exit = entering_exit,
    .quick = true,
};

static void enter(with_exit_stack *stack, struct with_head_ *entry, const with_site *site)
{
    struct entering self = {.head.manager_class = &entering_class, .stack = stack, .entry = entry};
    struct with_guard_ guard
        __attribute__((cleanup(with_leave_), unused)) = {&self, with_enter_(&self, site), false};

    entry->frame.site = site; /* which a quick manager names */
    entry->manager_class->enter(entry);
    self.entered = true;
}

void *with_stack_enter_(const with_site *site, with_exit_stack *stack, const void *made,
                        size_t size, size_t alignment)
{
    const struct with_class *manager_class = ((const struct with_head_ *)made)->manager_class;
    void *entry;

    if (!manager_class) with_no_class_(site);
    if (!stack) with_throw_(site, &with_ValueError, "the exit stack is NULL");
    if (stack->plain_ && manager_class->suppressor)
        with_throw_(site, &with_TypeError, "%s is a suppressor, and this exit stack takes none",
                    manager_class->name);
    entry = with__stack_take(stack, size, alignment);
    if (!entry) with_throw_(site, &with_MemoryError, "no memory to enter into an exit stack");

    memcpy(entry, made, size);
    enter(stack, entry, site);
    return entry;
}

/* ---- Functions in it ----------------------------------------------------------------------- */

struct pushed {
    struct with_head_ head;
    bool (*function)(void *argument, const with_exception *exception);
    void *argument;
};

struct callback {
    struct with_head_ head;
    void (*function)(void *argument);
    void *argument;
};

static bool pushed_exit(void *manager, const with_exception *exception)
{
    struct pushed *self = manager;

    return self->function(self->argument, exception);
}

static bool callback_exit(void *manager, const with_exception *exception)
{
    struct callback *self = manager;

    (void)exception;
    self->function(self->argument);
    return false;
}

static const struct with_class pushed_classes[] = {
    {.name = "with_stack_push", .exit = pushed_exit, .suppressor = true},
    {.name = "with_stack_push", .exit = pushed_exit, .suppressor = false},
};
static const struct with_class callback_class = {
    .name = "with_stack_callback",
    .exit = callback_exit,
};

static int push(const with_site *site, with_exit_stack *stack,
                bool (*function)(void *argument, const with_exception *exception), void *argument)
{
    struct pushed *entry;

    if (!stack || !function) return -EINVAL;
    entry = with__stack_take(stack, sizeof *entry, _Alignof(struct pushed));
    if (!entry) return -ENOMEM;

    entry->head.manager_class = &pushed_classes[stack->plain_];
    entry->function = function;
    entry->argument = argument;
    link_entry(stack, &entry->head, site);
    return 0;
}

static int push_callback(const with_site *site, with_exit_stack *stack,
                         void (*function)(void *argument), void *argument)
{
    struct callback *entry;

    if (!stack || !function) return -EINVAL;
    entry = with__stack_take(stack, sizeof *entry, _Alignof(struct callback));
    if (!entry) return -ENOMEM;

    entry->head.manager_class = &callback_class;
    entry->function = function;
    entry->argument = argument;
    link_entry(stack, &entry->head, site);
    return 0;
}

int with_stack_try_push_(const with_site *site, with_exit_stack *stack,
                         bool (*function)(void *argument, const with_exception *exception),
                         void *argument)
{
    return push(site, stack, function, argument);
}

int with_stack_try_callback_(const with_site *site, with_exit_stack *stack,
                             void (*function)(void *argument), void *argument)
{
    return push_callback(site, stack, function, argument);
}

static void __attribute__((noreturn, cold)) refuse(const with_site *site, int error)
{
    if (error == -ENOMEM)
        with_throw_(site, &with_MemoryError, "no memory to push onto an exit stack");
    with_throw_(site, &with_ValueError, "the exit stack or the function is NULL");
}

void with_stack_push_(const with_site *site, with_exit_stack *stack,
                      bool (*function)(void *argument, const with_exception *exception),
                      void *argument)
{
    const int error = push(site, stack, function, argument);

    if (error) refuse(site, error);
}

void with_stack_callback_(const with_site *site, with_exit_stack *stack,
                          void (*function)(void *argument), void *argument)
{
    const int error = push_callback(site, stack, function, argument);

    if (error) refuse(site, error);
}
