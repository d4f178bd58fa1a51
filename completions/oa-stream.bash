# bash completion of oa-stream: source it, or install it as
# /usr/share/bash-completion/completions/oa-stream
_oa_stream() {
    local line="${COMP_LINE:0:COMP_POINT}" typed="" kept="" answer paths="" words=()
    read -r -a words <<<"$line"
    case "$line" in
        *[[:space:]]) words+=("") ;;
    esac
    typed="${words[${#words[@]} - 1]}"
    case "$typed" in
        *[=:]*) kept="${typed%"${typed##*[=:]}"}" ;;
    esac
    COMPREPLY=()
    while IFS= read -r answer; do
        case "$answer" in
            :files) paths=-f ;;
            :folders) paths=-d ;;
            *)
                answer="${answer%%$'\t'*}"
                COMPREPLY+=("${answer#"$kept"}")
                ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete "${words[@]:1}" 2>/dev/null)
    if [ -n "$paths" ]; then
        compopt -o filenames 2>/dev/null
        case "$typed" in
            --*=*) typed="${typed#*=}" ;;
        esac
        while IFS= read -r answer; do
            COMPREPLY+=("$answer")
        done < <(compgen "$paths" -- "$typed")
    fi
}
complete -F _oa_stream oa-stream
