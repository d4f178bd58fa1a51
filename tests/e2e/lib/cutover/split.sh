#!/bin/sh
# The operator's own program of commandRig(): it moves the local front door between stable and canary. A shell and
# curl, as the crash tests start it some five hundred times.
set -eu

door() { curl -sS --unix-socket "$OA_STREAM_ENDPOINT" "$@"; }

# The JSON of the first member NAME in TEXT, or what stands for it. No value that is read here has a comma or a brace.
member() { # member NAME TEXT [INSTEAD]
    case $2 in *"\"$1\":"*) ;; *) printf '%s' "$3" && return ;; esac
    set -- "${2#*"\"$1\":"}"
    printf '%s' "${1%%[,\}]*}"
}

state=$(door --fail http://front/state)
etag=$(member etag "$state")
stable=${state#*'"name":"stable",'} canary=${state#*'"name":"canary",'}

if [ "$OA_STREAM_CALL" = read ]; then
    printf '{"serving":{"stable":%s,"canary":%s},"etag":%s,"exact_split":true,"urls":{"stable":%s,"canary":%s}}\n' \
        "$(member weight "$stable")" "$(member weight "$canary")" "$etag" "$(member url "$stable")" "$(member url "$canary")"
    exit
fi

read -r asked
case $(member etag "$asked") in null | "$etag") ;; *) exit 111 ;; esac
target=${asked#*'"target":'}
weights=$(printf '{"weights":{"stable":%s,"canary":%s}}' "$(member stable "$target" 0)" "$(member canary "$target" 0)")
if_match=$(printf '%s' "$etag" | sed 's/^"\(.*\)"$/\1/; s/\\"/"/g')
case $(door -o /dev/null -w '%{http_code}' -X PUT -H "if-match: $if_match" -H 'content-type: application/json' -d "$weights" http://front/weights) in
    200) ;;
    412) exit 111 ;;
    *) exit 1 ;;
esac
