// The sandbox container of every pod: it holds the pod's namespaces and does nothing.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	// Orphans of a shared pid namespace end up here; nobody waits for them but us.
	signal.Ignore(syscall.SIGCHLD)
	<-stop
	os.Exit(0)
}
