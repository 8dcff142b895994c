# SPDX-License-Identifier: MIT
#
# for.sh KIND COMMAND...: runs a command with one more argument, the address of a private server that is
# there as long as the command runs (run.sh). KIND.sh says what an address is, by server_address PORT
# DIRECTORY. The status is the command's, or 77 where the server is not installed.
set -u

here=$(cd "$(dirname "$0")" && pwd)
kind=$1
shift
. "$here/$kind.sh"

pipes=$(mktemp -d) || exit 1
trap 'rm -rf "$pipes"' EXIT
mkfifo "$pipes/orders" "$pipes/answers" || exit 1
sh "$here/run.sh" "$kind" <"$pipes/orders" >"$pipes/answers" &
exec 3>"$pipes/orders" 4<"$pipes/answers"

read -r word rest <&4
if [ "$word" = skip ]; then
    echo "skipped: $rest"
    exit 77
fi
echo start >&3
read -r word port directory rest <&4
if [ "$word" = up ]; then
    "$@" "$(server_address "$port" "$directory")" 3>&- 4<&-
    status=$?
else
    echo "$word $port $directory $rest"
    status=1
fi
exec 3>&-
wait
exit $status
