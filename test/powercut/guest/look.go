package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/test/load"
)

const (
	snapshot = "point"
	folder   = "/run/point"
	spoolDir = "postroad/spool"
	sector   = 512 // of the device mapper's tables
)

// look opens the store as it stands on the disk, and tells what has changed.
func (r *replay) look(point int) error {
	found, err := r.messages()
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "mark %s\n", r.mark)
	for id, digest := range found {
		if !r.known[id] {
			fmt.Fprintf(r.out, "+%s %s\n", id, digest)
		}
	}
	for id := range r.known {
		if _, ok := found[id]; !ok {
			fmt.Fprintf(r.out, "-%s\n", id)
		}
	}
	clear(r.known)
	for id := range found {
		r.known[id] = true
	}
	fmt.Fprintf(r.out, "point %d\n", point)
	return nil
}

// messages lists ids and digests of what the store has.
func (r *replay) messages() (found map[string]string, err error) {
	if err := r.mount(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.unmount()) }()
	dir := filepath.Join(folder, spoolDir)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	store, err := spool.Open(spool.Options{Dir: dir, MinFree: -1, Ballast: -1, MemTable: 8 << 20})
	if err != nil {
		return nil, err
	}
	found, err = list(store)
	if err == nil && store.Health().Damaged > 0 {
		err = fmt.Errorf("%d records are damaged", store.Health().Damaged)
	}
	return found, errors.Join(err, store.Close())
}

func list(store *spool.Pebble) (map[string]string, error) {
	ctx := context.Background()
	var ids []spool.ID
	err := store.Scan(ctx, spool.Filter{}, func(e spool.Entry) error {
		ids = append(ids, e.Job.Message)
		return nil
	})
	found := make(map[string]string, len(ids))
	for _, id := range ids {
		if err != nil {
			break
		}
		var data []byte
		if data, err = body(ctx, store, id); err == nil {
			name, digest := load.Identify(data)
			found[name] = digest
		}
	}
	return found, err
}

func body(ctx context.Context, store *spool.Pebble, id spool.ID) ([]byte, error) {
	_, b, err := store.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	return data, errors.Join(err, b.Close())
}

// mount makes a snapshot, whose writes go to the spare device, and mounts it.
func (r *replay) mount() error {
	size, err := sizeOf(r.disk)
	if err != nil {
		return err
	}
	table := fmt.Sprintf("0 %d snapshot %s %s N 8", size/sector, r.disk, r.spare)
	if out, err := exec.Command("dmsetup", "create", snapshot, "--table", table).CombinedOutput(); err != nil {
		return fmt.Errorf("dmsetup: %w: %s", err, out)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("/dev/mapper/"+snapshot, folder, r.fs, 0, ""); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	return nil
}

func (r *replay) unmount() error {
	if err := syscall.Unmount(folder, 0); err != nil {
		return fmt.Errorf("umount: %w", err)
	}
	if out, err := exec.Command("dmsetup", "remove", snapshot).CombinedOutput(); err != nil {
		return fmt.Errorf("dmsetup: %w: %s", err, out)
	}
	return nil
}

func sizeOf(device string) (int64, error) {
	f, err := os.Open(device)
	if err != nil {
		return 0, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	return size, errors.Join(err, f.Close())
}
