# The embedded study against its planted truths: one line for each claim. Few draws; every truth is
# planted far enough from its bar for them.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$ASSAY" synth study "$dir/study" --seed 1 --quiet >/dev/null
"$ASSAY" reaudit plans/embedded-study.yaml --data "$dir/study" --db "$dir/assay.db" --quiet --json \
    -o draws.permutations=300 -o draws.bootstrap=500 -o draws.cv_repeats=3 >"$dir/report.json"
tools/compare-truths "$dir/study/study.json" "$dir/report.json"
