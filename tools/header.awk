# SPDX-License-Identifier: MIT
#
# Reads a public header and prints its man page (mode=man), its public names (mode=names: one a line,
# and behind it the keyword that stands for it, if any), those of its functions and macros alone
# (mode=calls), or of the functions without a contract (mode=bare). POSIX awk; see tools/man-pages.
#
# What it relies on is how the headers are written: the first comment names the file and says what it
# is; banners (/* ---- Title ---) make sections; a comment directly above declarations is their
# contract; a blank line ends the group; a comment above a blank line is plain text. Names that end
# in _ are plumbing, and so is what stands under the banners Plumbing and Keywords.

{ line[NR] = $0 }

END {
    find_aliases()
    read_header()
    if (mode == "man") print_page()
    else print_names()
}

# ---- Reading ----

# Keywords: #define X with_X, #define X(...) beside with_X(...).
function find_aliases(    i, words)
{
    for (i = 1; i <= NR; i++) {
        if (line[i] ~ /^\/\* ---- Keywords/) keywords = 1
        else if (line[i] ~ /^\/\* ---- /) keywords = 0
        if (line[i] !~ /^#define /) continue
        split(line[i], words, /[ (]+/)
        if (keywords || line[i] ~ ("^#define " words[2] " with_" words[2] "$"))
            alias["with_" words[2]] = words[2]
    }
}

function read_header(    i)
{
    i = read_top(1)
    while (i <= NR) {
        if (line[i] ~ /clang-format o(n|ff)/) i++
        else if (line[i] ~ /^\/\*/) {
            end_group()
            i = read_comment(i)
        } else if (line[i] ~ /^[ \t]*$/) {
            end_group()
            i++
        } else if (line[i] ~ /^#[ \t]*define/) i = read_macro(i)
        else if (line[i] ~ /^#/) i = after_continued(i)
        else if (line[i] ~ /^(extern "C" \{|\})$/) i++
        else i = read_declaration(i)
    }
    end_group()
}

# The first comment: into top.
function read_top(i,    text)
{
    while (i <= NR && line[i] !~ /^\/\*/) i++
    for (; i <= NR; i++) {
        text = bare(line[i])
        if (text !~ /SPDX-License-Identifier/) top = top text "\n"
        if (line[i] ~ /\*\//) break
    }
    sub(/^\n+/, "", top)
    sub(/Reference: .*/, "", top)
    sub(/[ \n]+$/, "", top)
    sub(/^[a-z_\/]+\.h: */, "", top)
    return i + 1
}

# A line of a comment without what makes it one.
function bare(text)
{
    sub(/^\/\*+ ?/, "", text)
    sub(/ *\*+\/[ \t]*$/, "", text)
    sub(/^ \* ?/, "", text)
    return text
}

function read_comment(i,    text)
{
    if (line[i] ~ /^\/\* ----/) {
        text = bare(line[i])
        gsub(/^-+ *| *-+$/, "", text)
        section = text
        hidden = section ~ /^(Plumbing|Keywords)/
        return i + 1
    }
    contract = ""
    for (; i <= NR; i++) {
        text = bare(line[i])
        if (contract != "" || text != "") contract = contract text "\n"
        if (line[i] ~ /\*\//) break
    }
    sub(/\n+$/, "", contract)
    return i + 1
}

function after_continued(i)
{
    while (line[i] ~ /\\$/) i++
    return i + 1
}

function read_macro(i,    text, name, j)
{
    text = line[i]
    sub(/^#[ \t]*define[ \t]+/, "", text)
    match(text, /^[A-Za-z_0-9]+(\([^)]*\))?/)
    text = substr(text, 1, RLENGTH)
    name = text
    sub(/\(.*/, "", name)
    if (name == "WITH_EXCEPTION_TYPES_") {
        for (j = i + 1; line[j - 1] ~ /\\$/; j++) read_type(line[j])
        add("tree", "", "")
    } else if (name ~ /_$/ && keep_declarer(i, name)) return after_continued(i)
    else if (name !~ /_$/ && contract != "" && !("with_" name in alias))
        add("macro", name, uses(name in alias ? alias[name] : name, substr(text, length(name) + 1)))
    return after_continued(i)
}

# Whether the macro at line i declares functions: then what it is, and what it stands for, is kept.
function keep_declarer(i, name,    text)
{
    text = line[i]
    while (line[i] ~ /\\$/) {
        sub(/[ \t]*\\$/, "", text)
        text = text "\n" line[++i]
    }
    if (text !~ /WITH_API/ || !match(text, /\([^)]*\)/)) return 0
    declarer_parameters[name] = substr(text, RSTART + 1, RLENGTH - 2)
    sub(/^[^\n]*\n/, "", text)
    declarer[name] = text
    return 1
}

# The declarations that a use of such a macro stands for.
function add_declared(name, arguments,    text, parameters, values, n, i, parts)
{
    text = declarer[name]
    n = split(declarer_parameters[name], parameters, /, */)
    split(arguments, values, /, */)
    for (i = 1; i <= n; i++) {
        gsub("##" parameters[i] "(##)?", values[i], text)
        gsub("(^|[ (])" parameters[i] "[ ]", " " values[i] " ", text)
    }
    n = split(text, parts, /;/)
    for (i = 1; i <= n; i++) {
        gsub(/[ \n]+/, " ", parts[i])
        sub(/^ /, "", parts[i])
        if (parts[i] != "") add_declaration(parts[i] ";")
    }
}

# How a macro is written. What `...` stands for is in its contract: each use with arguments there.
function uses(name, parameters,    text, before, arguments, out, seen)
{
    text = contract
    while (parameters ~ /\.\.\./ && match(text, name " ?\\([^()]+\\)")) {
        before = RSTART > 1 ? substr(text, RSTART - 1, 1) : " "
        arguments = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        gsub(/[ \n]+/, " ", arguments)
        if (before !~ /[A-Za-z_0-9]/ && !seen[arguments]++)
            out = out (out == "" ? "" : "\n") arguments
    }
    return out == "" ? name parameters : out
}

# X(NAME, BASE) in the list of exception types, bases first.
function read_type(text,    words)
{
    gsub(/[ \t\\]|X\(|\)/, "", text)
    if (split(text, words, ",") != 2) return
    types++
    type_name[types] = words[1]
    type_base[types] = words[2]
}

# Reads up to the end of one declaration, the body of an inline function included.
function read_declaration(i,    text, plain, depth, whole)
{
    for (; i <= NR; i++) {
        whole = whole line[i] "\n"
        plain = line[i]
        gsub(/"([^"\\]|\\.)*"|\/\*.*\*\//, "", plain)
        depth += gsub(/[({]/, "&", plain) - gsub(/[)}]/, "&", plain)
        if (depth == 0 && (plain ~ /[;}][ \t]*$/ || whole ~ /^[A-Z_]+\([^\n]*\)\n$/)) break
    }
    add_declaration(whole)
    return i + 1
}

function add_declaration(whole,    text, name, exported)
{
    sub(/\n$/, "", whole)
    name = whole
    sub(/\(.*/, "", name)
    if (name in declarer) {
        match(whole, /\([^)]*\)/)
        add_declared(name, substr(whole, RSTART + 1, RLENGTH - 2))
        return
    }
    exported = whole ~ /WITH_API/
    if (whole ~ /^(typedef )?(struct|union|enum)[^;(]*\{/) {
        name = whole
        sub(/^typedef /, "", name)
        sub(/^(struct|union|enum) */, "", name)
        sub(/[ {].*/, "", name)
        if (name != "" && name !~ /_$/) add("type", name, public_members(whole))
        return
    }
    text = prototype(whole)
    name = text
    if (name ~ /\(/) sub(/ *\(.*/, "", name)
    sub(/;$/, "", name)
    sub(/^.*[ *]/, "", name)
    if (name ~ /_$/ || name !~ /^(with|cm)_/ || text ~ /^struct [a-z_0-9]+;$/) return
    if (contract != "" || exported) add(text ~ /\(/ ? "function" : "object", name, text)
}

function public_members(whole,    lines, n, i, out)
{
    n = split(whole, lines, "\n")
    for (i = 1; i <= n; i++)
        if (lines[i] !~ /^ .*_(\[.*\])?;/) out = out lines[i] "\n"
    sub(/\n$/, "", out)
    sub(/\{\n\}/, "{\n    /* nothing to use */\n}", out)
    return out
}

# A declaration on one line, without attributes and body.
function prototype(text,    start, depth, i, c)
{
    gsub(/[ \t\n]+/, " ", text)
    while ((start = index(text, "__attribute__"))) {
        for (i = start; i <= length(text); i++) {
            c = substr(text, i, 1)
            if (c == "(") depth++
            if (c == ")" && --depth == 0) break
        }
        text = substr(text, 1, start - 1) substr(text, i + 1)
    }
    sub(/ *\{.*/, ";", text)
    gsub(/(^| )(WITH_API|WITH_INLINE_|WITH_RAISES_|WITH_PRINTF_\([^)]*\)|static|inline)/, "", text)
    gsub(/  +/, " ", text)
    sub(/^ /, "", text)
    sub(/ ;$/, ";", text)
    return text
}

# Kinds: function, object, macro, type, tree, and for the page section and text.
function add(kind, name, text)
{
    if (hidden) return
    if (section != "" && section != last_section) {
        last_section = section
        item(0, "section", "", section)
    }
    if (!in_group) {
        group++
        in_group = 1
        group_text[group] = contract
    }
    item(group, kind, name, text)
}

function item(number, kind, name, text)
{
    items++
    item_group[items] = number
    item_kind[items] = kind
    item_name[items] = name
    item_text[items] = text
}

function end_group()
{
    if (!in_group && contract != "" && section != "" && !hidden) add("text", "", "")
    in_group = 0
    contract = ""
}

function is_call(i)
{
    return item_kind[i] == "function" || item_kind[i] == "macro"
}

# ---- Names ----

function print_names(    i)
{
    for (i = 1; i <= items; i++) {
        if (item_name[i] == "") continue
        if (mode == "calls" && !is_call(i)) continue
        if (mode == "bare" && (item_kind[i] != "function" || group_text[item_group[i]] != "")) continue
        if (names_seen[item_name[i]]++) continue
        print item_name[i] (item_name[i] in alias ? " " alias[item_name[i]] : "")
    }
    if (mode != "names") return
    for (i = 1; i <= types; i++) print "with_" type_name[i] " " type_name[i]
}

# ---- The page ----

function print_page(    title, i, first, rest)
{
    title = toupper(page)
    printf ".\\\" Made from %s: change that, not this.\n", header
    printf ".TH %s 3 \"%s\" \"libwith %s\" \"libwith\"\n", title, date, version
    match(top ".", /\.([ \n]|$)/)
    first = substr(top, 1, RSTART - 1)
    rest = substr(top, RSTART + 1)
    gsub(/\n/, " ", first)
    print ".nh\n.ad l\n.SH NAME"
    printf "%s%s \\- %s\n", page, names_of_page(), words(first)
    print_synopsis()
    heading(".SH DESCRIPTION")
    sub(/^[ \n]+/, "", rest)
    print_text(rest)
    for (i = 1; i <= items; i++) i = print_item(i)
    print ".SH SEE ALSO"
    print_others()
}

function names_of_page(    i, name, out, seen)
{
    for (i = 1; i <= items; i++) {
        name = item_name[i] in alias ? alias[item_name[i]] : item_name[i]
        if (is_call(i) && name != page && !seen[name]++) out = out ", " name
    }
    return out
}

function print_synopsis(    i, last)
{
    print ".SH SYNOPSIS\n.nf"
    printf ".B #include <%s>\n.PP\n", header
    for (i = 1; i <= items; i++) {
        if (!is_call(i)) continue
        if (last && item_group[i] != last) print ".PP"
        last = item_group[i]
        print_bold(item_text[i])
    }
    print ".fi\n.PP\nCompile and link with"
    printf ".BR \"pkg\\-config \\-\\-cflags \\-\\-libs %s\" .\n", code(module)
}

# Lines of declarations. What is too long is broken between its parameters.
function print_bold(text,    lines, n, i)
{
    n = split(text, lines, "\n")
    for (i = 1; i <= n; i++) print_bold_line(lines[i])
}

function print_bold_line(text,    start, indent)
{
    while (length(indent text) > 76 && (start = last_comma(text, 76 - length(indent)))) {
        print ".B \"" code(indent substr(text, 1, start)) "\""
        text = substr(text, start + 2)
        indent = "    "
    }
    print ".B \"" code(indent text) "\""
}

function last_comma(text, room,    i)
{
    for (i = room; i > 0; i--)
        if (substr(text, i, 2) == ", ") return i
    return index(text, ", ")
}

# No paragraph begins directly below a heading, which begins one itself.
function heading(text)
{
    print text
    fresh = 1
}

function paragraph()
{
    if (!fresh) print ".PP"
    fresh = 0
}

# Prints the group that begins with item i: its declarations, then its contract. Returns its last.
function print_item(i,    last, j, part, indented)
{
    if (item_kind[i] == "section") {
        heading(".SS " words(item_text[i]))
        return i
    }
    for (last = i; item_group[last + 1] == item_group[i]; last++) ;
    part = 0
    for (j = i; j <= last; j++) {
        if (item_kind[j] == "text" || item_kind[j] == "tree") continue
        if (!part++) {
            paragraph()
            print ".nf"
        }
        if (item_kind[j] == "type") print_code(item_text[j])
        else print_bold(item_text[j])
    }
    if (part) print ".fi"
    indented = part && group_text[item_group[i]] != ""
    if (indented) print ".RS 4"
    print_text(group_text[item_group[i]])
    if (indented) print ".RE"
    if (item_kind[i] == "tree") print_tree()
    return last
}

# Code in a block that is not filled.
function print_code(text,    lines, n, i)
{
    n = split(text, lines, "\n")
    for (i = 1; i <= n; i++) print (lines[i] == "" ? "" : "\\&" code(lines[i]))
}

# Paragraphs; lines indented by four are code; `word  meaning` begins an item of a list, which goes on
# with indented lines.
function print_text(text,    lines, n, i, mode)
{
    if (text == "") return
    n = split(text, lines, "\n")
    mode = "none"
    for (i = 1; i <= n; i++) {
        if (lines[i] == "") {
            if (mode != "code" || lines[i + 1] !~ /^    /) mode = leave(mode)
            else print ".sp"
        } else if (mode != "item" && lines[i] ~ /^    /) {
            if (mode != "code") {
                leave(mode)
                paragraph()
                print ".RS 4\n.nf"
            }
            mode = "code"
            print "\\&" code(substr(lines[i], 5))
        } else if (match(lines[i], /^[^ ].*[^ ]  +/) || match(lines[i], /^- /)) {
            leave(mode)
            print ".TP"
            print (lines[i] ~ /^- / ? "\\(bu" : ".B \"" code(trim(substr(lines[i], 1, RLENGTH))) "\"")
            print words(substr(lines[i], RLENGTH + 1))
            mode = "item"
        } else {
            if (mode == "code" || mode == "none" || mode == "item" && lines[i] !~ /^ /) {
                leave(mode)
                paragraph()
                mode = "text"
            }
            print words(trim(lines[i]))
        }
    }
    leave(mode)
}

function leave(mode)
{
    if (mode == "code") print ".fi\n.RE"
    return "none"
}

function trim(text)
{
    sub(/^ +/, "", text)
    sub(/ +$/, "", text)
    return text
}

# The exception types, each below its base.
function print_tree()
{
    paragraph()
    print ".nf"
    print_branch("BaseException", "")
    print ".fi"
}

function print_branch(name, indent,    i)
{
    print "\\&" indent name
    for (i = 1; i <= types; i++)
        if (type_base[i] == name) print_branch(type_name[i], indent "    ")
}

function print_others(    n, list, i, shown, count)
{
    n = split(pages, list, " ")
    for (i = 1; i <= n; i++) if (list[i] != page) shown[++count] = list[i]
    for (i = 1; i < count; i++) print ".BR " shown[i] " (3),"
    if (count) print ".BR " shown[count] " (3)"
    else print ".BR pthread_cleanup_push (3)"
}

# ---- roff ----

function code(text)
{
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/'/, "\\(aq", text)
    gsub(/`/, "\\(ga", text)
    gsub(/\^/, "\\(ha", text)
    gsub(/~/, "\\(ti", text)
    gsub(/"/, "\\(dq", text)
    return text
}

# Running text: `code` and function() are bold.
function words(text,    out)
{
    gsub(/\\/, "\\e", text)
    gsub(/ -E/, " \\-E", text)
    while (match(text, /`[^`]+`/)) {
        out = out substr(text, 1, RSTART - 1) "\\fB" substr(text, RSTART + 1, RLENGTH - 2) "\\fP"
        text = substr(text, RSTART + RLENGTH)
    }
    text = out text
    gsub(/[a-z_0-9]+\(\)/, "\\fB&\\fP", text)
    if (text ~ /^[.']/) text = "\\&" text
    return text
}
