# A run that is interrupted, or killed at any moment, goes on with the same command and ends in the
# same rows and the same report, byte for byte.
. tests/cli/study.inc
make_study
# Long enough to be hit in the middle.
options="study/study.yaml --data study --db assay.db --threads 2 -q -o draws.permutations=5000"
options="$options -o draws.bootstrap=5000"
long() { "$assay" reaudit $options "$@"; }
begin() { # in the background, as $pid
    "$assay" reaudit $options --report done.html >out 2>err &
    pid=$!
}
all_rows() { # of a store, in one order
    for table in design prompt generation judgement reading statistic verdict; do
        "$assay" sql --db "$1" "select * from $table order by key" || fail "$1: $table"
    done
}

start=$(date +%s%N)
long --report whole.html >whole.txt || fail "undisturbed run"
took=$(($(date +%s%N) - start)) # in nanoseconds
all_rows assay.db >whole.rows
# The same again finds its rows there and measures nothing: the fastest of three takes no third of it.
least=$took
for try in 1 2 3; do
    start=$(date +%s%N)
    long >again.txt || fail "second run"
    again=$(($(date +%s%N) - start))
    [ $again -ge $least ] || least=$again
done
same whole.txt again.txt
[ $((3 * least)) -lt $took ] || fail "a second run took $least ns, the first one $took ns"
rm -f assay.db* again.txt

# A moment of the run: part i of n, and some random share of a part.
moment() {
    random=$(od -An -N2 -tu2 /dev/urandom)
    awk "BEGIN { printf \"%.3f\", $took / 1e9 * ($1 + $random / 65536) / $2 }"
}
complete() { # what it is called
    long --report done.html >done.txt 2>err || fail "$1: the same command fails"
    same whole.txt done.txt
    same whole.html done.html
    same whole.json done.json
    all_rows assay.db >done.rows
    same whole.rows done.rows
    "$assay" verify --db assay.db >out 2>err
    [ $? -eq 3 ] || fail "$1: verify"
    rm -f assay.db* done.*
}

echo "--- interrupted"
hit=0
for part in 1 2 3; do
    begin
    sleep "$(moment $part 5)"
    kill -INT $pid 2>/dev/null
    wait $pid
    case $? in
    0) ;;
    1)
        grep -q '^assay: interrupted after [0-9]* of 10 checks$' err || fail "interrupted: message"
        grep -q '^assay: the same command goes on from there$' err || fail "interrupted: no advice"
        [ ! -e done.html ] && [ ! -e done.json ] || fail "interrupted: a report was written"
        [ ! -s out ] || fail "interrupted: a result was printed"
        # No verdict of a claim stands, so nothing looks decided.
        "$assay" gate --db assay.db >out 2>err
        [ $? -eq 1 ] || fail "interrupted: gate"
        hit=$((hit + 1))
        ;;
    *) fail "interrupted: status" ;;
    esac
    complete "interrupted in part $part"
done
[ $hit -gt 0 ] && echo "at least one run was interrupted"

echo "--- killed"
hit=0
for part in 0 1 2 3 4 5 6 7 8 9; do
    when=$(moment $part 10)
    begin
    sleep "$when"
    kill -KILL $pid 2>/dev/null && hit=$((hit + 1))
    wait $pid 2>/dev/null
    complete "killed after $when s"
done
[ $hit -ge 5 ] && echo "killed"
ls
