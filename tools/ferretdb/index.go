package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"
)

// FerretDB 1.24 looks for an _id by the expression _ferretdb_sjson->'$._id', but its own index is on
// _ferretdb_sjson->"_id", which SQLite does not take for the same: every look-up reads the whole collection.
// Its PostgreSQL backend has no such flaw. With this index, tests see the speed that users of that backend see.
const (
	missing = `SELECT name FROM sqlite_schema AS t
		WHERE type = 'table' AND sql LIKE '%\_ferretdb\_sjson%' ESCAPE '\' AND NOT EXISTS (
			SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = t.name || '__by_id')`
	create = `CREATE INDEX IF NOT EXISTS "%s__by_id" ON "%[1]s" (_ferretdb_sjson->'$._id')`
)

// keepIndexed adds the index to collections soon after they are made.
func keepIndexed(ctx context.Context, directory string) {
	for ctx.Err() == nil {
		files, _ := filepath.Glob(filepath.Join(directory, "*.sqlite"))
		for _, file := range files {
			// A database that is dropped meanwhile is no error.
			_ = index(ctx, file)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func index(ctx context.Context, file string) error {
	database, err := sql.Open("sqlite", "file:"+file+"?mode=rw&_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	defer database.Close()

	rows, err := database.QueryContext(ctx, missing)
	if err != nil {
		return err
	}

	var tables []string
	for rows.Next() {
		var table string
		if err = rows.Scan(&table); err != nil {
			return err
		}
		tables = append(tables, table)
	}
	if err = rows.Close(); err != nil {
		return err
	}

	for _, table := range tables {
		if _, err = database.ExecContext(ctx, fmt.Sprintf(create, table)); err != nil {
			return err
		}
	}

	return nil
}
