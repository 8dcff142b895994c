# SPDX-License-Identifier: MIT
#
# run.sh KIND [SETTING...]: a private server of a database, for tests. KIND.sh beside this file says how
# it is made and run. The server has a directory of its own, an unprivileged user if this is root, a
# Unix socket in that directory and a free port of 127.0.0.1. It obeys the lines of the standard input
# and answers each with a line:
#
#   start          up PORT DIRECTORY PID, when it accepts connections, or failed REASON
#   stop [SIGNAL]  down, when its process has ended
#
# The first line that it writes is "ready", or "skip REASON" where the server is not installed. At the
# end of the input, so also when the test was killed, the server is stopped and the directory removed.
#
# KIND.sh sets stop_signal and user, and defines: find_server (fails with `reason`), prepare_server,
# run_server SETTING... (must exec, by as_user), server_ready, and for for.sh server_address.
set -u

kind=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
user=nobody
reason=
directory=
port=
pid=
LC_ALL=C
export LC_ALL
unset PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD PGOPTIONS PGSERVICE 2>/dev/null

# Runs a command as $user, in place of this shell. It dies with its parent.
as_user()
{
    if [ "$(id -u)" -eq 0 ]; then
        exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups \
            --pdeathsig "$stop_signal" -- env HOME="$directory" "$@"
    elif command -v setpriv >/dev/null; then
        exec setpriv --pdeathsig "$stop_signal" -- "$@"
    else
        exec "$@"
    fi
}

skip()
{
    echo "skip $*"
    exit 0
}

stop()
{
    [ -n "$pid" ] || return 0
    kill -s "$1" "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    pid=
}

clean()
{
    trap '' HUP INT TERM
    stop "$stop_signal"
    cd /
    rm -rf "$directory"
}

# A port below those that the system hands out by itself.
choose_port()
{
    port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
}

# Whether the server came up: it may find its port taken.
try_to_start()
{
    (run_server "$@") >>"$directory/log" 2>&1 &
    pid=$!
    tries=0
    while [ $tries -lt 1200 ]; do
        server_ready && return 0
        kill -0 "$pid" 2>/dev/null || break
        tries=$((tries + 1))
        sleep 0.05
    done
    stop KILL
    return 1
}

# Once it has been up it keeps its port.
start()
{
    attempt=0
    [ -n "$port" ] && keep=yes || keep=
    while [ $attempt -lt 10 ]; do
        [ -n "$keep" ] || choose_port
        if try_to_start "$@"; then
            echo "up $port $directory $pid"
            return
        fi
        attempt=$((attempt + 1))
        sleep 0.1
    done
    echo "failed $(tail -n 1 "$directory/log")"
}

. "$here/$kind.sh"
find_server || skip "$reason"
if [ "$(id -u)" -eq 0 ]; then
    command -v setpriv >/dev/null || skip "no setpriv, to run $kind as another user than root"
    id "$user" >/dev/null 2>&1 || user=nobody
fi
directory=$(mktemp -d /tmp/with-"$kind"-XXXXXX) || skip "no directory in /tmp"
trap 'clean; exit 1' HUP INT TERM
trap clean EXIT
[ "$(id -u)" -ne 0 ] || chown "$user" "$directory"
chmod 755 "$directory"
cd "$directory" || exit 1
(prepare_server) >"$directory/log" 2>&1 || skip "preparing $kind: $(tail -n 1 "$directory/log")"
echo ready
while read -r order signal; do
    case $order in
    start) start "$@" ;;
    stop)
        stop "${signal:-$stop_signal}"
        echo down
        ;;
    *) echo "failed: there is no order $order" ;;
    esac
done
