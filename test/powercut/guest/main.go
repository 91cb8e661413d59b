// Command guest runs inside the virtual machine of test/powercut. It replays what
// dm-log-writes recorded to each flush and FUA mark, mounts the disk as it was
// then through a snapshot, so that nothing of the replay is altered, opens the
// store and tells which messages it has.
//
// It knows no ledger and judges nothing: the host does. Its output is lines:
// "points N of M", then for each point "mark K" (the last one before it),
// "+ID DIGEST" and "-ID" for what came and went since the point before, and
// "point N". Anything that fails ends it with status 1: a store that does not
// open after a flush is what the test looks for.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	var r replay
	flag.StringVar(&r.log, "log", "/dev/vdb", "device that dm-log-writes wrote")
	flag.StringVar(&r.disk, "disk", "/dev/vdc", "the disk as it was before")
	flag.StringVar(&r.spare, "spare", "/dev/vdd", "device for what a snapshot writes")
	flag.StringVar(&r.fs, "fs", "ext4", "file system of the disk")
	flag.IntVar(&r.most, "most", 0, "points to try, spread evenly; 0: all")
	flag.Parse()
	if err := r.run(os.Stdout); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}
