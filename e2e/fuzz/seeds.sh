#!/bin/bash
# What the fuzz targets start from: small images of every kind, made by the real tools. seeds.sh FOLDER
set -euo pipefail
OUT=$1
FACTS=$(realpath "$(dirname "$0")/../../src/inspect/wire/golden/v1-0.1.0.txt")
PATH=$PATH:/usr/sbin:/sbin
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
place() { mkdir -p "$OUT/$1"; cp --sparse=always "$2" "$OUT/$1/$3"; } # target, file, name

# --- what the filesystems hold: a little of everything
mkdir -p tree/a/b/c tree/many
for n in $(seq 0 9); do head -c $((n * 90)) /dev/zero | tr '\0' x >"tree/a/file-$n"; done
for n in $(seq 0 59); do echo "$n" >"tree/many/module-with-a-name-$n.ko"; done
for n in 10 70 300; do ln -s "$(printf 't%.0s' $(seq $n))" "tree/a/b/link-$n"; done
for n in $(seq 0 11); do printf 1 | dd of=tree/a/b/c/holes bs=1 seek=$((n * 8192)) conv=notrunc status=none; done
seq 30000 | gzip -n >tree/a/b/noise
seq 12000 >tree/a/b/words

# --- ext: no checksums, then all that has its own form
ext() { rm -f image; mke2fs -q -F -d tree "${@:2}" -N 128 image 2M; place ext image "$1"; }
ext plain -t ext4 -b 1024 -O ^metadata_csum,^has_journal,^resize_inode
ext ext2 -t ext2 -b 1024 -O ^resize_inode
ext inline -t ext4 -b 1024 -O inline_data,meta_bg,^metadata_csum,^has_journal,^resize_inode
ext summed -t ext4 -b 1024 -O ^has_journal,^resize_inode
ext folded -t ext4 -b 4096 -O casefold,^has_journal,^resize_inode,ea_inode,large_dir
dirty() { # name, checksums of the journal, options of mke2fs
  rm -f image; mke2fs -q -F -d tree/a "${@:3}" -b 1024 -N 64 -J size=1 image 4M
  dd if=image of=blocks bs=1024 skip=1 count=29 status=none
  printf '\xc0\x3b\x39\x98' | dd of=blocks bs=1 seek=4096 conv=notrunc status=none
  write="journal_write -b $(seq -s, 1 29) blocks"
  printf '%s\n' "journal_open $2" "$write" "journal_write -r 5,6,7" "$write" journal_close | debugfs -w -f - image >/dev/null 2>&1
  place ext image "$1"
}
dirty journal '' -t ext3
dirty journal-wide '' -t ext4 -O ^metadata_csum,64bit
dirty journal-2 '-c -v 2' -t ext4
dirty journal-3 '-c -v 3' -t ext4
place recognise image ext4

# --- XFS: version 4, version 5 with small blocks, the forms of directories
printf 'file of some length\n' >file
{
  printf 'none\n0 0\nd--755 0 0\n'
  for n in $(seq 0 9); do echo "file-$n ---644 0 0 $WORK/tree/a/file-$n"; done
  for n in 10 70 300; do echo "link-$n l--777 0 0 $(printf 't%.0s' $(seq $n))"; done
  echo "large ---644 0 0 $WORK/tree/a/b/noise"
  for dir in 3 40 250; do
    echo "dir-$dir d--755 0 0"
    for n in $(seq $dir); do echo "module-with-a-name-$n ---644 0 0 $WORK/file"; done
    echo '$'
  done
  echo '$'
} >prototype
xfs() { rm -f image; truncate -s 24M image; mkfs.xfs -q --unsupported -p prototype -d agcount=1 "${@:2}" image; place xfs image "$1"; }
xfs v4 -m crc=0 -b size=512 -i size=256 -n size=4096 -l size=3m
xfs v4-large -m crc=0 -b size=4096 -l size=8m
xfs v5 -b size=1024 -l size=9m -i nrext64=1
xfs v5-large -b size=4096 -l size=9m
place recognise image xfs

