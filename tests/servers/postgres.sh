# SPDX-License-Identifier: MIT
#
# For run.sh: a PostgreSQL. Anybody is let in; the superuser is postgres. A SETTING is NAME=VALUE.
stop_signal=INT # fast shutdown: connections are cut
user=postgres

find_server()
{
    for bin in "$(pg_config --bindir 2>/dev/null)" /usr/lib/postgresql/*/bin /usr/local/pgsql/bin; do
        [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] && return 0
    done
    reason="PostgreSQL's server is not installed (Debian: postgresql)"
    return 1
}

prepare_server()
{
    as_user "$bin/initdb" --pgdata="$directory/data" --username=postgres --auth=trust --encoding=UTF8 \
        --locale=C --no-sync --no-instructions
}

# Without fsync: what is to be survived is the end of the server, not that of the machine.
run_server()
{
    for setting in "$@"; do
        set -- "$@" -c "$setting"
        shift
    done
    as_user "$bin/postgres" -D "$directory/data" -p "$port" -k "$directory" \
        -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off "$@"
}

server_ready()
{
    "$bin/pg_isready" -q -h "$directory" -p "$port" -U postgres -d postgres
}

server_address()
{
    echo "host=$2 port=$1 user=postgres dbname=postgres"
}
