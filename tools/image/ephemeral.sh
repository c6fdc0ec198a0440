#!/bin/bash
# From a Debian root, makes the ephemeral OS: kernel, initrd, squashfs. usage: ephemeral.sh ROOT OUT slim|full
# slim leaves out drivers of hardware that virtual machines do not have: half the size, and boots much faster where the CPU is emulated.
set -euo pipefail
SOURCE=$1; OUT=$2; SIZE=$3; HERE=$(dirname "$(readlink -f "$0")")
mkdir -p "$OUT"; R=$OUT/root; rm -rf "$R"; trap 'rm -rf "$R"' EXIT
cp -a "$SOURCE" "$R"
K=$(basename "$R"/lib/modules/*); M=$R/lib/modules/$K/kernel

# --- drivers that a server in a rack does not need; slim: only those that a virtual machine needs
( cd "$M"
  rm -rf sound drivers/{gpu,media,staging,iio,comedi,bluetooth,isdn,mtd,accel,usb/gadget,input/joystick,input/touchscreen,input/tablet,net/{wireless,can,wwan,ieee802154}} \
    net/{mac80211,wireless,bluetooth,can,mac802154,ieee802154,6lowpan,nfc,ax25,netrom,rose,x25,lapb,appletalk,decnet,phonet,batman-adv,caif,wimax}
  if [ "$SIZE" = slim ]; then
    find drivers/net -name '*.ko' | grep -Ev '/(virtio_net|net_failover|failover|e1000|e1000e|igb|igbvf|ixgbe|mdio|mii|libphy|8139cp|8139too|bonding|dummy|macvlan|macvtap|ipvlan|tap|tun|veth|vxlan|vrf|ifb|vmxnet3|dca)\.ko' | xargs rm -f
    find drivers/scsi -name '*.ko' | grep -Ev '/(virtio_scsi|sd_mod|sr_mod|sg|scsi_mod|scsi_common|raid_class|megaraid_sas|mptbase|mptscsih|mptspi|vmw_pvscsi|scsi_transport_(spi|sas))\.ko' | xargs rm -f
    rm -rf drivers/{platform,hwmon,hid,video,misc,mmc,target,usb/serial,usb/misc,usb/image,usb/atm,parport,firewire,thunderbolt,memstick,ssb,bcma,leds,power,mfd,regulator,gpio,spi,rtc,w1,uwb,vfio,xen,hv,fpga,soundwire,ntb,pcmcia,dma,edac,extcon,ufs,message,pinctrl,pwm,counter,vhost,rapidio,infiniband,i2c/busses,crypto}
    rm -rf fs/{smb,cifs,ocfs2,nfs,nfsd,gfs2,f2fs,ceph,afs,coda,jfs,reiserfs,nilfs2,ntfs,ntfs3,orangefs,dlm,ubifs,jffs2,udf,ufs,hfs,hfsplus,9p,quota,lockd,erofs,ksmbd,affs,befs,minix,sysv,zonefs,romfs,qnx4,qnx6,efs,hpfs,omfs,cramfs,ecryptfs,exfat,freevxfs,bfs,nls}
    rm -rf net/{sunrpc,smc,sctp,rxrpc,rds,qrtr,tipc,ceph,openvswitch,atm,dccp,l2tp,rfkill,9p,hsr,mpls,nsh,ife,kcm,tls,mptcp,netfilter,sched,bridge/netfilter,ipv4/netfilter,ipv6/netfilter}
    # the FAT driver wants its code pages
    mkdir -p fs/nls; cp -a "$SOURCE/lib/modules/$K/kernel/fs/nls/"nls_{cp437,ascii,utf8,iso8859-1}.ko fs/nls/ 2>/dev/null || true
  fi )
chroot "$R" depmod "$K"

# --- what runs in it
install -D -m 755 "$HERE/ephemeral-files/start" "$R/usr/lib/gantry/start"
install -D -m 644 "$HERE/ephemeral-files/gantry.service" "$R/etc/systemd/system/gantry.service"
install -D -m 644 "$HERE/ephemeral-files/80-gantry.network" "$R/etc/systemd/network/80-gantry.network"
install -D -m 644 "$HERE/ephemeral-files/cloud.cfg" "$R/etc/cloud/cloud.cfg.d/95-gantry.cfg"
touch "$R/etc/cloud/cloud-init.disabled"      # until user-data asks for it: see ephemeral-files/start
# cloud-init would make a network configuration of its own from `ip=` and restart networkd; this file keeps it from that
mkdir -p "$R/var/lib/cloud/data"; touch "$R/var/lib/cloud/data/upgraded-network"
rm -f "$R/etc/resolv.conf"; : > "$R/etc/resolv.conf"; : > "$R/etc/machine-id"; : > "$R/etc/fstab"; rm -f "$R/var/lib/dbus/machine-id"
echo ephemeral > "$R/etc/hostname"; printf '127.0.0.1 localhost\n127.0.1.1 ephemeral\n::1 localhost\n' > "$R/etc/hosts"
mkdir -p "$R/media/root-ro" "$R/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n' > "$R/etc/systemd/journald.conf.d/gantry.conf"
chroot "$R" passwd -q -l root
chroot "$R" useradd -m -s /bin/bash debian; echo 'debian ALL=(ALL) NOPASSWD:ALL' > "$R/etc/sudoers.d/90-gantry"; chmod 440 "$R/etc/sudoers.d/90-gantry"
chroot "$R" systemctl -q enable gantry.service systemd-networkd.service
chroot "$R" systemctl -q set-default multi-user.target
chroot "$R" systemctl -q disable ssh.service
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer man-db.timer systemd-tmpfiles-clean.timer \
  systemd-networkd-wait-online.service systemd-journal-flush.service systemd-random-seed.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
  systemd-pstore.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount systemd-machine-id-commit.service systemd-firstboot.service systemd-sysusers.service systemd-repart.service systemd-network-generator.service \
  systemd-hwdb-update.service systemd-pcrphase.service systemd-pcrphase-sysinit.service systemd-rfkill.service systemd-initctl.socket lvm2-monitor.service lvm2-lvmpolld.socket \
  blk-availability.service dm-event.socket uuidd.socket smartmontools.service mdmonitor.service mdmonitor-oneshot.timer mdcheck_start.timer mdcheck_continue.timer \
  nvmefc-boot-connections.service nvmf-autoconnect.service networking.service remote-fs.target dev-hugepages.mount sys-fs-fuse-connections.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  getty@tty1.service getty-static.service serial-getty@.service keyboard-setup.service console-setup.service cloud-init-hotplugd.socket; do
  ln -sf /dev/null "$R/etc/systemd/system/$unit"
done
rm -f "$R/lib/systemd/system-generators/"{systemd-gpt-auto-generator,systemd-hibernate-resume-generator,systemd-cryptsetup-generator,systemd-veritysetup-generator,systemd-integritysetup-generator,systemd-sysv-generator,systemd-rc-local-generator}
# RAID arrays, volume groups and bcache sets that are found on disks stay untouched: the agent decides
echo 'AUTO -all' > "$R/etc/mdadm/mdadm.conf"
rm -f "$R/lib/udev/rules.d/"{69-lvm.rules,69-bcache.rules,64-md-raid-assembly.rules,75-cloud-init-*}
sed -i 's/^\(\s*\)# *event_activation = .*/\1event_activation = 0/' "$R/etc/lvm/lvm.conf"

# --- one initrd: network and squashfs, nothing about disks
rm -f "$R/usr/share/initramfs-tools/hooks/"{bcache,btrfs,dmsetup,lvm2,mdadm,xfs,resume,fsck,thermal,keymap} "$R/usr/share/initramfs-tools/scripts/"*/{mdadm,lvm2,btrfs,resume,bcache}
install -m 755 "$HERE/initramfs/hook" "$R/etc/initramfs-tools/hooks/gantry"
install -m 644 "$HERE/initramfs/script" "$R/usr/share/initramfs-tools/scripts/gantry"
if [ "$SIZE" = slim ]; then MODULES=list; else MODULES=netboot; fi
printf 'MODULES=%s\nCOMPRESS=lz4\nBUSYBOX=y\nBOOT=gantry\nFSTYPE=squashfs\nRESUME=none\n' "$MODULES" > "$R/etc/initramfs-tools/conf.d/gantry"
chroot "$R" mkinitramfs -o /boot/initrd "$K"
mv "$R/boot/initrd" "$OUT/boot-initrd"; cp "$R"/boot/vmlinuz-* "$OUT/boot-kernel"; echo "$K" > "$OUT/kernel-version"
chmod 644 "$OUT/boot-kernel" "$OUT/boot-initrd"

# --- smaller: things that nothing in this image reads
rm -rf "$R"/boot/* "$R"/usr/share/{i18n,lintian,bash-completion,zsh,initramfs-tools} "$R"/usr/share/doc/*/changelog* "$R"/var/lib/apt/lists/* "$R"/var/cache/apt/*.bin "$R"/var/log/*.log \
  "$R"/usr/lib/x86_64-linux-gnu/gconv "$R"/usr/lib/udev/hwdb.d "$R"/usr/lib/python3/dist-packages/*/tests "$R"/usr/lib/python3.11/{idlelib,lib2to3,ensurepip,pydoc_data,distutils} "$R"/var/lib/dpkg/info/*.{md5sums,templates}
[ "$SIZE" = full ] || rm -rf "$R"/usr/share/zoneinfo/[A-TV-Z]* "$R"/usr/share/perl/*/unicore/lib
# ipmitool reads this registry of vendor names (4 MB of text) at each start; its beginning is enough, since nobody asks for names
sed -i 60q "$R/usr/share/misc/enterprise-numbers.txt"   # an empty one is an error to it
rm -f "$OUT/squashfs"
mksquashfs "$R" "$OUT/squashfs" -comp zstd -Xcompression-level 9 -b 128K -noappend -no-progress -quiet -wildcards -e 'dev/*' 2> >(grep -v 'xattr prefix system.posix_acl' >&2)
ls -la "$OUT"