# --- NTFS; compressed files come from the tests
ntfs() {
  rm -f image; truncate -s 4M image; mkntfs -F -q "${@:2}" image >/dev/null
  for n in $(seq 0 9); do ntfscp -f -q image "tree/a/file-$n" "file-$n"; done
  ntfscp -f -q image tree/a/b/noise noise
  ntfscp -f -q -N stream image tree/a/b/words file-1
  if [ -e /dev/fuse ] && mkdir -p mounted && ntfs-3g -o "$FUSE" image mounted 2>/dev/null; then
    mkdir mounted/many; for n in $(seq 60); do echo "$n" >"mounted/many/module with a name $n.ko"; done
    ln -s ../file-1 mounted/many/link
    umount mounted; while mountpoint -q mounted; do sleep 0.1; done; sleep 0.5
  fi
  place ntfs image "$1"
}
FUSE=compression ntfs small -c 512
FUSE=compression ntfs usual -c 4096
place recognise image ntfs

# --- FAT
fat() { # name, KiB, options
  rm -f image; truncate -s "$2K" image; mkfs.fat "${@:3}" image >/dev/null
  LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1 mcopy -s -Q -i image tree/a/file-* tree/many ::/
  place fat image "$1"
}
fat 12 1440 -F 12
fat 16 2300 -F 16 -s 1 -f 1
fat 32 36000 -F 32 -s 1 -f 1
# Its free end is left out: the number of sectors is at 32.
truncate -s 800K image; printf '\x40\x06\0\0' | dd of=image bs=1 seek=32 conv=notrunc status=none; place fat image 32
place recognise image fat

# --- UFS
for version in 1 2; do
  rm -f image; makefs -t ffs -B le -o version=$version -s 4m image tree >/dev/null
  place ufs image ufs$version
done
rm -f image; makefs -t ffs -B le -o version=2,bsize=4096,fsize=512 -s 4m image tree >/dev/null; place ufs image small
place recognise image ufs

# --- btrfs
btrfs() { rm -f image; truncate -s 20M image; mkfs.btrfs -q -f --mixed -m single -d single "${@:2}" --rootdir tree image >/dev/null; place btrfs image "$1"; }
btrfs mixed --nodesize 4096
btrfs plain --nodesize 4096 -O ^no-holes,^extref
place recognise image btrfs

# --- what is recognised and not read
sign() { rm -f image; truncate -s "$2" image; "${@:3}" >/dev/null 2>&1; place recognise image "$1"; }
sign swap 1M mkswap -L s image
for version in 1 2; do
  rm -f image; truncate -s 20M image
  cryptsetup luksFormat -q --type luks$version --pbkdf pbkdf2 --pbkdf-force-iterations 1000 image file
  truncate -s 32K image; truncate -s 20M image; place recognise image luks$version
done

# --- partition tables; small partitions, as much of each is looked at
table() { rm -f image; truncate -s "$2" image; sfdisk -q "${@:3}" image >/dev/null; place partition image "$1"; }
table mbr 8M <<<$'label: dos\nstart=2048,size=256,type=83,bootable\nstart=4096,size=16,type=82\nstart=6144,size=9800,type=5\nstart=16000,size=16,type=83\nsize=16\nsize=16\nsize=16'
mke2fs -q -F -t ext2 -E offset=1048576 image 128K; place partition image mbr-ext
table gpt 8M <<<$'label: gpt\nstart=2048,size=16,name=boot\nstart=4096,size=32,type=linux,name="a b"\nsize=16,type=U'
dd if=/dev/zero of=image bs=512 seek=1 count=1 conv=notrunc status=none; place partition image gpt-backup
rm -f image; truncate -s 8M image; sgdisk -n 1:2048:2063 -n 2:4096:4111 -h 1:2 -t 1:ef00 image >/dev/null; place partition image hybrid
rm -f image; truncate -s 64M image
printf '2048,20M,a5\n,30M,E\n,4M,83\n,2M,83\n' | sfdisk -q -X dos image >/dev/null
printf 'b\ny\nn\na\n\n+5M\nt\na\n7\nn\nb\n20480\n+2M\nt\nb\n1\nw\n' | fdisk image >/dev/null 2>&1 || true
place volume image bsd

