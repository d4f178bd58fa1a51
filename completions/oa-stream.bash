# bash completion of oa-stream: source it, or install it as
# /usr/share/bash-completion/completions/oa-stream
_oa_stream() {
    local line="${COMP_LINE:0:COMP_POINT}" typed="" kept="" answer paths="" words=()
    local at char quote="" begun=""
    for ((at = 0; at < ${#line}; at++)); do
        char="${line:at:1}"
        if [ "$quote" = "\\" ]; then
            typed+="$char" quote=""
        elif [ -n "$quote" ]; then
            if [ "$char" = "$quote" ]; then quote=""; else typed+="$char"; fi
        else
            case "$char" in
                [\\\'\"]) quote="$char" begun=1 ;;
                [[:space:]])
                    if [ -n "$begun" ]; then words+=("$typed"); fi
                    typed="" begun=""
                    ;;
                *) typed+="$char" begun=1 ;;
            esac
        fi
    done
    words+=("$typed")
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
                answer="${answer#"$kept"}"
                if [ -z "$quote" ]; then # "p99<=5s" redirects; a comma does nothing
                    printf -v answer %q "$answer"
                    answer="${answer//\\,/,}"
                fi
                COMPREPLY+=("$answer")
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
