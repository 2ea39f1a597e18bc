#!/bin/sh
# Every digit in the style of one picture, from a shell: curl and nothing else.
#
#   STYLOGRAPH_URL=http://localhost:8080 STYLOGRAPH_API_KEY=stylo_… examples/restyle.sh seven.png ten.png
set -eu
url=${STYLOGRAPH_URL:-http://localhost:8080}
picture=${1:?usage: restyle.sh PICTURE OUTPUT}
output=${2:?usage: restyle.sh PICTURE OUTPUT}

# The key goes to curl on its standard input, where other users of the machine do not see it.
config() {
  if [ -n "${STYLOGRAPH_API_KEY:-}" ]; then printf 'header = "Authorization: Bearer %s"\n' "$STYLOGRAPH_API_KEY"; fi
}

# --retry honours Retry-After of 429 and 503. The answer is written beside its place and moved when it is whole.
status=$(config | curl --config - --silent --show-error --retry 5 --max-time 60 \
  --request POST "$url/style-transfer?scale=3&invert=true" \
  --header 'content-type: image/png' --header 'accept: image/png' --data-binary "@$picture" \
  --output "$output.part" --write-out '%{http_code}')
if [ "$status" != 200 ]; then
  echo "restyle.sh: the server answered $status: $(cat "$output.part")" >&2
  rm -f "$output.part"
  exit 1
fi
mv "$output.part" "$output"
