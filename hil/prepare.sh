#!/bin/bash
# prepare.sh makes the kit of the test machine: a stock Debian arm64 kernel, gpio-sim built for it, and vminit as
# KIT/{vmlinuz,base.cpio,disk.cpio,version,made-by}. KIT is $KAPIJA_HIL, or build/hil. A complete kit is left alone.
# About 15 s, 34 MB on disk, 226 MB fetched from the Debian mirrors that this machine uses already.
set -euo pipefail
HERE=$(dirname "$(realpath "$0")"); . "$HERE/lib.sh"
complete && exit 0
needs "${TO_RUN[@]}" "${TO_MAKE[@]}"
mkdir -p "$KIT"; KIT=$(realpath "$KIT")
exec 9>"$KIT/lock"; flock 9
complete && exit 0 # another one made it meanwhile
say "making the test machine in $KIT"

WORK=$KIT/work; LOG=$KIT/prepare.log
rm -rf "$WORK" "$KIT"/{vmlinuz,base.cpio,disk.cpio,version,made-by}
mkdir -p "$WORK"/{lists/partial,cache/archives/partial,deb,tree,kmod,root}
: > "$WORK/status"; : > "$LOG"
step() {
  local what=$1; shift
  "$@" >>"$LOG" 2>&1 && return
  say "$what failed; the last lines of $LOG:"; tail -n 8 "$LOG" >&2; exit 1
}

# The machine's own package sources, read for arm64 without touching its lists.
APT=(-q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State::Lists=$WORK/lists" -o "Dir::State::status=$WORK/status"
     -o "Dir::Cache=$WORK/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none)
step "reading the package lists (is there a network?)" apt-get "${APT[@]}" update
IMAGE=$(apt-cache "${APT[@]}" depends linux-image-arm64 2>>"$LOG" | sed -n 's/.*Depends: \(linux-image-6[^ ]*\)/\1/p' | head -n 1)
[ -n "$IMAGE" ] || { say "no linux-image-arm64 in the package sources: Debian 12 (bookworm) is needed"; exit 1; }
VERSION=${IMAGE#linux-image-}; COMMON=${VERSION%-arm64}-common
cd "$WORK/deb"
step "fetching the kernel $VERSION" apt-get "${APT[@]}" download "$IMAGE" "linux-headers-$VERSION" "linux-headers-$COMMON" linux-source-6.1
for deb in linux-image*.deb linux-headers*.deb; do step "unpacking $deb" dpkg-deb -x "$deb" "$WORK/tree"; done

# tar stops once it has its files, and what feeds it then dies of SIGPIPE.
SOURCE=(drivers/gpio/gpio-sim.c drivers/gpio/gpiolib.h kernel/irq/irq_sim.c)
{ dpkg-deb --fsys-tarfile linux-source*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz | xz -dcT0 |
  tar -x -C "$WORK/tree" --strip-components=1 --occurrence=1 "${SOURCE[@]/#/linux-source-6.1/}"; } 2>>"$LOG" || true
for f in "${SOURCE[@]}"; do
  [ -s "$WORK/tree/$f" ] || { say "linux-source-6.1 has no $f; see $LOG"; exit 1; }
  cp "$WORK/tree/$f" "$WORK/kmod/"
done

# Debian's kernels have neither gpio-sim nor irq_sim. As a module irq_sim needs a look-up that is exported, and a licence tag.
cd "$WORK/kmod"
sed -i 's/irq_to_desc(irqnum)/irq_data_to_desc(irq_get_irq_data(irqnum))/; s|#include <linux/irq.h>|&\n#include <linux/irqdesc.h>|' irq_sim.c
printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n' >> irq_sim.c
echo 'obj-m := gpio-sim.o irq_sim.o' > Makefile
HEADERS=$WORK/tree/usr/src/linux-headers-$VERSION
for tool in scripts tools; do
  ln -sfn "/usr/lib/linux-kbuild-6.1/$tool" "$HEADERS/$tool"
  ln -sfn "/usr/lib/linux-kbuild-6.1/$tool" "$WORK/tree/usr/src/linux-headers-$COMMON/$tool"
done
sed -i "s|/usr/src/linux-headers|$WORK/tree/usr/src/linux-headers|" "$HEADERS/Makefile"
step "building gpio-sim" env DEB_BUILD_ARCH=amd64 DEB_HOST_ARCH=arm64 DEB_HOST_GNU_TYPE=aarch64-linux-gnu \
  make -s -C "$HEADERS" "M=$WORK/kmod" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- modules

# The part of the initial file system that is the same for each test.
cd "$WORK/root"; mkdir -p mod dev proc sys tmp bin t
MODULES=$WORK/tree/lib/modules/$VERSION/kernel
for ko in "$MODULES/fs/configfs/configfs.ko" "$WORK/kmod/irq_sim.ko" "$WORK/kmod/gpio-sim.ko" \
          "$MODULES/drivers/i2c/i2c-dev.ko" "$MODULES/drivers/watchdog/softdog.ko"; do
  cp "$ko" mod/; basename "$ko" >> mod/order
done
aarch64-linux-gnu-strip --strip-debug mod/*.ko
step "building vminit" env -C "$ROOT" GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$WORK/root/init" ./hil/vminit
find . | cpio --quiet -o -H newc > "$KIT/base.cpio"

# What a machine with a disk loads besides: unpacked over the base, with a longer mod/order.
mkdir -p "$WORK/disk/mod"; cp mod/order "$WORK/disk/mod/"; cd "$WORK/disk"
for ko in drivers/virtio/virtio_mmio drivers/block/virtio_blk lib/crc16 crypto/crc32c_generic fs/mbcache fs/jbd2/jbd2 fs/ext4/ext4; do
  cp "$MODULES/$ko.ko" mod/; basename "$ko.ko" >> mod/order
done
aarch64-linux-gnu-strip --strip-debug mod/*.ko
find . | cpio --quiet -o -H newc > "$KIT/disk.cpio"
cp "$WORK/tree/boot/vmlinuz-$VERSION" "$KIT/vmlinuz"
echo "$VERSION" > "$KIT/version"
recipe > "$KIT/made-by"
rm -rf "$WORK"
say "made: Linux $VERSION, $(du -sh "$KIT" | cut -f1)"
