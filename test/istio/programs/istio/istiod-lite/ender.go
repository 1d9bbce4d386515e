package main

import (
	"fmt"
	"os"
)

// ender is the test that Istio's harness wants to belong to. A failure ends the process.
type ender struct{}

func (ender) Fail()    { os.Exit(1) }
func (ender) FailNow() { os.Exit(1) }
func (ender) Fatal(words ...any) {
	fmt.Fprintln(os.Stderr, words...)
	os.Exit(1)
}
func (ender) Fatalf(format string, words ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", words...)
	os.Exit(1)
}
func (ender) Log(words ...any)                 { fmt.Fprintln(os.Stderr, words...) }
func (ender) Logf(format string, words ...any) { fmt.Fprintf(os.Stderr, format+"\n", words...) }
func (ender) TempDir() string                  { return os.TempDir() }
func (ender) Helper()                          {}
func (ender) Cleanup(func())                   {}
func (ender) Skip(...any)                      {}
