#!/usr/bin/env bash
# Publish a report, and wait until Guatemala has stored it: ENLACE_GATEWAY=… ENLACE_TOKEN_FILE=… ./publish.sh REPORT
# With an authority of your own, add its file to the options of curl: --cacert ca.pem
set -euo pipefail

# The token is in a file of options and not in the command line, which other users of the machine can see.
options=$(mktemp)
trap 'rm -f "$options"' EXIT
printf 'header = "Authorization: Bearer %s"\n' "$(tr -d '\r\n' <"$ENLACE_TOKEN_FILE")" >"$options"
call() { curl --silent --show-error --config "$options" --retry 5 --retry-connrefused --max-time 30 "$@"; }

# --retry repeats with the same key after 429, 503 and a broken connection: nothing is published twice.
answer=$(call --fail-with-body --retry-all-errors --header "Idempotency-Key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' ')" \
    --json "@$1" "$ENLACE_GATEWAY/v1/reports") || { echo "$answer" >&2; exit 1; }
report_id=$(sed -E 's/.*"report_id":"([^"]*)".*/\1/' <<<"$answer")
for _ in $(seq 240); do
    if call "$ENLACE_GATEWAY/v1/reports/$report_id" | grep -q '"recipient":"GT","outcome":"stored"'; then
        echo "$report_id stored at GT"
        exit 0
    fi
    sleep 0.5
done
echo "not stored in time" >&2
exit 4
