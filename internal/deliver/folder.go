package deliver

import (
	"os"
	"path/filepath"
	"strings"
)

// Bounds of the folders that a subaddress can name.
const (
	foldersDeep   = 4
	folderNameMax = 100
)

// folder gives the Maildir++ folder of the job's subaddress, or the maildir itself:
// without a subaddress, for one that cannot be a folder's name, and where there is
// no such folder and none is to be made. A subaddress never loses mail.
func (r *run) folder(dir string) (string, error) {
	if !r.t.Folders || len(r.a.Job.Nexthops) != 1 || !isFolderName(r.a.Job.Nexthops[0]) {
		return dir, nil
	}
	written := r.a.Job.Nexthops[0]
	folder := filepath.Join(dir, "."+strings.ToLower(written))
	for _, there := range []string{filepath.Join(dir, "."+written), folder} {
		if is, err := r.d.fs.IsDir(there); is || err != nil {
			return there, err
		}
	}
	if !r.t.CreateFolders {
		return dir, nil
	}
	return folder, r.makeFolder(dir, folder)
}

// makeFolder makes the maildir around a folder, and the folder with the file that
// marks it (Maildir++: maildirfolder).
func (r *run) makeFolder(dir, folder string) error {
	for _, path := range []string{filepath.Join(dir, "tmp"), filepath.Join(dir, "new"), filepath.Join(dir, "cur"), folder} {
		if err := r.d.fs.MakeAll(path); err != nil {
			return err
		}
	}
	f, err := r.d.fs.Create(filepath.Join(folder, "maildirfolder"))
	if os.IsExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// isFolderName: levels of letters, digits, "-" and "_" with dots between them, which
// mean the same to every program that reads Maildir++.
func isFolderName(s string) bool {
	levels := strings.Split(s, ".")
	for _, level := range levels {
		if level == "" || strings.IndexFunc(level, func(c rune) bool { return !isFolderRune(c) }) >= 0 {
			return false
		}
	}
	return len(levels) <= foldersDeep && len(s) <= folderNameMax
}

func isFolderRune(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}
