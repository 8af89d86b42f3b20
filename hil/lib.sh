# Shared by prepare.sh, exec and run; sourced, not run. Sets ROOT and KIT; missing names Debian packages that are not there.
ROOT=$(dirname "$HERE")
KIT=${KAPIJA_HIL:-$ROOT/build/hil}

# say prints one line on standard error.
say() { printf 'hil: %s\n' "$*" >&2; }

# needs COMMAND=PACKAGE … fails with the packages to install when a command, or a path that begins with /, is missing.
needs() {
  local want packages=() thing
  for want; do
    thing=${want%%=*}
    case $thing in
      /*) [ -e "$thing" ] || packages+=("${want#*=}") ;;
      *) command -v "$thing" >/dev/null || packages+=("${want#*=}") ;;
    esac
  done
  [ ${#packages[@]} -eq 0 ] && return
  say "missing Debian packages: ${packages[*]}"
  say "install them: apt-get install --no-install-recommends ${packages[*]}"
  exit 1
}

TO_RUN=(qemu-system-aarch64=qemu-system-arm cpio=cpio flock=util-linux)
TO_MAKE=(aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu make=make gcc=gcc xz=xz-utils dpkg-deb=dpkg apt-get=apt
  /usr/lib/linux-kbuild-6.1/scripts=linux-kbuild-6.1)

# complete says whether the kit is there and was made by this prepare.sh.
complete() {
  [ -s "$KIT/vmlinuz" ] && [ -s "$KIT/base.cpio" ] && [ -s "$KIT/disk.cpio" ] && [ "$(cat "$KIT/made-by" 2>/dev/null)" = "$(recipe)" ]
}

# recipe is what the kit depends on, as one checksum.
recipe() { cat "$HERE/prepare.sh" "$HERE/vminit/main.go" | sha256sum | cut -c1-64; }
