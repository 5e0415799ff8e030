#!/bin/bash
# rustc for the fuzz targets: what reads hostile bytes is instrumented, what it is packed with is not. The flags that guide
# libFuzzer are those of `cargo fuzz build --sanitizer none`; none of them needs another toolchain than the product's.
guide=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares)
crate='' before=''
for word; do
  [ "$before" != --crate-name ] || crate=$word
  before=$word
done
case "$crate $*" in
"image_import "*) exec "$@" "${guide[@]}" -Cinstrument-coverage ;;
"zlib_rs "* | "flate2 "* | "ruzstd "* | "lzma_rust2 "* | "base64 "* | "serde_json "* | "serde_saphyr "* | "granit_parser "* | "quick_xml "*) exec "$@" "${guide[@]}" ;;
# What writes the coverage at the end is linked only where it is asked for.
*" fuzz_targets/"*) exec "$@" -Clink-arg=-Wl,-u,__llvm_profile_runtime ;;
*) exec "$@" ;;
esac
