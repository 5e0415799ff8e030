#!/bin/bash
# Fuzzes what reads hostile bytes, target by target, and prints what came of it. Without arguments all targets:
#   FUZZ_RUNS=1000000 e2e/fuzz/fuzz.sh ext xfs
# FUZZ_RUNS are the executions of each: 20000, a few minutes in all; a million of each take hours. FUZZ_SECONDS ends a target
# earlier. Inputs that led somewhere new are kept in the cache, and the next run begins with them; FUZZ_SEED is what chance
# begins with. An input that broke a target is kept too, and breaks it again: FUZZ_SEEDS=... TARGET FILE.
. "$(dirname "$0")/../lib.sh"
RUNS=${FUZZ_RUNS:-20000} SECONDS_EACH=${FUZZ_SECONDS:-0} SEED=${FUZZ_SEED:-1}
FUZZ=$E2E/fuzz
need_rust; packages build test fuzz
mapfile -t TARGETS < <(cd "$FUZZ/fuzz_targets" && printf '%s\n' *.rs | sed 's/\.rs$//')
[ $# -eq 0 ] || TARGETS=("$@")

# --- seeds, named by what makes them
SEEDS=$CACHE/fuzz/seeds-$(recipe "$FUZZ/seeds.sh" "$ROOT/src/disk/testkit.rs")
if [ ! -d "$SEEDS" ]; then
  say "seeds"
  rm -rf "$SEEDS.new"
  # What no tool writes without a mounted filesystem comes from the tests that write it themselves.
  (cd "$ROOT" && IMAGE_IMPORT_SEEDS=$SEEDS.new $CARGO test -q --locked --lib -- every_kind_of_compression_unit \
    all_four_algorithms mutated_logs_are_harmless an_array_of_one_member damage_never_panics_and_costs_little) >"$(log_file fuzz-seeds)" 2>&1 &&
    "$FUZZ/seeds.sh" "$SEEDS.new" >>"$(log_file fuzz-seeds)" 2>&1 || { tail -20 "$(log_file fuzz-seeds)" >&2; die "the seeds could not be made"; }
  mv "$SEEDS.new" "$SEEDS"
fi

say "build"
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$CACHE/fuzz/target}
(cd "$FUZZ" && RUSTC_WRAPPER=$FUZZ/rustc.sh $CARGO build --locked --release)
BIN=$CARGO_TARGET_DIR/release

# Every image as it is, with and without checksums that are mended; every text.
begin() { # target, corpus
  local number=0 byte
  for _ in "$SEEDS/$1"/*; do
    byte=$(printf '\\x%02x' $number)
    printf '%b\0' "$byte" >"$2/image-$number"; printf '%b\1' "$byte" >"$2/image-$number-mended"
    number=$((number + 1))
  done
  [ ! -d "$SEEDS/$1.texts" ] || cp "$SEEDS/$1.texts"/* "$2"
}

# --- runs, one after the other: each with its corpus, its log, and what it broke on
STATUS=0
OUT=$CACHE/fuzz/run
mkdir -p "$OUT"
for target in "${TARGETS[@]}"; do
  [ -f "$FUZZ/fuzz_targets/$target.rs" ] || die "no target $target"
  corpus=$CACHE/fuzz/corpus/$target crashes=$CACHE/fuzz/crashes/$target
  mkdir -p "$corpus" "$crashes"
  rm -f "$OUT/$target".*
  begin "$target" "$corpus"
  say "$target"
  # The time is measured on the processor by the target itself; libFuzzer's own watch is for what never ends.
  FUZZ_SEEDS=$SEEDS FUZZ_WORST=$OUT/$target.worst LLVM_PROFILE_FILE=$OUT/$target.profraw nice -n 19 "$BIN/$target" \
    -runs="$RUNS" -max_total_time="$SECONDS_EACH" -seed="$SEED" -max_len=1500 -len_control=0 -timeout=120 -rss_limit_mb=1024 \
    -print_final_stats=1 -artifact_prefix="$crashes/" "$corpus" >"$OUT/$target.log" 2>&1 ||
    { STATUS=1; grep -E 'panicked|an allocation|ERROR|SUMMARY' -A3 "$OUT/$target.log" | head -12 >&2; }
done

# --- what came of it: executions, a second, edges found, largest allocation, most held, slowest
seen() { sed -n "$1" "$OUT/$2.log" | tail -1; } # sed's expression, target
{
  echo "target executions exec/s edges largest-KiB held-KiB slowest-ms crashes"
  for target in "${TARGETS[@]}"; do
    slowest=0 largest=0 held=0
    [ ! -s "$OUT/$target.worst" ] || read -r slowest largest held <"$OUT/$target.worst"
    crashes=$(find "$CACHE/fuzz/crashes/$target" -type f | wc -l)
    echo "$target $(seen 's/^#\([0-9]*\)\t.*/\1/p' "$target") $(seen 's/.* exec\/s: \([0-9]*\) .*/\1/p' "$target")" \
      "$(seen 's/^#[0-9]*\t.* cov: \([0-9]*\) .*/\1/p' "$target") $((largest / 1024)) $((held / 1024))" \
      "$(awk "BEGIN { printf \"%.1f\", $slowest / 1000 }") $crashes"
  done
} | column -t

# --- which lines of the byte layers were run
TOOLS=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
[ -x "$TOOLS/llvm-cov" ] || rustup component add llvm-tools >&2 || true
if [ -x "$TOOLS/llvm-cov" ]; then
  objects=()
  for target in "${TARGETS[@]}"; do [ ! -f "$OUT/$target.profraw" ] || objects+=(-object "$BIN/$target"); done
  "$TOOLS/llvm-profdata" merge -sparse "$OUT"/*.profraw -o "$OUT/all.profdata"
  "$TOOLS/llvm-cov" export -summary-only -instr-profile "$OUT/all.profdata" "${objects[@]:1}" 2>/dev/null |
    jq -r '[.data[0].files[] | select(.filename | contains("/layers/../../../src/")) | .filename |= (split("/src/") | last)] |
      map(.part = (.filename | split("/") | if .[0] == "disk" and .[1] == "filesystem" and length > 3 then .[:3] elif .[0] == "disk" then .[:2] else .[:1] end | map(rtrimstr(".rs")) | join("/"))) |
      (group_by(.part)[], (map(select(.part | startswith("disk/")) | .part = "disk, all"))) |
      [.[0].part, (map(.summary.lines.covered) | add), (map(.summary.lines.count) | add),
       (map(.summary.regions.covered) | add), (map(.summary.regions.count) | add)] |
      "\(.[0])|\(.[1]) of \(.[2])|\(100 * .[1] / .[2] | floor)%|\(100 * .[3] / .[4] | floor)%"' |
    { echo 'layer|lines run|lines|regions'; cat; } | column -t -s '|'
else
  echo "which lines were run is not known: rustup could not add llvm-tools"
fi
exit $STATUS