# --- containers: the disk has data, text, holes
truncate -s 1M disk; dd if=tree/a/b/noise of=disk conv=notrunc status=none; dd if=tree/a/b/words of=disk seek=8 bs=65536 conv=notrunc status=none
qemu-img create -q -f raw base 1M
qcow2() { qemu-img convert -f raw -O qcow2 "${@:2}" disk image; place qcow2 image "$1"; }
qcow2 v3
qcow2 v2 -o compat=0.10
qcow2 small -o cluster_size=512
qcow2 zlib -c
qcow2 zstd -c -o compression_type=zstd
qcow2 extended -o extended_l2=on,cluster_size=16k
rm -f image; qemu-img create -q -f qcow2 -b base -F raw image; place qcow2 image backed
qemu-img convert -f raw -O qcow2 disk image; qemu-img snapshot -c one image; place qcow2 image snapshot
qemu-img convert -f raw -O vpc disk image; place vhd image dynamic
qemu-img convert -f raw -O vpc -o subformat=fixed disk image; place vhd image fixed
vmdk() { rm -f image*; qemu-img convert -f raw -O vmdk -o "subformat=$1" disk image; place vmdk image "$1"; }
vmdk monolithicSparse
vmdk streamOptimized
vmdk twoGbMaxExtentSparse
for format in vdi vhdx qcow parallels; do qemu-img convert -f raw -O $format disk image; place object image $format; done
head -c 300000 disk >part
for program in 'gzip -c' 'bzip2 -c' 'xz -c' 'zstd -qc' 'lz4 -qc' 'lzma -c'; do $program part >image; place object image "${program%% *}"; done
tar cf image file part; place object image tar
find file | cpio -o -H newc 2>/dev/null >image; place object image cpio
genisoimage -quiet -r -J -o image tree/a 2>/dev/null; place object image iso
printf '<!DOCTYPE html>\n<html><body>404</body></html>\n' >image; place object image html
printf '{"errors":[{"code":"NoSuchKey"}]}\n' >image; place object image json
printf '<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>' >image; place object image xml
head -c 200000 /bin/bash >image; place object image elf
place object disk raw

# --- initial ramdisks, and a kernel with its configuration or a ramdisk inside
mkdir -p root/usr/lib/modules/6.1.0/kernel/drivers/block root/etc/modprobe.d root/conf early/kernel/x86/microcode
for name in virtio_blk.ko virtio_pci.ko.xz; do echo module >"root/usr/lib/modules/6.1.0/kernel/drivers/block/$name"; done
echo 'blacklist virtio_net' >root/etc/modprobe.d/block.conf
ln -s usr/lib root/lib
seq 300 >root/conf/words
echo microcode >early/kernel/x86/microcode/GenuineIntel.bin
archive() { (cd "$1" && find . | sort | cpio -o -H newc 2>/dev/null); }
archive root >main
place initramfs main plain
for program in 'gzip -c' 'bzip2 -c' 'lzop -c' 'xz --check=crc32 -c' 'zstd -qc' 'lz4 -lqc' 'lzma -c'; do $program main >image; place initramfs image "${program%% *}"; done
{ archive early; gzip -c main; } >image; place initramfs image early
python3 - <<'PYTHON'
import bz2, gzip, lzma
vmlinux = bytes(5000) + b"IKCFG_ST" + gzip.compress(b"CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_NET=m\n" * 20) + b"IKCFG_ED" + bytes(900)
ramdisk = open("main", "rb").read()
def inside(archive): return vmlinux + bytes(-len(vmlinux) % 4) + archive
for name, payload in [("gzip", gzip.compress(vmlinux)), ("ramdisk", gzip.compress(inside(ramdisk))), ("packed", gzip.compress(inside(lzma.compress(ramdisk, check=lzma.CHECK_CRC32)))), ("bzip2", bz2.compress(vmlinux)), ("lzma", lzma.compress(vmlinux, lzma.FORMAT_ALONE)), ("xz", lzma.compress(vmlinux, check=lzma.CHECK_CRC32))]:
    # Documentation/arch/x86/boot.rst
    image = bytearray(5 * 512 + 64)
    image[0x1F1] = 4
    image[0x202:0x206] = b"HdrS"
    image[0x206:0x208] = (0x20F).to_bytes(2, "little")
    image[0x20E:0x210] = (0x400).to_bytes(2, "little")
    image[0x248:0x24C] = (64).to_bytes(4, "little")
    text = b"6.1.0 (builder@host) #1 SMP"
    image[0x600:0x600 + len(text)] = text
    open(f"kernel-{name}", "wb").write(bytes(image) + payload)
