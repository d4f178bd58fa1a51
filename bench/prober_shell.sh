#!/usr/bin/env bash
# What `oa-stream load` does, done by hand: N streams at once, each with curl for the bytes and the
# clocks and one jq for the frames. One jq a stream is the kindest reading: one a frame costs tens of
# times more. Prints one JSON line a stream.
#   prober_shell.sh URL N PROMPT
set -uo pipefail
url=$1 streams=$2 prompt=$3

# Order, pairing, one terminal, [DONE] last, content counted, the first content's time.
read -r -d '' judge <<'JQ' || true
reduce inputs as $line ({open: {}, content: 0, broken: 0};
  if .done then .broken += 1
  elif $line == "[DONE]" then .done = true
  else ($line | fromjson) as $c
    | if .started == null and $c.type != "start" then .broken += 1 else . end
    | if $c.type == "start" then .started = true | .id = $c.messageId
      elif ($c.type | endswith("-start")) then .open[$c.id // ""] = true
      elif ($c.type | endswith("-end")) then .open[$c.id // ""] = false
      elif ($c.type | endswith("-delta")) then
        (if .open[$c.id] then . else .broken += 1 end)
        | .content += 1 | .first_content = (.first_content // now)
      elif $c.type == "finish" then .finish = (.finish // 0) + 1 | .status = $c.messageMetadata.status
      elif $c.type == "error" then .error = (.error // 0) + 1
      else . end
  end)
| {content, first_content, status, ok: (.broken == 0 and .done == true and .finish == 1)}
JQ

probe() {
    curl -sN -X POST "$url/api/chat/stream" -H 'content-type: application/json' \
        -H 'accept: text/event-stream' \
        -H 'x-oa-client-build-id: 20260221T130000Z' \
        -H 'x-oa-protocol-version: openagents.control.v1' -H 'x-oa-schema-version: 1' \
        -d "{\"id\":\"oashell_$$_$1\",\"messages\":[{\"role\":\"user\",\"content\":\"$prompt\"}]}" \
        -w 'times: %{http_code} %{time_connect} %{time_starttransfer} %{time_total}\n' |
        sed -un 's/^data: //p' | jq -Rnc "$judge"
}

for ((n = 0; n < streams; n++)); do probe "$n" & done
wait
