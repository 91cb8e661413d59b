package main

import (
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
)

func init() {
	if a := os.Getenv("PROF_ADDR"); a != "" {
		runtime.SetBlockProfileRate(0)
		go http.ListenAndServe(a, nil)
	}
}