PYTHON
for name in gzip bzip2 lzma xz ramdisk packed; do place kernel "kernel-$name" "$name"; done

# --- a unified kernel: systemd's stub without most of its code, and all sections that are read
printf 'ID=a\nPRETTY_NAME="A"\nVERSION_ID=1\n' >osrel; printf 'root=LABEL=root ro' >cmdline
objcopy --add-section .osrel=osrel --change-section-vma .osrel=0x20000 --add-section .cmdline=cmdline --change-section-vma .cmdline=0x30000 \
  --add-section .linux=kernel-gzip --change-section-vma .linux=0x40000 --add-section .initrd=main --change-section-vma .initrd=0x80000 \
  /usr/lib/systemd/boot/efi/linuxx64.efi.stub image
place unified image stub

# --- texts: the files of a target with a byte 0xFF between them
text() { mkdir -p "$OUT/$1.texts"; cat >"$OUT/$1.texts/$2"; }
printf 'set default="0"\nif [ -s $prefix/grubenv ]; then load_env; fi\nfunction savedefault { saved_entry="${chosen}"; save_env saved_entry; }\nmenuentry "A" --class gnu --id a {\n search --no-floppy --fs-uuid --set=root 0a1b2c3d-0000-4000-8000-000000000001\n linux /boot/vmlinuz-1 root=LABEL=root ro quiet\n initrd /boot/initrd-1\n}\nsubmenu "B" { menuentry "C" { linux ($root)/boot/vmlinuz-1 $kernelopts; initrd /boot/initrd-1 } }\n' | text grub plain
printf 'set prefix=/boot/grub\ninsmod blscfg\nset boot=${root}\nload_env -f ${prefix}/grubenv\nfor x in a b; do set y="${x}"; done\nwhile [ "$y" != b ]; do true; done\nblscfg\nsource ${prefix}/custom.cfg\n\xff# GRUB Environment Block\nsaved_entry=b-2\nkernelopts=root=LABEL=root ro\n####\xfftitle A (1)\nversion 1\nlinux /boot/vmlinuz-1\ninitrd /boot/initrd-1\noptions $kernelopts\n\xfftitle B\nversion 2-1.el9\nlinux /boot/vmlinuz-1\ninitrd /boot/initrd-1 $tuned_initrd\n\xffset timeout=5\nexport timeout\nconfigfile /boot/grub/grub.cfg\n' | text grub bls
printf 'default saved\nfallback 1\ntimeout 5\ntitle A\n root (hd0,0)\n kernel /boot/vmlinuz-1 ro root=/dev/sda1\n initrd /boot/initrd-1\ntitle B\n rootnoverify (hd0,1)\n chainloader +1\n\xff1\n' | text legacy plain
printf 'DEFAULT a\nPROMPT 0\nINCLUDE more.cfg\nLABEL a\n MENU LABEL A\n KERNEL /boot/vmlinuz-1\n APPEND initrd=/boot/initrd-1 root=LABEL=root\nLABEL b\n LINUX ../vmlinuz-1\n INITRD ../initrd-1\n\xffONTIMEOUT b\nUI menu.c32\n' | text extlinux plain
printf 'timeout 3\ndefault a-*\n\xfftitle A\nversion 1~rc1\nsort-key a\nmachine-id 0a1b\nlinux /boot/vmlinuz-1\ninitrd /boot/initrd-1\noptions root=LABEL=root ro\n\xfftitle "B"\nversion 2\narchitecture x64\nefi \\boot\\vmlinuz-1\noptions quiet\n' | text systemd_boot plain
printf '# a comment\nUUID=0a1b2c3d-0000-4000-8000-000000000001 / ext4 defaults,noatime 0 1\nLABEL=boot /mnt/a\\040b ext4 noauto,nofail 0 2\n/dev/sda2 none swap sw\ntmpfs /tmp tmpfs\n//host/share /s cifs _netdev\n' | text fstab plain
printf '\0NAME="Debian GNU/Linux"\nID=debian\nID_LIKE="rhel \\"fedora\\""\nVERSION_ID='"'12'"'\n' | text release os-release
printf '\1DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\n' | text release lsb
printf '\2SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n' | text release suse
printf '\3CentOS release 6.10 (Final)\n' | text release redhat
printf '\4wheezy/sid\n' | text release debian
printf '\5\nUbuntu 10.04.4 LTS \\n \\l\n' | text release issue
printf 'Package: bash\nStatus: install ok installed\nVersion: 5\nDescription: shell\n more\n\nPackage: cloud-init\nStatus: install ok installed\nArchitecture: all\nVersion: 22.4.2-1\n\n' | text packages dpkg
printf '\xffC:Q1\nP:cloud-init\nV:22.4-r0\nA:x86_64\nF:usr/bin\nR:cloud-init\n\n' | text packages apk
printf 'users: [default]\ndatasource_list: [NoCloud, &a None]\ndatasource:\n  NoCloud: {seedfrom: *a}\n\xff# made by hand\ndatasource_list:\n  - AliYun\n  - Ec2\n\xffpolicy: search,found=first\ndatasource: Ec2\n\xffstart on mounted MOUNTPOINT=/\n' | text cloud_init plain
printf 'auto lo eth0\niface lo inet loopback\nallow-hotplug eth0\niface eth0 inet static\n address 10.0.0.2/24\n gateway 10.0.0.1\niface eth0 inet6 auto\nsource /etc/network/interfaces.d/*\nmapping eth1\n script /bin/x\n map a b\n\xffnetwork:\n  version: 2\n  renderer: networkd\n  ethernets:\n    eth0: {dhcp4: true, match: {macaddress: "52:54:00:00:00:01"}, set-name: lan}\n    eth1:\n      addresses: [10.0.0.3/24]\n\xffDEVICE=eth0\nBOOTPROTO="dhcp"\nONBOOT=yes\nHWADDR=52:54:00:00:00:01\nIPV6INIT=yes\n\xff[connection]\nid=a\ntype=ethernet\ninterface-name=eth0\n\n[ipv4]\nmethod=manual\naddress1=10.0.0.2/24,10.0.0.1\n\xff[Match]\nName=en* eth?\nMACAddress=52:54:00:00:00:01\n[Network]\nDHCP=ipv4\nAddress=10.0.0.2/24\n\xff[main]\nplugins=ifcfg-rh,keyfile\n[ifupdown]\nmanaged=true\n[keyfile]\nunmanaged-devices=mac:52:54:00:00:00:01;interface-name:eth1\n\xffSUBSYSTEM=="net", ACTION=="add", ATTR{address}=="52:54:00:00:00:01", NAME="eth0"\n' | text network plain
printf 'WICKED_DEBUG=""\nDHCLIENT=yes\n\xffBOOTPROTO="static"\nSTARTMODE='"'auto'"'\nIPADDR_0=10.0.0.2/24\nLLADDR=52:54:00:00:00:01\n\xffifconfig_em0="inet 10.0.0.2/24"\nifconfig_DEFAULT="SYNCDHCP"\nnetwork_interfaces="auto"\n\xff# virtio\nvirtio_blk_load="YES"\nkernel="kernel"\n\xff#!/bin/sh\nUSERLAND_VERSION="13.2-RELEASE-p4"\n' | text rc_conf plain
printf '#!/usr/sbin/nft -f\nflush ruleset\ndefine p = { 22, 80 }\ntable inet filter {\n set s { type inet_service; elements = { 22, 443 } }\n chain input {\n  type filter hook input priority 0; policy drop;\n  ct state established,related accept\n  iif lo accept\n  tcp dport $p accept\n  tcp dport @s counter jump other\n }\n chain other { ip saddr 10.0.0.0/8 accept; }\n}\n\xff*filter\n:INPUT DROP [0:0]\n:OTHER - [0:0]\n-A INPUT -m state --state ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -m multiport --dports 22,80 -j OTHER\n-A OTHER -s 10.0.0.0/8 -j ACCEPT\nCOMMIT\n\xff<?xml version="1.0"?>\n<zone target="DROP"><short>P</short><service name="ssh"/><port port="80-90" protocol="tcp"/><rule family="ipv4"><source address="10.0.0.0/8"/><accept/></rule></zone>\n\xffDefaultZone=public\n\xffENABLED=yes\n\xffFW_SERVICES_EXT_TCP="ssh"\nFW_DEV_EXT="any"\n\xffPort 22\nInclude /etc/ssh/sshd_config\nPermitRootLogin no\nMatch User a,!b\n PasswordAuthentication yes\n\xfffirewall_enable="YES"\nfirewall_type="workstation"\nsshd_enable="YES"\npf_enable=no\n\xff[Unit]\nConditionPathExists=!/x\n[Install]\nWantedBy=multi-user.target\n' | text firewall plain
printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/sbin/nologin\n\xffroot:$6$salt$hash:19000:0:99999:7:::\nnobody:!:1::::::\n\xffroot:$2b$04$hash:0:0::0:0:Charlie:/root:/bin/sh\ntoor:*:0:0::0:0::/root:\n' | text accounts plain
printf '{"facts":{"worker":"1","source":{"access":"reached","sizeBytes":5},"table":{"known":{"scheme":"gpt","partitions":[{"number":1}]}},"volumes":[{"name":"p1"}],"guest":{"family":"Linux","linux":{"kernels":[{"version":"1","drivers":[{"name":"virtio_blk"}]}]}}}}' | text wire facts
printf '{"written":{"url":"s3://a/b","bytes":7,"checksum":"sha256:00"}}' | text wire written
printf '{"refused":{"reason":"SourceChanged","message":"m","http":{"status":403}}}' | text wire refused
cp "$FACTS" "$OUT/wire.texts/golden"

