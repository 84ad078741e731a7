# list, sql, recover and doctor over a store.
. tests/cli/study.inc
make_study
audit -q >out || fail "audit"

echo "--- sql"
say sql --db assay.db 'select claim, word, cause from verdict order by claim'
say sql --db assay.db --json "select word, count(*) as n, null as none, 0.5 as half, x'0102' as bytes from verdict group by word order by word"
for query in 'delete from verdict' 'update verdict set word = 1' 'drop table verdict' 'select 1; select 2' \
    'select nothing' 'attach database "x.db" as x' 'pragma journal_mode=DELETE' 'insert into design values (1)' \
    'create table t(a)' 'vacuum' ''; do
    say sql --db assay.db "$query"
done
[ ! -e x.db ] || fail "sql made a file"
say sql --db assay.db "select char(27) || '[31m' || char(10) || 'x' as hostile"

echo "--- runs"
"$assay" list runs --db assay.db --json | sed 's/[0-9a-f]\{64\}/KEY/'
say list runs --db none.db
ASSAY_DB=assay.db say list runs | cut -d' ' -f2-

echo "--- recover"
quiet recover assay.db --output rows.jsonl
sed 's/^[0-9]* rows/N rows/' err
[ "$(wc -l <rows.jsonl)" -eq "$(rows assay.db | awk '{for (i = 1; i <= NF; i++) n += $i; print n}')" ] ||
    fail "recover: rows are missing"
grep -c '"intact":true' rows.jsonl | sed 's/.*/whole rows: some/'
say recover assay.db --output rows.jsonl
say recover assay.db
say recover none.db --output other.jsonl
echo nonsense >broken.db
say recover broken.db --output other.jsonl
[ ! -e other.jsonl ] || fail "recover left a file"
# A page of the middle is overwritten: what the rest holds still comes out.
cp assay.db damaged.db
head -c 4096 /dev/zero | dd of=damaged.db bs=4096 seek=20 conv=notrunc 2>/dev/null
quiet recover damaged.db --output some.jsonl --json
[ -s some.jsonl ] || fail "nothing was recovered from a store with one bad page"
quiet verify --db damaged.db
quiet reaudit study/study.yaml --data study --db damaged.db
[ -s err ] || fail "a damaged store was written to without a word"

echo "--- doctor"
"$assay" doctor --db assay.db | awk '{print $1}' | tr '\n' ' '
echo
"$assay" doctor --db assay.db | grep '^store'
"$assay" doctor --db none.db | grep '^store'
"$assay" doctor --db damaged.db | sed -n 's/^store_state *//p' | cut -c1-11
"$assay" doctor --db assay.db --json | sed -n '/store\|schema/p'
