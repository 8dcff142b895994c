# SPDX-License-Identifier: MIT
#
# The tour on a directory that has one of each problem, and on none.
tour=${WITH_BUILD:?}/examples/tour
[ -x "$tour" ] || exit 77

place=$(mktemp -d) || exit 1
trap 'chmod -R u+rwX "$place"; rm -rf "$place"' EXIT
failed=0

# expect PATTERN TIMES: so many lines of the output match.
expect() {
    found=$(grep -c -E -e "$1" "$place/output")
    [ "$found" -eq "$2" ] && return
    printf 'lines with "%s": %d, not %d\n' "$1" "$found" "$2"
    failed=1
}

mkdir "$place/in" "$place/in/below" "$place/in/closed"
echo 'int count(int count); // int' >"$place/in/one.c"
echo '/* int */ int other = 0x1f; char *text = "int";' >"$place/in/below/two.c"
ln -s nothing "$place/in/broken"
ln -s ../below "$place/in/below/link"
mkfifo "$place/in/pipe"
chmod 0 "$place/in/closed"

"$tour" "$place/in" >"$place/output" || failed=1
expect 'read  *2 files in [23] directories with 4 threads: 0.0 MB, 8 identifiers' 1
expect 'caught  *1 broken links; the first:' 1
expect "FileNotFoundError: $place/in/broken: No such file or directory" 1
expect 'caught  *1 links to directories' 1
expect "IsADirectoryError: $place/in/below/link: Is a directory" 1
expect "NotAFileError: $place/in/pipe: neither a file nor a directory" 1
if [ "$(id -u)" -ne 0 ]; then expect "PermissionError: $place/in/closed" 1; fi
expect '(built without SQLite|kept  *5 in SQLite [0-9.]*, in one transaction; the longest has 5 letters)' 1
expect '^ *3  int$' 1
expect '^ *2  count$' 1
expect '^ *1  other$' 1
expect 'held now  0 managers' 1
report=$(sed -n 's/.*wrote  *\([^,]*\),.*/\1/p' "$place/output")
[ -n "$report" ] && [ ! -e "$report" ] || failed=1

if ldd "$tour" | grep -q libwith-postgres; then
    sh "${WITH_SOURCE:?}/tests/servers/for.sh" postgres "$tour" "$place/in" >"$place/output"
    status=$?
    if [ "$status" -ne 77 ]; then
        [ "$status" -eq 0 ] || failed=1
        expect 'kept  *5 in PostgreSQL [0-9]*, in one transaction; counted 8 times' 1
        expect 'held now  0 managers' 1
    fi
fi

"$tour" "$place/nothing" >"$place/output" 2>&1 && failed=1
expect "tour: FileNotFoundError: $place/nothing: No such file or directory" 1
expect 'held now  0 managers' 1
[ "$failed" -eq 0 ] || cat "$place/output"
exit "$failed"
