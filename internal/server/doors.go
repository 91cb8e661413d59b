package server

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"

	"github.com/postroad/postroad/internal/config"
)

// listenFunc opens an address, as net.Listen does.
type listenFunc func(network, address string) (net.Listener, error)

// place names a door: an address of a listener.
type place struct{ listener, bind string }

// doors is the sockets on which mail comes in. They outlive a reload as long as
// the configuration names their place.
type doors struct {
	listen listenFunc
	serve  func(ln net.Listener, listener string)
	group  sync.WaitGroup // of serve

	mu   sync.Mutex // guards open
	open map[place]net.Listener
}

func newDoors(listen listenFunc, serve func(net.Listener, string)) *doors {
	return &doors{listen: listen, serve: serve, open: make(map[place]net.Listener)}
}

// change of doors that is prepared: everything that can fail has been done.
// Either commit or cancel follows.
type change struct {
	doors  *doors
	wanted map[place]bool
	fresh  map[place]net.Listener // opened, not served yet
}

// prepare opens what c names and is not open.
func (d *doors) prepare(c *config.Config) (*change, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch := &change{doors: d, wanted: make(map[place]bool), fresh: make(map[place]net.Listener)}
	for _, l := range c.Listeners {
		for _, bind := range l.Bind {
			ch.wanted[place{l.Name, bind}] = true
		}
	}
	for _, l := range c.Listeners {
		for _, bind := range l.Bind {
			at := place{l.Name, bind}
			if d.open[at] != nil || ch.fresh[at] != nil {
				continue
			}
			ln, err := d.socket(ch, bind)
			if err != nil {
				ch.cancel()
				return nil, fmt.Errorf("listener.%s (%s): %w", l.Name, l.Source, err)
			}
			ch.fresh[at] = ln
		}
	}
	return ch, nil
}

// socket opens an address. One that another listener gives up is doubled, so
// that no client finds the port closed in between.
func (d *doors) socket(ch *change, bind string) (net.Listener, error) {
	for at, ln := range d.open {
		if at.bind == bind && !ch.wanted[at] {
			return double(ln)
		}
	}
	return d.listen("tcp", bind)
}

func double(ln net.Listener) (net.Listener, error) {
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return nil, errors.New("the address cannot pass from one listener to another")
	}
	f, err := tcp.File()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileListener(f)
}

// cancel closes what was opened in vain.
func (ch *change) cancel() {
	for _, ln := range ch.fresh {
		ln.Close()
	}
}

// commit closes what is not wanted any more and serves what is new.
func (ch *change) commit() {
	d := ch.doors
	d.mu.Lock()
	defer d.mu.Unlock()
	for at, ln := range d.open {
		if !ch.wanted[at] {
			ln.Close()
			delete(d.open, at)
		}
	}
	for at, ln := range ch.fresh {
		d.open[at] = ln
		d.group.Go(func() { d.serve(ln, at.listener) })
	}
}

// addrs gives the addresses on which a listener really listens, in the order of
// their names.
func (d *doors) addrs(listener string) []net.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	var places []place
	for at := range d.open {
		if at.listener == listener {
			places = append(places, at)
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.bind, b.bind) })
	var out []net.Addr
	for _, at := range places {
		out = append(out, d.open[at].Addr())
	}
	return out
}

// files doubles the sockets, by the addresses that the configuration writes.
func (d *doors) files() (map[string]*os.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[string]*os.File, len(d.open))
	for at, ln := range d.open {
		tcp, ok := ln.(*net.TCPListener)
		if !ok {
			continue // of a test
		}
		f, err := tcp.File()
		if err != nil {
			for _, f := range out {
				f.Close()
			}
			return nil, err
		}
		out[at.bind] = f
	}
	return out, nil
}

// close closes all and waits until none is served.
func (d *doors) close() {
	d.mu.Lock()
	for at, ln := range d.open {
		ln.Close()
		delete(d.open, at)
	}
	d.mu.Unlock()
	d.group.Wait()
}
