// Package powercut takes the power from a running server. A virtual machine
// (qemu without acceleration, Debian's cloud kernel, busybox) runs `postroad
// serve` on an image with ext4 or XFS; the load, the ledger of what was answered
// 250 and the receivers are outside, in the test.
//
// Three forms. TestCuts kills qemu at random moments and boots again on the same
// image: what the guest had not flushed is gone, and everything in the ledger
// must arrive. Since killing qemu keeps all that reached the device, TestReplay
// records the device with dm-log-writes and opens the store as it was at each
// flush and FUA mark. TestFailingDisk puts the data on dm-flakey, whose writes
// fail in turns.
//
// It does not test the vfs campaigns' reordered writes (internal/spool) nor a
// killed process (test/crash).
//
// It needs the Debian packages qemu-system-x86, busybox-static, cpio, dmsetup,
// e2fsprogs and xfsprogs, and takes the kernel from a linux-image package that
// it downloads into the user's cache folder and does not install. The test skips
// where one of them is missing. The default is a few cuts and a short while of a failing disk;
// POSTROAD_POWERCUT=all (make powercut) makes 100 cuts a file system.
package powercut
