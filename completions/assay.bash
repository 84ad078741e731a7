# Completion of assay for bash. Made by tools/make-completions.
_assay() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= files=
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words="reaudit verify gate report list sql recover synth doctor help --help --version"
    else
        case $prev in
        --data) files=-d ;;
        --report) files=-f ;;
        --db) files=-f ;;
        --threads) : ;;
        --set) : ;;
        --design) : ;;
        --claim) : ;;
        --junit) files=-f ;;
        --plan) files=-f ;;
        --output) files=-f ;;
        --seed) : ;;
        --color) words="auto always never" ;;
        *)
            case ${COMP_WORDS[1]} in
            reaudit)
                if [[ $cur == -* ]]; then words="--data --report --db --threads --set --dry-run --help --json --quiet --verbose --color --no-input"
                else files=-f; fi ;;
            verify)
                if [[ $cur == -* ]]; then words="--db --design --claim --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            gate)
                if [[ $cur == -* ]]; then words="--db --design --claim --junit --prml-status --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            report)
                if [[ $cur == -* ]]; then words="--db --design --report --plan --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            list)
                if [[ $cur == -* ]]; then words="--db --help --json --quiet --verbose --color --no-input"
                else words="checks options runs verbs"; fi ;;
            sql)
                if [[ $cur == -* ]]; then words="--db --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            recover)
                if [[ $cur == -* ]]; then words="--output --help --json --quiet --verbose --color --no-input"
                else files=-f; fi ;;
            synth)
                if [[ $cur == -* ]]; then words="--seed --help --json --quiet --verbose --color --no-input"
                else files=-d; fi ;;
            doctor)
                if [[ $cur == -* ]]; then words="--db --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            help)
                if [[ $cur == -* ]]; then words="--help --json --quiet --verbose --color --no-input"
                else words="reaudit verify gate report list sql recover synth doctor help"; fi ;;
            esac ;;
        esac
    fi
    if [[ $files ]]; then
        mapfile -t COMPREPLY < <(compgen "$files" -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    fi
}
complete -o filenames -F _assay assay
