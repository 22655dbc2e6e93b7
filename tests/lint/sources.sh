# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the lint tests: goes to the tree that is looked at, the
# first argument or else this one, and lists its files.

cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}" || exit 1

# Everything in the tree that people wrote, tracked or not yet.
tree_files() {
    find . \( -name .git -o -name 'build*' -type d \) -prune -o -type f -print | sed 's|^\./||' | LC_ALL=C sort
}

c_files() {
    tree_files | grep -E '\.[ch]$'
}

# By name or by first line: most of ours have no suffix.
shell_files() {
    tree_files | while IFS= read -r f; do
        case $f in
        *.sh) echo "$f" ;;
        *.*) ;;
        *) if head -c 64 -- "$f" | head -1 | grep -qaE '^#!.*\b(ba)?sh\b'; then echo "$f"; fi ;;
        esac
    done
}

need() {
    command -v "$1" >/dev/null || {
        echo "skipped: no $1; scripts/install-packages test brings it"
        exit 77
    }
}
