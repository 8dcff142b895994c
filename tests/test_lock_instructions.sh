# SPDX-License-Identifier: MIT
#
# A block whose body the compiler sees through is compiled to the very instructions of a lock and an
# unlock written by hand that check both for errors: with gcc and clang, at -O2, for each kind of lock.
set -u

source=${WITH_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
command -v objdump >/dev/null || exit 77
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
failed=0
count=0

cat >"$here/twins.c" <<'END'
#include <with/lock.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static pthread_spinlock_t spin;
static mtx_t mtx;
static long balance;

static inline void __attribute__((always_inline))
check_lock(enum with_lock_kind_ kind, volatile void *lock, int error)
{
    static const with_site site = {"", "", "", 0, WITH_MANAGER_SITE_};
    if (__builtin_expect(error, 0)) with_lock_failed_(&site, kind, lock, error);
}

static inline void __attribute__((always_inline))
check_unlock(enum with_lock_kind_ kind, volatile void *lock, int error)
{
    static const with_site site = {"", "", "", 0, WITH_MANAGER_SITE_};
    if (__builtin_expect(error, 0)) with_unlock_failed_(&site, kind, lock, error, NULL);
}

#define TWINS(NAME, MANAGER, LOCK, ACQUIRE, RELEASE, KIND)                                         \
    long by_with_##NAME(long amount)                                                               \
    {                                                                                              \
        with (MANAGER(&LOCK)) balance += amount;                                                   \
        return amount;                                                                             \
    }                                                                                              \
    long by_hand_##NAME(long amount)                                                               \
    {                                                                                              \
        check_lock(KIND, &LOCK, ACQUIRE(&LOCK));                                                   \
        balance += amount;                                                                         \
        check_unlock(KIND, &LOCK, RELEASE(&LOCK));                                                 \
        return amount;                                                                             \
    }

TWINS(mutex, cm_lock, mutex, pthread_mutex_lock, pthread_mutex_unlock, WITH_LOCK_MUTEX_)
TWINS(write, cm_lock, rwlock, pthread_rwlock_wrlock, pthread_rwlock_unlock, WITH_LOCK_WRITE_)
TWINS(read, cm_lock_read, rwlock, pthread_rwlock_rdlock, pthread_rwlock_unlock, WITH_LOCK_READ_)
TWINS(semaphore, cm_lock, semaphore, with_semaphore_wait_, with_semaphore_post_,
      WITH_LOCK_SEMAPHORE_)
TWINS(spin, cm_lock, spin, pthread_spin_lock, pthread_spin_unlock, WITH_LOCK_SPIN_)
TWINS(mtx, cm_lock, mtx, WITH_MTX_LOCK_, WITH_MTX_UNLOCK_, WITH_LOCK_MTX_)
END

# instructions FUNCTION CODE: without addresses, the padding behind the last one, and the places that
# it jumps to when something failed.
instructions()
{
    awk -v wanted="<$1>:" '
        /^[0-9a-f]+ <.*>:$/ { inside = $2 == wanted; next }
        !inside || NF == 0 || /^Disassembly/ { next }
        /R_[A-Z0-9_]+/ {
            line[++n] = "    " ($NF ~ /^(pthread|sem|mtx|__errno|with_)/ ? $NF : "local")
            next
        }
        {
            sub(/^ *[0-9a-f]+:[ \t]*/, "")
            sub(/ *(#.*)?$/, "")
            gsub(/[0-9a-f]+ <[^>]*>/, "somewhere")
            line[++n] = $0
        }
        END {
            while (n > 0 && line[n] ~ /nop|xchg +%ax,%ax/) n--
            for (i = 1; i <= n; i++) print line[i]
        }' "$2"
}

for compiler in gcc gcc-10 gcc-11 clang clang-14 clang-19; do
    command -v $compiler >/dev/null || continue
    if ! $compiler -std=gnu11 -O2 -fexceptions -I"$source/include" -c "$here/twins.c" -o "$here/twins.o"; then
        failed=1
        continue
    fi
    objdump -dr --no-show-raw-insn "$here/twins.o" >"$here/code"
    for name in mutex write read semaphore spin mtx; do
        count=$((count + 1))
        instructions by_with_$name "$here/code" >"$here/with"
        instructions by_hand_$name "$here/code" >"$here/hand"
        if [ ! -s "$here/with" ] || ! grep -q ret "$here/with"; then
            echo "$compiler: by_with_$name was not found"
            failed=1
        elif ! diff "$here/with" "$here/hand" >"$here/difference"; then
            echo "$compiler: cm_lock of $name (<) is not what is written by hand (>):"
            cat "$here/difference"
            failed=1
        fi
    done
done
[ $failed -ne 0 ] || echo "$count pairs, the same instructions in each"
exit $failed
