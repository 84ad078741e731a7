# Completion of assay for bash. Made by tools/make-completions.
_assay() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= files=
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words="plan lock run resume task reaudit verify gate report list sql recover models generate score features show train adapter tokenizer synth bench doctor help --help --version"
    else
        case $prev in
        --set) : ;;
        --data) files=-d ;;
        --out) files=-f ;;
        --work) files=-d ;;
        --report) files=-f ;;
        --db) files=-f ;;
        --kernels) : ;;
        --threads) : ;;
        --number) : ;;
        --text) : ;;
        --shares) : ;;
        --weights) : ;;
        --seed) : ;;
        --design) : ;;
        --claim) : ;;
        --junit) files=-f ;;
        --plan) files=-f ;;
        --output) files=-f ;;
        --model) : ;;
        --arm) : ;;
        --prompts) files=-f ;;
        --prompt) : ;;
        --ids) : ;;
        --system) : ;;
        --thinking) words="auto always never" ;;
        --max-tokens) : ;;
        --temperature) : ;;
        --top-k) : ;;
        --top-p) : ;;
        --min-p) : ;;
        --repetition-penalty) : ;;
        --draws) : ;;
        --stop) : ;;
        --batch) : ;;
        --piece) : ;;
        --at) : ;;
        --hidden) : ;;
        --heads) : ;;
        --site) : ;;
        --layer) : ;;
        --selector) : ;;
        --mask) : ;;
        --max-length) : ;;
        --adapter) : ;;
        --dtype) : ;;
        --vocab) : ;;
        --like) : ;;
        --special) : ;;
        --eos) : ;;
        --least) : ;;
        --template) files=-f ;;
        --config) files=-f ;;
        --runs) : ;;
        --tokens) : ;;
        --only) : ;;
        --memory) : ;;
        --checkpoints) files=-d ;;
        --against) files=-f ;;
        --tolerance) : ;;
        --color) words="auto always never" ;;
        *)
            case ${COMP_WORDS[1]} in
            plan)
                if [[ $cur == -* ]]; then words="--set --help --json --quiet --verbose --color --no-input"
                else files=-f; fi ;;
            lock)
                if [[ $cur == -* ]]; then words="--data --out --replace --set --help --json --quiet --verbose --color --no-input"
                else files=-f; fi ;;
            run)
                if [[ $cur == -* ]]; then words="--data --work --report --db --kernels --threads --set --allow-change --dry-run --help --json --quiet --verbose --color --no-input"
                else files=-f; fi ;;
            resume)
                if [[ $cur == -* ]]; then words="--data --work --report --db --kernels --threads --set --allow-change --dry-run --help --json --quiet --verbose --color --no-input"
                else files=-f; fi ;;
            task)
                if [[ $cur == -* ]]; then words="--data --set --number --text --shares --weights --seed --out --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
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
                if [[ $cur == -* ]]; then words="--db --design --training --report --plan --set --help --json --quiet --verbose --color --no-input"
                else words="NAME PLAN"; fi ;;
            list)
                if [[ $cur == -* ]]; then words="--db --help --json --quiet --verbose --color --no-input"
                else words="checks judges options runs steps tasks teachers verbs"; fi ;;
            sql)
                if [[ $cur == -* ]]; then words="--db --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            recover)
                if [[ $cur == -* ]]; then words="--output --help --json --quiet --verbose --color --no-input"
                else files=-f; fi ;;
            models)
                if [[ $cur == -* ]]; then words="--tensors --digest --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            generate)
                if [[ $cur == -* ]]; then words="--model --kernels --threads --no-scan --arm --as-published --prompts --prompt --ids --system --raw --marked --thinking --max-tokens --temperature --top-k --top-p --min-p --repetition-penalty --seed --draws --stop --ignore-stops --out --batch --piece --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            score)
                if [[ $cur == -* ]]; then words="--model --kernels --threads --no-scan --arm --as-published --prompts --prompt --ids --system --raw --marked --thinking --at --logits --hidden --heads --batch --piece --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            features)
                if [[ $cur == -* ]]; then words="--model --kernels --threads --no-scan --arm --as-published --prompts --prompt --ids --system --raw --marked --thinking --site --layer --selector --max-tokens --out --batch --piece --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            show)
                if [[ $cur == -* ]]; then words="--model --prompts --prompt --ids --system --raw --marked --thinking --data --mask --mask-think --pairs --max-length --help --json --quiet --verbose --color --no-input"
                else words="ids mask"; fi ;;
            train)
                if [[ $cur == -* ]]; then words="--out --db --set --dry-run --kernels --threads --no-scan --help --json --quiet --verbose --color --no-input"
                else words="sft dpo lm PLAN"; fi ;;
            adapter)
                if [[ $cur == -* ]]; then words="--model --kernels --threads --no-scan --adapter --out --dtype --help --json --quiet --verbose --color --no-input"
                else words="inspect FOLDER   merge   export"; fi ;;
            tokenizer)
                if [[ $cur == -* ]]; then words="--data --vocab --like --special --eos --least --template --out --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            synth)
                if [[ $cur == -* ]]; then words="--seed --like --config --dtype --out --help --json --quiet --verbose --color --no-input"
                else words="study model PATH"; fi ;;
            bench)
                if [[ $cur == -* ]]; then words="--model --kernels --threads --no-scan --arm --as-published --runs --tokens --only --training --memory --checkpoints --help --json --quiet --verbose --color --no-input"
                else :; fi ;;
            doctor)
                if [[ $cur == -* ]]; then words="--model --kernels --threads --no-scan --arm --as-published --against --tolerance --db --help --json --quiet --verbose --color --no-input"
                else words="parity invariance"; fi ;;
            help)
                if [[ $cur == -* ]]; then words="--help --json --quiet --verbose --color --no-input"
                else words="plan lock run resume task reaudit verify gate report list sql recover models generate score features show train adapter tokenizer synth bench doctor help"; fi ;;
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
