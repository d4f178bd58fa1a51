# fish completion of oa-stream: install it as
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