# --- whole disks: a Linux on ext4 behind GPT, on XFS behind an MBR, a Windows on NTFS
mkdir -p linux/{etc/cloud,boot/grub,bin,usr,sbin,var/lib/dpkg,lib/modules/6.1.0}
printf 'ID=debian\nVERSION_ID="12"\n' >linux/etc/os-release
printf 'LABEL=root / ext4 defaults 0 1\nLABEL=EFI /boot/efi vfat umask=0077 0 1\n' >linux/etc/fstab
printf 'set default=0\nmenuentry Debian {\n search --no-floppy --label --set=root root\n linux /boot/vmlinuz-6.1.0 root=LABEL=root ro\n initrd /boot/initrd.img-6.1.0\n}\n' >linux/boot/grub/grub.cfg
printf 'Package: cloud-init\nStatus: install ok installed\nVersion: 22.4.2-1\n\n' >linux/var/lib/dpkg/status
printf 'datasource_list: [ NoCloud, None ]\n' >linux/etc/cloud/cloud.cfg
cp kernel-gzip linux/boot/vmlinuz-6.1.0; cp main linux/boot/initrd.img-6.1.0; head -c 400 /bin/bash >linux/sbin/init
truncate -s 12M whole; sfdisk -q whole >/dev/null <<<$'label: gpt\nstart=2048,size=4096,type=U\nstart=6144,size=14000'
mke2fs -q -F -t ext4 -b 1024 -L root -O ^has_journal,^metadata_csum -N 128 -d linux -E offset=$((6144 * 512)) whole 6500K
rm -f image; truncate -s 2M image; mkfs.fat -n EFI image >/dev/null
head -c 300000 /usr/lib/grub/x86_64-efi/monolithic/grubx64.efi >loader; mmd -i image ::/EFI ::/EFI/BOOT; mcopy -i image loader ::/EFI/BOOT/BOOTX64.EFI; dd if=image of=whole bs=512 seek=2048 conv=notrunc status=none
place inspect whole gpt-ext4
qemu-img convert -f raw -O qcow2 whole image; place inspect image qcow2
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized whole image; place inspect image vmdk
{
  printf 'none\n0 0\nd--755 0 0\n'
  tree() { for path in "$1"/*; do
    name=${path##*/}
    if [ -d "$path" ]; then echo "$name d--755 0 0"; tree "$path"; echo '$'; else echo "$name ---644 0 0 $WORK/$path"; fi
  done; }
  shopt -s nullglob; tree linux
  echo '$'
} >prototype
rm -f image; truncate -s 24M image; mkfs.xfs -q --unsupported -L root -m crc=0 -d agcount=1 -p prototype -l size=8m image
truncate -s 26M whole; sfdisk -q whole >/dev/null <<<$'label: dos\nstart=2048,size=49152,type=83,bootable'
dd if=image of=whole bs=512 seek=2048 conv=notrunc,sparse status=none
dd if=/usr/lib/grub/i386-pc/boot.img of=whole bs=440 count=1 conv=notrunc status=none; place inspect whole mbr-xfs
rm -f image; truncate -s 4M image; mkntfs -F -q -L windows image >/dev/null
place inspect image ntfs
