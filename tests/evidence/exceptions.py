"""What the corpora claim of their images and no test confirms, with the reason for each.

Rows: which specimens, which of their values (both as patterns of fnmatch), why. A row that is not needed fails a test.
"""

from __future__ import annotations

_NOT_READ = "found and named, but its file system is not read here"
_LISTING = "the text of another program's listing, not an image"
_OTHER_ROOM = "no image: read by the rooms of extraction and artifacts"
_NOTE = "a remark of the corpus, not a value"
_VIEW = "The Sleuth Kit's own view: its slots, words for types, tables and gaps"

_VALID = "that reader ignores the valid-data length: what lies beyond it is slack here"
_HIDDEN = "that reader hides deleted rows of exFAT, and what was in a deleted directory"

FILESYSTEMS = (
    ("*", "filesystems/*/block_count", "the size is told in bytes, by the volume"),
    ("*", "*/filesystem/block_count", "the size is told in bytes, by the volume"),
    ("*", "volume_system/partitions/*/slot", _VIEW),
    ("*", "volume_system/partitions/*/desc", _VIEW),
    ("*", "volume_system/partitions/*/meta", _VIEW),
    ("*", "note", _NOTE),
    ("*", "source", _NOTE),
    ("*", "*/note", _NOTE),
    ("*", "*/source", _NOTE),
    ("*", "shadow_source", _NOTE),
    ("*", "*/entries_source", _NOTE),
    ("*", "filesystems/*/error", "The Sleuth Kit's refusal; what we say of it is the volume's kind"),
    ("dfir_ntfs/exfat_orphan.raw.gz", "filesystems/0/entries/1/error", "a message of The Sleuth Kit's binding"),
    ("*.E01*", "ewf/header/acquiry_*", "kept in the container's own form, which differs between writers"),
    ("*.E01*", "ewf/header/system_date", "not kept: the date of the acquisition is"),
    ("*vhd.gz", "vhd/disk_type", "not kept: what the disk holds is what counts"),
    ("*vhd.gz", "vhd/*identifier", "not kept: parents are found by name, checked by the library"),
    ("*vhd.gz", "vhd/parent_filename", "not kept: parents are found by name, checked by the library"),
    # what is named and not read
    ("made/ext4.vdi.gz", "*", "VirtualBox disks are refused by name (UnsupportedError)"),
    ("dfvfs/apfs.raw.gz", "filesystems/0/[!f]*", f"APFS: {_NOT_READ}"),
    ("dfvfs/apfs.raw.gz", "blkid/uuid", f"APFS: {_NOT_READ}"),
    ("*xfs*.gz", "filesystems/0/[!f]*", f"XFS: {_NOT_READ}"),
    ("*xfs*.xz", "filesystems/0/[!f]*", f"XFS: {_NOT_READ}"),
    ("*xfs*", "blkid/uuid", f"XFS: {_NOT_READ}"),
    ("made/btrfs.raw.gz", "filesystems/0/[!f]*", f"Btrfs: {_NOT_READ}"),
    ("made/btrfs.raw.gz", "blkid/uuid*", f"Btrfs: {_NOT_READ}"),
    ("made/squashfs.raw.gz", "filesystems/0/[!f]*", f"SquashFS: {_NOT_READ}"),
    ("made/squashfs.raw.gz", "blkid/version", f"SquashFS: {_NOT_READ}"),
    ("*hfs*", "hfs/*", f"classic HFS: {_NOT_READ}"),
    ("made/lvm.raw.gz", "lvm/*", "LVM: found and named, its logical volumes are not put together here"),
    ("made/lvm.raw.gz", "blkid/[uv]*", "LVM: found and named, its logical volumes are not put together here"),
    ("cryptsetup/blkid-luks2-pv.img.xz", "blkid/[uv]*", "LVM: found and named, not put together here"),
    ("made/udf-bridge.iso.gz", "udf_view/*", "UDF: the ISO 9660 tree of the bridge, which holds the same, is read"),
    ("cryptsetup/fvault2-small.img.xz", "fvault2/*", "FileVault 2: found as corestorage, not opened here"),
    ("plaso/vsstest.qcow2.gz", "shadow_copies/*", "shadow copies are not opened here"),
    ("cryptsetup/[tv]c_*", "kind", "TrueCrypt, VeraCrypt: nothing tells them from noise; they are `unknown`"),
    ("cryptsetup/[tv]c_*", "*password", "TrueCrypt, VeraCrypt: not opened here"),
    ("dfir_ntfs/fat32_small.raw.gz", "blkid/[uv]*", "a FAT that The Sleuth Kit refuses, and so do we, by name"),
    # where the corpus is one reader's opinion
    ("dfir_ntfs/exfat_win.raw.gz", "filesystems/0/counts/files", "its two labels are counted as files"),
    ("dfir_ntfs/exfat_win.raw.gz", "filesystems/0/entry_count", "its two labels are counted as files"),
    ("dfir_ntfs/exfat_win.raw.gz", "filesystems/0/paths_sha256", "its two labels are counted as files"),
    ("dfir_ntfs/exfat_encrypted.raw.gz", "filesystems/0/counts/deleted_entries", _HIDDEN),
    ("dfir_ntfs/exfat_orphan.raw.gz", "filesystems/0/counts/deleted_entries", _HIDDEN),
    ("dfir_ntfs/exfat_lin_part.raw.gz", "filesystems/0/counts/dirs", "that reader hides a name of 256 letters"),
    (
        "dfir_ntfs/exfat_encrypted.raw.gz",
        "filesystems/0/entries/7/sha256",
        "that reader guesses where the table still has the whole chain of a deleted file",
    ),
    ("dfir_ntfs/exfat_encrypted.raw.gz", "filesystems/0/entries/11/sha256", _VALID),
    ("dfir_ntfs/exfat_encrypted.raw.gz", "filesystems/0/entries/13/sha256", _VALID),
    ("dfir_ntfs/exfat_encrypted.raw.gz", "filesystems/0/entries/15/sha256", _VALID),
    ("dfir_ntfs/exfat_encrypted.raw.gz", "filesystems/0/entries/17/sha256", _VALID),
    ("dfir_ntfs/exfat_encrypted.raw.gz", "filesystems/0/entries/19/sha256", _VALID),
    ("dfir_ntfs/exfat_encrypted.raw.gz", "filesystems/0/entries/21/sha256", _VALID),
    ("dfir_ntfs/exfat_encrypted.raw.gz", "filesystems/0/entries/23/sha256", _VALID),
    ("dfir_ntfs/exfat_encrypted.raw.gz", "filesystems/0/entries/25/sha256", _VALID),
    ("dfir_ntfs/exfat_encrypted.raw.gz", "filesystems/0/entries/29/sha256", _VALID),
    ("made/luks2.raw.gz", "luks/sha256", "its header says sectors of 4096, its maker wrote 512: see test_luks"),
    ("made/luks2.raw.gz", "luks/filesystem/counts/[fd][!e]*", "its header says sectors of 4096: see test_luks"),
    ("made/luks2.raw.gz", "luks/filesystem/entries/[!4]*", "its header says sectors of 4096: see test_luks"),
    ("made/luks2.raw.gz", "luks/payload_offset", "confirmed by test_luks through the key"),
    ("made/luks1.raw.gz", "luks/encryption", _NOTE),
    ("made/iso-joliet-rockridge.iso.gz", "*_names/*", "the same names as in `filesystems`, once per name space"),
    ("made/ext4.qcow2.gz", "raw_word_offsets/*", "by its own digest the medium is ext4.raw, which has them elsewhere"),
    ("made/ext4.vhd*.gz", "raw_word_offsets/*", "by its own digest the medium is ext4.raw, which has them elsewhere"),
    (
        "dfir_ntfs/ntfs_index.raw.gz",
        "filesystems/0/counts/deleted_entries",
        "names left in slack of indexes: not gathered",
    ),
    ("dfir_ntfs/ntfs_index.raw.gz", "filesystems/0/entries/4/*", "names left in slack of indexes: not gathered"),
    ("dfir_ntfs/ntfs_index.raw.gz", "filesystems/0/entries/35/*", "names left in slack of indexes: not gathered"),
    ("cryptsetup/bitlk-aes*", "bitlocker/filesystem*/label", "the publishers wiped the file tables the labels are in"),
    ("cryptsetup/bitlk-*", "bitlocker/filesystem_by_blkid/version", "FAT16 and FAT12 are both `fat`"),
    ("cryptsetup/bitlk-*", "bitlocker/published/[cg]*", "cipher and identifier are not kept: what opens is"),
    (
        "cryptsetup/*startup-key*",
        "bitlocker/startup_key",
        "start-up key files are not taken; the recovery key opens it",
    ),
    # what is no image
    ("*.txt", "*", _LISTING),
    ("*.fls", "*", _LISTING),
    ("*.body", "*", _LISTING),
    ("dfvfs/syslog*", "*", _OTHER_ROOM),
    ("dfvfs/tar/*", "*", _OTHER_ROOM),
    ("dfvfs/zip/*", "*", _OTHER_ROOM),
    ("dfvfs/corrupt1.gz", "*", _OTHER_ROOM),
    ("made/tree.tar", "*", _OTHER_ROOM),
    ("*.tgz", "*", "an archive of an image: unpacked by the reader of archives"),
    ("dfir_ntfs/vss_*.tar.gz", "*", "an archive of an image: unpacked by the reader of archives"),
    ("dfir_ntfs/LogFile*", "signature", _OTHER_ROOM),
    ("dfir_ntfs/usnjrnlj.bin", "*", _OTHER_ROOM),
)
DFTT = (
    ("*", "note", _NOTE),
    ("hfsjtest1-image.gen1.zip", "dfxml_[if]*", "about the listing in the zip; its files are confirmed one by one"),
    ("9-fat-label.zip", "filesystems/0/counts/files", "labels that own clusters are listed as the files they are"),
    ("14-iso9660-1.zip", "page_says/*/note", _NOTE),
    ("14-iso9660-1.zip", "page_says/*/should_show/*", "of several trees only that of the last descriptor is listed"),
    ("14-iso9660-1.zip", "read_from_the_bytes/*/volume_descriptors/*", "of several trees only one is listed"),
    ("14-iso9660-1.zip", "read_from_the_bytes/*/seen_by_sleuthkit*", "what another reader shows"),
)
