# Help, versions and what there is to choose from; usage errors name the nearest word.
. tests/cli/study.inc

"$assay" --help >top && [ -s top ] || fail "--help says nothing"
for word in -h help; do "$assay" $word >other && same top other; done
"$assay" >other 2>&1
echo "no verb: status $?"
same top other
for verb in $("$assay" list verbs | awk '{print $1}'); do
    "$assay" "$verb" --help >one || fail "$verb --help"
    "$assay" "$verb" -h >two && same one two
    "$assay" help "$verb" >two && same one two
    grep -q "^usage: assay $verb " one || fail "$verb: no usage line"
    [ "$(sed -n '/^examples:/,$p' one | grep -c "^  assay $verb\|^  .*assay ")" -ge 2 ] ||
        fail "$verb: fewer than two examples"
    for option in help json quiet verbose color no-input; do
        grep -q -- "--$option" one || fail "$verb: --$option is not in its help"
    done
    grep -q "^  $verb " top || fail "$verb is not in --help"
    "$assay" "$verb" --no-such-option >out 2>err
    [ $? -eq 2 ] || fail "$verb --no-such-option: not status 2"
done
"$assay" --version | awk '{print $1}' | sort | tr '\n' ' '
echo
"$assay" --version | grep -q '^assay [0-9]' || fail "--version names no version"

echo "--- unknown words"
say reaudti
say help reaudti
say reaudti --json
say reaudit --thread 2
say reaudit --thread=2 --json
say list cheks
say list
say gate one two
say reaudit x --color=blue
say reaudit x --report
say reaudit x --dry-run=yes
say reaudit x --threads 1 --threads 2
say reaudit x -z
say sql --db none.db -- --json
say list verbs -q --no-input | tail -1

echo "--- lists"
"$assay" list checks >one
"$assay" list checks -v >two
[ "$(wc -l <one)" -ge 30 ] || fail "fewer than 30 checks"
[ "$(wc -l <two)" -gt "$(wc -l <one)" ] || fail "-v lists no parameters"
"$assay" list checks --json >three
[ "$(grep -c '^      "name": ' three)" -eq "$(wc -l <one)" ] || fail "checks in JSON and text differ"
for kind in checks options verbs; do
    "$assay" list $kind --json | sed -n 's/^  "\(schema\|'$kind'\)": \(.*\)$/\1 \2/p'
done
