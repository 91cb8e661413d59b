package deliver

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// errRoot: what a stranger's mail reaches has no business being root.
var errRoot = errors.New("deliver: a program never runs as root, name a user")

// attributes are the process group and the user of the program.
func (p *program) attributes() (*syscall.SysProcAttr, error) {
	a := &syscall.SysProcAttr{Setpgid: true}
	if p.spec.User == "" {
		if os.Geteuid() == 0 {
			return nil, errRoot
		}
		return a, nil
	}
	uid, gid, err := ids(p.spec.User, p.spec.Group)
	switch {
	case err != nil:
		return nil, err
	case uid == 0:
		return nil, errRoot
	case int(uid) == os.Geteuid() && int(gid) == os.Getegid():
		return a, nil // ours; to change into it takes rights that we may not have
	}
	a.Credential = &syscall.Credential{Uid: uid, Gid: gid, Groups: []uint32{gid}}
	return a, nil
}

// ids looks up a user and a group by name or number.
func ids(name, group string) (uid, gid uint32, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return 0, 0, fmt.Errorf("deliver: no user %q", name)
		}
	}
	gids := u.Gid
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			if g, err = user.LookupGroupId(group); err != nil {
				return 0, 0, fmt.Errorf("deliver: no group %q", group)
			}
		}
		gids = g.Gid
	}
	if uid, err = number(u.Uid); err == nil {
		gid, err = number(gids)
	}
	return uid, gid, err
}

func number(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}
