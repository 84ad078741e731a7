# A whole audit: what it prints, that a second one computes nothing and says the same bytes, that
# threads change nothing, and that the report can be made again from the store alone.
. tests/cli/study.inc
make_study

audit --report one.html 2>err
echo "status $?"
cat err
rows assay.db
"$assay" list runs --db assay.db | cut -d' ' -f2-

echo "--- again"
cp assay.db before.db
# A marker that only a measurement would need: without the data files nothing can be measured anew.
audit --report again.html -q >out || fail "second run"
same one.html again.html
same one.json again.json
rows assay.db
for table in design prompt generation judgement reading statistic verdict; do
    for db in before.db assay.db; do
        "$assay" sql --db $db "select * from $table order by key" >rows.$db || fail "sql $table"
    done
    same rows.before.db rows.assay.db
done

echo "--- again from the store"
mkdir elsewhere
cd elsewhere || exit 1
"$assay" report --report ../stored.html -q >../stored.txt || fail "report found no assay.db upward"
cd ..
same one.html stored.html
same one.json stored.json
"$assay" report tiny --db assay.db --json >stored.out
same one.json stored.out
audit >text 2>err && same text stored.txt
audit --json -q >json.out && same one.json json.out

echo "--- threads"
for n in 1 2 7; do
    "$assay" reaudit study/study.yaml --data study --db t$n.db --threads $n --report t$n.html -q >out ||
        fail "$n threads"
    same one.json t$n.json
    same one.html t$n.html
done
ASSAY_THREADS=3 "$assay" reaudit study/study.yaml --data study --db t3.db --report t3.html -q >out
same one.json t3.json

echo "--- overrides"
audit -o seed=12 -o draws.permutations=50 --json -q >other.json
grep -o '"seed": [0-9]*\|"permutations": "[0-9]*"' other.json | sort -u
"$assay" list runs --db assay.db | cut -d' ' -f2- | sort
"$assay" gate --db assay.db --design "$("$assay" list runs --db assay.db | grep 'seed 11' | cut -d' ' -f1)" >out
echo "status $?"
say reaudit study/study.yaml --dry-run -o alpha=0.01 -o draws.bootstrap=9
"$assay" reaudit study/study.yaml --dry-run --json
say reaudit study/study.yaml --dry-run -o claims.improves.must_hold=gains
say reaudit study/study.yaml --dry-run -o draws.permutation=9
say reaudit study/study.yaml --dry-run -o draws=9
say reaudit study/study.yaml --dry-run -o nothing
say reaudit study/study.yaml --dry-run -o 'checks.same-instrument.arms[2]=lost'

echo "--- time"
SOURCE_DATE_EPOCH=0 "$assay" report --db assay.db --json | grep '"time"'
SOURCE_DATE_EPOCH=soon say report --db assay.db
