#!/usr/bin/env bash
# Publish a report, and wait until Guatemala has stored it: ENLACE_GATEWAY=… ENLACE_TOKEN_FILE=… ./publish.sh REPORT
# With an authority of your own, add its file to the options of curl: --cacert ca.pem
set -euo pipefail

# The token is in a file of options and not in the command line, which other users of the machine can see.
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
printf 'header = "Authorization: Bearer %s"\n' "$(tr -d '\r\n' <"$ENLACE_TOKEN_FILE")" >"$work/options"
call() { curl --silent --show-error --config "$work/options" --max-time 30 --output "$work/answer" "$@"; }

# What may pass is repeated with the same key: nothing is published twice. The status is 000 without an answer.
[ -r "$1" ] || { echo "$1 cannot be read" >&2; exit 2; }
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' ')
for pause in 1 2 4 8 16 0; do
    status=$(call --write-out '%{http_code}' --header "Idempotency-Key: $key" \
        --header "Content-Type: application/json" --data-binary "@$1" "$ENLACE_GATEWAY/v1/reports") || true
    case $status in 000 | 408 | 429 | 503) sleep $pause ;; *) break ;; esac
done
case $status in
    200 | 202) ;;
    000) exit 4 ;;
    408 | 429 | 503) cat "$work/answer" >&2; exit 4 ;;
    *) cat "$work/answer" >&2; exit 1 ;;
esac
report_id=$(sed -E 's/.*"report_id":"([^"]*)".*/\1/' "$work/answer")
for _ in $(seq 240); do
    call "$ENLACE_GATEWAY/v1/reports/$report_id" || true
    if grep -q '"recipient":"GT","outcome":"stored"' "$work/answer"; then
        echo "$report_id stored at GT"
        exit 0
    fi
    sleep 0.5
done
echo "not stored in time" >&2
exit 4
