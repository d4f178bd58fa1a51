// The shells' part of completion: each script passes the words up to the cursor to `oa-stream
// __complete` and shows the answer. All logic is in the binary.
#include "complete.hpp"

namespace oa_stream::cli {
namespace {

// Bash also splits words at = and :, keeps their quotes, and only replaces the last piece.
// Therefore the script splits the line itself, and returns answers without the part that bash
// keeps.
constexpr std::string_view k_bash =
    R"~~~(# bash completion of oa-stream: source it, or install it as
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
)~~~";

constexpr std::string_view k_zsh = R"~~~(#compdef oa-stream
# zsh completion of oa-stream: install it as _oa-stream in a folder of $fpath
_oa_stream() {
    local answer paths="" word help
    local -a shown
    for answer in "${(@f)$(${words[1]} __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $answer in
            :files) paths=files ;;
            :folders) paths=folders ;;
            ?*)
                word=${answer%%$'\t'*}
                help=""
                [[ $answer == *$'\t'* ]] && help=":${answer#*$'\t'}"
                shown+=("${word//:/\\:}$help")
                ;;
        esac
    done
    (( ${#shown} )) && _describe -t values oa-stream shown
    [[ -n $paths ]] && compset -P '--*='
    case $paths in
        files) _files ;;
        folders) _files -/ ;;
    esac
}
if [ "$funcstack[1]" = "_oa-stream" ]; then # loaded from $fpath by the first Tab
    _oa_stream "$@"
else
    compdef _oa_stream oa-stream
fi
)~~~";

constexpr std::string_view k_fish = R"~~~(# fish completion of oa-stream: install it as
# /usr/share/fish/vendor_completions.d/oa-stream.fish
function __oa_stream_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct | string replace -r -- '^[\'"]' '' | string unescape)
    set -l kept (string match -r -- '^--[^=]*=' "$typed")
    set -l path (string replace -r -- '^--[^=]*=' '' "$typed")
    for answer in ($words[1] __complete $words[2..-1] "$typed" 2>/dev/null)
        switch $answer
            case :files
                set -l files (__fish_complete_path (string replace -r -- '^~/' "$HOME/" "$path"))
                if string match -q -- '~/*' "$path"
                    set files (string replace -- "$HOME/" '~/' $files)
                end
                for found in $files
                    printf '%s\n' "$kept$found"
                end
            case :folders
                for found in (__fish_complete_directories "$path")
                    printf '%s\n' "$kept$found"
                end
            case '*'
                printf '%s\n' $answer
        end
    end
end
complete -c oa-stream -f -a '(__oa_stream_complete)'
)~~~";

} // namespace

std::string_view completion_script(std::string_view shell) noexcept {
    return shell == "bash" ? k_bash : shell == "zsh" ? k_zsh : shell == "fish" ? k_fish : "";
}

} // namespace oa_stream::cli
