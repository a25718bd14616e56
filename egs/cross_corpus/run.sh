#!/usr/bin/env bash
# Every trained model of egs/ against every test set of egs/. What has no scores yet gets them from the
# run.sh of its set's recipe, with --model-from; then steps/matrix.py compares and draws. No corpus is
# prepared and no model is trained here. Options are those of steps/matrix.py:
# --models "EXP ..." --sets "DATA_DIR ..." --no-sounds ...
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

"$root/tools/setup.sh" ${ANTISPOOF_CACHE:+--cache "$ANTISPOOF_CACHE"}
. "$root/utils/environment.sh"
[[ " $* " != *" --help "* ]] || exec python "$root/steps/matrix.py" --help
matrix=("$root/steps/matrix.py" --find "$root/egs" --known "$here/known.yaml" "$here/exp")
missing=$(python "${matrix[@]}" --missing "$@")

while IFS=$'\t' read -r exp data name; do
  recipe=$(realpath -ms "$data/../..")
  [ -n "$exp" ] && [ -f "$recipe/run.sh" ] && [ -f "$exp/best.pt" ] || continue # a table or scores by hand
  echo "== $name on $data"
  python "$root/utils/take_model.py" "$exp" "$here/exp/$name/"
  "$recipe/run.sh" --model-from "$here/exp/$name" --train-set "" --dev-set "" --eval-sets "${data##*/}" \
    --stage 2 --stop-stage 4 </dev/null || echo "$0: no scores of $name on $data; its cell stays empty" >&2
done <<<"$missing"

exec python "${matrix[@]}" \
  "$@"
