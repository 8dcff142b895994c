# SPDX-License-Identifier: MIT
#
# spin looks at every interleaving of the model of the pool in pool.pml: with limits of time, and without
# them, when a waiter that is forgotten waits for ever. A model with a fault in it must be found out.
set -u

source=${WITH_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
command -v spin >/dev/null || { echo "skipped: spin is not installed"; exit 77; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
failed=0

# search MODEL OPTION...: prints how many errors there are, then how many states.
search()
{
    model=$1
    shift
    spin "$@" -a "$model" >spin.log 2>&1 || { cat spin.log; exit 1; }
    ${CC:-cc} ${optimisation:--O1} -DSAFETY -DCOLLAPSE -DMEMLIM=1500 -w -o pan pan.c || exit 1
    ./pan -m200000 -n >pan.log 2>&1
    sed -n -e 's/.*errors: \([0-9]*\).*/\1/p' -e 's/ *\([0-9]*\) states, stored.*/\1/p' pan.log | tr '\n' ' '
    grep -q 'not completed' pan.log && printf 'not completed'
}

sound()
{
    result=$(search "$source/tests/pool.pml" "$@")
    echo "$*: ${result% } states"
    case $result in
        "0 "*completed*) failed=1 ;;
        "0 "*) ;;
        *) cat pan.log; failed=1 ;;
    esac
}

# faulty WHAT SED-SCRIPT OPTION...
faulty()
{
    what=$1
    sed "$2" "$source/tests/pool.pml" >faulty.pml
    shift 2
    cmp -s faulty.pml "$source/tests/pool.pml" && { echo "$what: there is nothing to change"; failed=1; }
    optimisation=-O0 # an error is found soon: it is compiling that takes time
    case $(search faulty.pml "$@") in
        "0 "*) echo "not found out: $what"; failed=1 ;;
    esac
}

sound -DTHREADS=2 -DSIZE=1 -DROUNDS=2
sound -DTHREADS=2 -DSIZE=2
sound -DTHREADS=3 -DSIZE=1 -DTIME_OUT=false
faulty "the first in the queue is not told of the end of backing off" \
    '/length > 0 -> signal\[queue\[0\]\] = true :: else fi }/s/signal.*= true/skip/' \
    -DTHREADS=2 -DTIME_OUT=false
faulty "a cancelled waiter keeps what it was given" \
    's/users\[slot\[me\]\]--; set(slot\[me\], HELD, IDLE);//' -DTHREADS=2
faulty "an item that comes back is told to nobody" \
    's/set(s, HELD, IDLE); dispatch(); told()/set(s, HELD, IDLE)/' -DTHREADS=2 -DTIME_OUT=false
faulty "an item that is being closed leaves room" \
    's/:: broken\[s\] || pool_closed -> broken\[s\] = false; set(s, HELD, CLOSING)/& ; occupied--/' -DTHREADS=2
exit $failed
