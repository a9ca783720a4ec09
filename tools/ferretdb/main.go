// Command ferretdb serves the MongoDB protocol on loopback, for the tests of the MongoDB store.
//
// It embeds FerretDB with its SQLite backend, prints its address (`mongodb://127.0.0.1:PORT/`) once it
// listens, and stops on SIGTERM, on SIGINT, and when its standard input closes: a test run that dies leaves no
// server behind.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	directory := flag.String("directory", "", "folder for the databases; without it, a temporary one that is removed at the end")
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	detached := flag.Bool("detached", false, "do not stop when standard input closes")
	flag.Parse()

	if err := serve(*directory, *listen, *detached); err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
		os.Exit(1)
	}
}

func serve(directory, listen string, detached bool) error {
	options := ""
	if directory == "" {
		temporary, err := os.MkdirTemp("", "vigie-ferretdb-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary)
		directory = temporary
		// What is removed at the end need not survive a power cut.
		options = "?_pragma=synchronous(off)"
	}

	directory, err := filepath.Abs(directory)
	if err != nil {
		return err
	}

	if err = os.MkdirAll(directory, 0o700); err != nil {
		return err
	}

	server, err := ferretdb.New(&ferretdb.Config{
		Listener: ferretdb.ListenerConfig{TCP: listen},
		// Refused requests are answers to the client, not news.
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 1})),
		Handler:   "sqlite",
		SQLiteURL: "file:" + directory + "/" + options,
	})
	if err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	if !detached {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}

	go keepIndexed(ctx, directory)

	// The address blocks until the server listens.
	go func() { fmt.Println(server.MongoDBURI()) }()

	return server.Run(ctx)
}
