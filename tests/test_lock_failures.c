/* SPDX-License-Identifier: MIT
 *
 * What with/lock.h says when a lock cannot be taken or given back. The functions of libc are defined
 * here: each does its work, then reports the error that it was told to.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif
#include "test.h"
#include "test_locks.h"

#include <dlfcn.h>
#include <math.h>
#include <sys/wait.h>

/* ---- Functions that fail on demand --------------------------------------------------------- */

static int lock_error, unlock_error, interruptions;

/* Gives the lock back, then says that it could not. */
#define INTERPOSE_UNLOCK(NAME, TYPE, FAILURE)                                                      \
    int NAME(TYPE *lock)                                                                           \
    {                                                                                              \
        static int (*real)(TYPE *);                                                                \
        int result;                                                                                \
        if (!real) *(void **)&real = dlsym(RTLD_NEXT, #NAME);                                      \
        result = real(lock);                                                                       \
        if (unlock_error) errno = unlock_error;                                                    \
        return unlock_error ? FAILURE : result;                                                    \
    }

INTERPOSE_UNLOCK(pthread_mutex_unlock, pthread_mutex_t, unlock_error)
INTERPOSE_UNLOCK(pthread_rwlock_unlock, pthread_rwlock_t, unlock_error)
INTERPOSE_UNLOCK(pthread_spin_unlock, pthread_spinlock_t, unlock_error)
INTERPOSE_UNLOCK(mtx_unlock, mtx_t, thrd_error)
INTERPOSE_UNLOCK(sem_post, sem_t, -1)

/* These fail without taking the lock. */
#define INTERPOSE_LOCK(NAME, TYPE, FAILURE)                                                        \
    int NAME(TYPE *lock)                                                                           \
    {                                                                                              \
        static int (*real)(TYPE *);                                                                \
        if (!real) *(void **)&real = dlsym(RTLD_NEXT, #NAME);                                      \
        return lock_error ? FAILURE : real(lock);                                                  \
    }

INTERPOSE_LOCK(pthread_mutex_lock, pthread_mutex_t, lock_error)
INTERPOSE_LOCK(pthread_rwlock_rdlock, pthread_rwlock_t, lock_error)
INTERPOSE_LOCK(pthread_rwlock_wrlock, pthread_rwlock_t, lock_error)
INTERPOSE_LOCK(pthread_spin_lock, pthread_spinlock_t, lock_error)
INTERPOSE_LOCK(mtx_lock, mtx_t, thrd_error)

/* Is interrupted a few times first. */
static bool interrupted(void)
{
    if (interruptions == 0) return false;
    interruptions--;
    errno = EINTR;
    return true;
}

int sem_wait(sem_t *lock)
{
    static int (*real)(sem_t *);

    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "sem_wait");
    if (lock_error) errno = lock_error;
    return lock_error || interrupted() ? -1 : real(lock);
}

int sem_trywait(sem_t *lock)
{
    static int (*real)(sem_t *);

    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "sem_trywait");
    return interrupted() ? -1 : real(lock);
}

#ifdef __GLIBC__
int sem_clockwait(sem_t *lock, clockid_t clock, const struct timespec *deadline)
{
    static int (*real)(sem_t *, clockid_t, const struct timespec *);

    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "sem_clockwait");
    return interrupted() ? -1 : real(lock, clock, deadline);
}
#endif

/* ---- Each kind ----------------------------------------------------------------------------- */

#define DEFINE_KIND(NAME, MANAGER)                                                                 \
    static void hold_##NAME(void *body)                                                            \
    {                                                                                              \
        with (MANAGER)                                                                             \
            if (body) ((void (*)(void))body)();                                                    \
    }

