#!/usr/bin/env bash
# deb.sh WORK FOLDER: a package for Debian 12 of WORK's program, extras and licences into FOLDER. The system's libraries are
# dependencies, found by dpkg-shlibdeps. DEBFULLNAME and DEBEMAIL name the maintainer, as for Debian's own tools.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work="$1" folder="$2"
version="$ADALORA_VERSION-1"
name="${DEBFULLNAME:-$(git log -1 --format=%an 2>/dev/null || echo adalora)}"
mail="${DEBEMAIL:-$(git log -1 --format=%ae 2>/dev/null || echo root@localhost)}"
root="$work/root" docs="$work/root/usr/share/doc/adalora"
install -D -m 755 "$work/adalora" "$root/usr/bin/adalora"
strip --remove-section=.comment --remove-section=.note "$root/usr/bin/adalora"
cp -r "$work/extras/share" "$root/usr/"
gzip -9n "$root"/usr/share/man/man1/*.1

mkdir -p "$docs" "$root/usr/share/lintian/overrides" "$root/DEBIAN" "$work/debian"
cat >"$root/usr/share/lintian/overrides/adalora" <<'TEXT'
# Swift's Foundation brings an ICU of its own, with other names; Debian has neither.
adalora: embedded-library *
# In what ICU says of the scripts that build it, kept word by word.
adalora: old-fsf-address-in-copyright-file *
# It goes to no archive.
adalora: initial-upload-closes-no-bugs *
TEXT
{
    printf 'adalora (swift-adalora) is under the Apache License 2.0, as are the parts of Swift in it:\n'
    printf 'see /usr/share/common-licenses/Apache-2.0.\n\nIn the program are:\n\n'
    sed -n 's/^| \(.*\) | \(.*\) | \(.*\) | in the program | .*/- \1, \2: \3/p' "$work/licenses/COMPONENTS.md"
    for text in yams libyaml flyingfox icu; do
        printf '\n\n---- %s ----\n\n' "$text"
        tr -d '\r' <"$work/licenses/$text.txt"
    done
    printf '\n\n---- swift ----\n\nThe Apache License 2.0 with this exception:\n\n'
    sed -n '/Runtime Library Exception/,$p' "$work/licenses/swift.txt"
} >"$docs/copyright"
# A file that shells read, no script.
sed -i '1{/^#!/d}' "$root/usr/share/bash-completion/completions/adalora"
gzip -9nc CHANGELOG.md >"$docs/changelog.gz"
cat >"$work/debian/changelog" <<TEXT
adalora ($version) bookworm; urgency=medium

  * Version $ADALORA_VERSION of swift-adalora; changelog.gz tells what is new.

 -- $name <$mail>  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
TEXT
gzip -9nc "$work/debian/changelog" >"$docs/changelog.Debian.gz"

printf 'Source: adalora\n\nPackage: adalora\nArchitecture: amd64\n' >"$work/debian/control"
depends="$(cd "$work" && dpkg-shlibdeps -O -eroot/usr/bin/adalora 2>"$work/log" | sed -n 's/^shlibs:Depends=//p')" || depends=
[[ -n $depends ]] || { cat "$work/log" >&2; exit 1; }
cat >"$root/DEBIAN/control" <<TEXT
Package: adalora
Version: $version
Architecture: amd64
Maintainer: $name <$mail>
Installed-Size: $(du -ks --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends
Section: science
Priority: optional
Description: fine-tuning of transformers with adaptive-rank adapters
 adalora fine-tunes pretrained encoders and language models, from Hugging
 Face folders and GGUF files, on the CPU. Beside frozen weights it trains
 low-rank adapters that share one rank budget (AdaLoRA), and shows which
 layer got how much rank. Adapters go on to PEFT, vLLM, llama.cpp and
 Ollama.
TEXT
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$root" -type d -exec chmod 755 {} +
find "$root/usr/share" "$root/DEBIAN" -type f -exec chmod 644 {} +
package="$folder/adalora_${version}_amd64.deb"
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >/dev/null
echo "$package: $(($(stat -c %s "$package") / 1000000)) MB"
