#!/usr/bin/env bash
# The recipe of the vendor's guide, a pipeline at a time: get-pipeline into a file, edit the file, update-pipeline from it.
# aws_cli.sh WORLD FLEET PLACES PYTHON DIRECTORY
set -euo pipefail
world="$1" fleet="$2" places="$3" python="$4" directory="$5"
export AWS_ACCESS_KEY_ID=AKIAFAKE AWS_SECRET_ACCESS_KEY=fake AWS_DEFAULT_REGION=eu-central-1 AWS_CONFIG_FILE=/dev/null
key="glpat-KEYOFTHEADMINISTRATOR"
aws() { "$(dirname "$python")/aws" --endpoint-url "$world" codepipeline "$@"; }
now() { date +%s%6N; }
took=""
while IFS=$'\t' read -r name user number _; do
    begun="$(now)"
    body="{\"name\":\"$name\",\"scopes\":[\"read_repository\"],\"expires_at\":\"2099-01-01\"}"
    new="$(curl -fsS -H "PRIVATE-TOKEN: $key" -H 'content-type: application/json' -d "$body" \
        "${world}api/v4/users/$user/personal_access_tokens" | sed 's/.*"token":"\([^"]*\)".*/\1/')"
    for ((place = 0; place < places; place++)); do
        aws get-pipeline --name "$name-$place" >"$directory/pipeline.json"
        sed -i "s/\"OAuthToken\": \"[^\"]*\"/\"OAuthToken\": \"$new\"/; /\"metadata\"/,\$d" "$directory/pipeline.json"
        # What is left ends with the comma before the metadata.
        sed -i '$ s/,$/}/' "$directory/pipeline.json"
        aws update-pipeline --cli-input-json "file://$directory/pipeline.json" >/dev/null
    done
    curl -fsS -X DELETE -H "PRIVATE-TOKEN: $key" "${world}api/v4/personal_access_tokens/$number"
    took="$took${took:+,}$(($(now) - begun))"
done <"$fleet"
printf '{"completed":%s,"latencies_us":[%s],"peak_kb":%s}\n' "$(wc -l <"$fleet")" "$took" \
    "$("$python" -c 'import resource, subprocess, sys; subprocess.run([sys.argv[1], "--version"], stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$(dirname "$python")/aws")"