DEFINE_KIND(mutex, cm_lock(&locks.mutex))
DEFINE_KIND(read, cm_lock_read(&locks.rwlock))
DEFINE_KIND(write, cm_lock(&locks.rwlock))
DEFINE_KIND(semaphore, cm_lock(&locks.semaphore))
DEFINE_KIND(spin, cm_lock(&locks.spin))
DEFINE_KIND(mtx, cm_lock(&locks.mtx))
DEFINE_KIND(mutex_within, cm_lock_within(&locks.mutex, 60))
DEFINE_KIND(read_within, cm_lock_read_within(&locks.rwlock, 60))
DEFINE_KIND(write_within, cm_lock_within(&locks.rwlock, 60))
DEFINE_KIND(semaphore_within, cm_lock_within(&locks.semaphore, 60))
DEFINE_KIND(spin_within, cm_lock_within(&locks.spin, 60))
DEFINE_KIND(mtx_within, cm_lock_within(&locks.mtx, 60))
DEFINE_KIND(null_mutex, cm_lock((pthread_mutex_t *)NULL))
DEFINE_KIND(null_read, cm_lock_read(NULL))
DEFINE_KIND(null_write, cm_lock_write(NULL))
DEFINE_KIND(null_semaphore, cm_lock((sem_t *)NULL))
DEFINE_KIND(null_spin, cm_lock((pthread_spinlock_t *)NULL))
DEFINE_KIND(null_mtx, cm_lock((mtx_t *)NULL))
DEFINE_KIND(null_within, cm_lock_within((mtx_t *)NULL, 1))
DEFINE_KIND(null_recover, cm_lock_recover(NULL))
DEFINE_KIND(nan_within, cm_lock_within(&locks.mutex, NAN))
DEFINE_KIND(nan_read_within, cm_lock_read_within(&locks.rwlock, -NAN))

static const struct kind {
    const char *type;
    void (*hold)(void *body);
    bool (*is_free)(void);
} kinds[] = {
    {"pthread_mutex_t", hold_mutex, mutex_is_free},
    {"pthread_rwlock_t", hold_read, rwlock_is_free},
    {"pthread_rwlock_t", hold_write, rwlock_is_free},
    {"sem_t", hold_semaphore, semaphore_is_free},
    {"pthread_spinlock_t", hold_spin, spin_is_free},
    {"mtx_t", hold_mtx, mtx_is_free},
    {"pthread_mutex_t", hold_mutex_within, mutex_is_free},
    {"pthread_rwlock_t", hold_read_within, rwlock_is_free},
    {"pthread_rwlock_t", hold_write_within, rwlock_is_free},
    {"sem_t", hold_semaphore_within, semaphore_is_free},
    {"pthread_spinlock_t", hold_spin_within, spin_is_free},
    {"mtx_t", hold_mtx_within, mtx_is_free},
};

static void never(void)
{
    CHECK(!"the block must not run");
}

static void throw_in_body(void)
{
    throw(KeyError, "body");
}

