# The installed header is enough: examples/reaudit.c is built against the library and audits
# examples/first. The header alone is also good C++98.
set -eu
B=${B:-build/gcc}
cc=
for c in ${CC:-} cc gcc clang; do command -v "$c" >/dev/null && cc=$c && break; done
[ -n "$cc" ] || { echo "no C compiler"; exit 77; }
command -v pkg-config >/dev/null || { echo "no pkg-config"; exit 77; }
case $B in *address* | *thread* | *undefined*) echo "a library with sanitizers"; exit 77 ;; esac
[ -f "$B/libassay.a" ] || { echo "no $B/libassay.a" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed "s|@PREFIX@|$work|; s|@VERSION@|0|" assay.pc.in >"$work/assay.pc"
mkdir "$work/include" "$work/lib"
cp include/assay.h "$work/include"
cp "$B/libassay.a" "$work/lib"
export PKG_CONFIG_PATH="$work${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"

# shellcheck disable=SC2046
"$cc" -std=c99 -Wall -Wextra -Wpedantic -Werror examples/reaudit.c \
    $(pkg-config --cflags --libs assay) -o "$work/reaudit"
if command -v g++ >/dev/null; then
    echo '#include <assay.h>' | g++ -std=c++98 -Wall -Wextra -pedantic -Werror -Iinclude \
        -x c++ -fsyntax-only -
fi

"$work/reaudit" examples/first/first.yaml examples/first/data "$work/assay.db"
"$work/reaudit" examples/first/first.yaml examples/tour/data "$work/assay.db" 2>"$work/err" &&
    exit 1
sed 's/^reaudit: //' "$work/err"
"$work/reaudit" 2>"$work/err" || sed 's/ (assay .*//' "$work/err"
