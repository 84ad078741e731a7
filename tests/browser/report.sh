#!/bin/sh
# Opens the page of a report full of hostile text in a headless Chromium, wide and narrow: nothing
# may reach the console (a refused style, a script), and nothing may become markup. Skipped (77)
# where there is no Chromium.
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build/gcc}
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$chromium" ] || { echo "no chromium"; exit 77; }
[ -x "$B/unit/report_html" ] || { echo "no $B/unit/report_html"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$B/unit/report_html" "$work/page.html"

# Without a sandbox of its own: the page is ours, and containers seldom allow one.
browse() { # options...: the page as the browser understands it, on standard output
    timeout 60 "$chromium" --headless=new --no-sandbox --disable-gpu --user-data-dir="$work/profile" \
        --enable-logging=stderr --log-level=0 "$@" "file://$work/page.html" 2>"$work/log"
}
fail() {
    echo "$1"
    exit 1
}

for width in 1280 500; do
    browse --window-size=$width,900 --dump-dom >"$work/dom" || fail "chromium: status $?"
    grep 'CONSOLE' "$work/log" && fail "the console is not empty at $width"
    grep -q '<h1>' "$work/dom" || fail "no page at $width"
    grep -Eio '<(script|img|iframe|base)[ />]|<[a-z0-9]+( [a-z0-9-]+="[^"]*")* (on[a-z]+|style)=' \
        "$work/dom" &&
        fail "foreign text became markup at $width"
done

# The console is being read: a page with a style the policy refuses must be caught.
sed 's/^\*{box-sizing/*{Box-sizing/' "$work/page.html" >"$work/bad.html"
cmp -s "$work/page.html" "$work/bad.html" && fail "the style sheet has changed; so must this test"
mv "$work/bad.html" "$work/page.html"
browse --dump-dom >"$work/dom" || fail "chromium: status $?"
grep -q 'CONSOLE.*Content Security Policy' "$work/log" || fail "a refused style went unnoticed"
echo "console empty, no foreign markup"
