# fish completion of oa-stream: install it as
# /usr/share/fish/vendor_completions.d/oa-stream.fish
function __oa_stream_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for answer in ($words[1] __complete $words[2..-1] "$typed" 2>/dev/null)
        switch $answer
            case :files
                __fish_complete_path (string replace -r -- '^--[^=]*=' '' "$typed")
            case :folders
                __fish_complete_directories (string replace -r -- '^--[^=]*=' '' "$typed")
            case '*'
                printf '%s\n' $answer
        end
    end
end
complete -c oa-stream -f -a '(__oa_stream_complete)'