static bool contains(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void test_failed_lock(const struct kind *kind)
{
    const bool silent = strcmp(kind->type, "mtx_t") == 0; /* C11 has no error numbers */
    const with_exception *e;

    lock_error = EINVAL;
    e = with_call(kind->hold, (void *)never);
    lock_error = 0;
    if (!CHECK(e != NULL)) return;
    CHECK(e->type == &OSError);
    CHECK_INT(e->code, silent ? 0 : EINVAL);
    CHECK(contains(e->message, "locking the"));
    CHECK(contains(e->message, kind->type));
    CHECK_INT(with_dump(NULL), 0);
    CHECK(kind->is_free());
    with_exception_unref(e);
}

static void test_failed_unlock(const struct kind *kind)
{
    const bool silent = strcmp(kind->type, "mtx_t") == 0;
    const with_exception *e;

    unlock_error = EPERM;
    e = with_call(kind->hold, NULL);
    unlock_error = 0;
    if (!CHECK(e != NULL)) return;
    CHECK(e->type == (silent ? &OSError : &PermissionError));
    CHECK_INT(e->code, silent ? 0 : EPERM);
    CHECK(contains(e->message, "unlocking the"));
    CHECK(contains(e->message, kind->type));
    CHECK_INT(with_dump(NULL), 0);
    CHECK(kind->is_free());
    with_exception_unref(e);
}

/* The exception of the body goes on, with a note. */
static void test_failed_unlock_of_throw(const struct kind *kind)
{
    const with_exception *e;

    unlock_error = EINVAL;
    e = with_call(kind->hold, (void *)throw_in_body);
    unlock_error = 0;
    if (!CHECK(e != NULL)) return;
    CHECK(e->type == &KeyError);
    if (CHECK(e->notes != NULL)) {
        CHECK(contains(e->notes->text, "unlocking the"));
        CHECK(contains(e->notes->text, kind->type));
        CHECK(e->notes->next == NULL);
    }
    CHECK(kind->is_free());
    with_exception_unref(e);
}

static void check_value_error(void (*hold)(void *), const char *part)
{
    const with_exception *e = with_call(hold, (void *)never);

    if (!CHECK(e != NULL)) return;
    CHECK(e->type == &ValueError);
    CHECK(contains(e->message, part));
    with_exception_unref(e);
    CHECK(mutex_is_free());
}

static void test_bad_arguments(void)
{
    check_value_error(hold_null_mutex, "pthread_mutex_t * is NULL");
    check_value_error(hold_null_read, "pthread_rwlock_t * is NULL");
    check_value_error(hold_null_write, "pthread_rwlock_t * is NULL");
    check_value_error(hold_null_semaphore, "sem_t * is NULL");
    check_value_error(hold_null_spin, "pthread_spinlock_t * is NULL");
    check_value_error(hold_null_mtx, "mtx_t * is NULL");
    check_value_error(hold_null_within, "mtx_t * is NULL");
    check_value_error(hold_null_recover, "pthread_mutex_t * is NULL");
    check_value_error(hold_nan_within, "not a number");
    check_value_error(hold_nan_read_within, "not a number");
}

static void test_interruptions(void)
{
    interruptions = 3;
    with (cm_lock(&locks.semaphore)) CHECK_INT(interruptions, 0);
    interruptions = 3;
    with (cm_lock_within(&locks.semaphore, 60)) CHECK_INT(interruptions, 0);
    CHECK(semaphore_is_free());
}

/* ---- A mutex that checks ------------------------------------------------------------------- */

static pthread_mutex_t checking;

static void make_checking(void)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checking, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static void test_relock(void)
{
    volatile int caught = 0;

    with (cm_lock(&checking)) {
        try {
            with (cm_lock(&checking)) never();
        } catch (OSError, e) {
            caught++;
            CHECK_INT(e->code, EDEADLK);
            CHECK(contains(e->message, "pthread_mutex_t"));
            CHECK(contains(e->message, "holds already"));
        }
        CHECK_INT(with_dump(NULL), 1);
        CHECK_INT(pthread_mutex_trylock(&checking), EBUSY);
        try {
            with (cm_lock_within(&checking, 0)) never();
        } catch (OSError, e) {
            caught++;
            CHECK_INT(e->code, EDEADLK);
        }
    }
    CHECK_INT(caught, 2);
}

static void unlock_too_often(void *unused)
{
    (void)unused;
    with (cm_lock(&checking)) pthread_mutex_unlock(&checking);
}

static void test_unlock_what_is_not_held(void)
{
    const with_exception *e = with_call(unlock_too_often, NULL);

    if (!CHECK(e != NULL)) return;
    CHECK(e->type == &PermissionError);
    CHECK_INT(e->code, EPERM);
    CHECK(contains(e->message, "does not hold"));
    with_exception_unref(e);
}

/* ---- A child ------------------------------------------------------------------------------- */

static void check_child(pid_t child)
{
    int status = -1;

    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
}

/* The child has a copy of the lock, which its exit unlocks. */
static void test_child(const struct kind *kind)
{
    pid_t child = -1;

    fflush(NULL);
    if (kind->hold == hold_mutex)
        with (cm_lock(&locks.mutex)) child = fork();
    else if (kind->hold == hold_read)
        with (cm_lock_read(&locks.rwlock)) child = fork();
    else if (kind->hold == hold_spin)
        with (cm_lock(&locks.spin)) child = fork();
    else return;
    if (child == 0) _exit(!kind->is_free());
    check_child(child);
    CHECK(kind->is_free());
}

static void hold_checking_and_fork(void *child)
{
    with (cm_lock(&checking)) *(pid_t *)child = fork();
}

/* A mutex that knows its owner knows the parent's thread: the child cannot unlock its copy. */
static void test_child_of_checking(void)
{
    pid_t child = -1;
    const with_exception *e;

    fflush(NULL);
    e = with_call(hold_checking_and_fork, &child);
    if (child == 0) _exit(!with_isinstance(e, &PermissionError));
    CHECK(e == NULL);
    check_child(child);
}

int main(void)
{
    make_locks();
    make_checking();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (i < 6) test_failed_lock(&kinds[i]);
        test_failed_unlock(&kinds[i]);
        test_failed_unlock_of_throw(&kinds[i]);
        test_child(&kinds[i]);
    }
    test_bad_arguments();
    test_interruptions();
    test_relock();
    test_unlock_what_is_not_held();
    test_child_of_checking();
    pthread_mutex_destroy(&checking);
    destroy_locks();
    return test_result();
}
