// SPDX-License-Identifier: MIT
//
// The pool of Go's database/sql, over a driver that does nothing: bench_pool_peer GOROUTINES COUNT
// takes a connection and gives it back COUNT times in all, and prints the nanoseconds of one.
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

const size = 4

var errNothing = errors.New("this driver does nothing")

type connector struct{}
type connection struct{}

func (connector) Connect(context.Context) (driver.Conn, error) { return &connection{}, nil }
func (c connector) Driver() driver.Driver                      { return c }
func (connector) Open(string) (driver.Conn, error)             { return &connection{}, nil }

func (*connection) Prepare(string) (driver.Stmt, error) { return nil, errNothing }
func (*connection) Begin() (driver.Tx, error)           { return nil, errNothing }
func (*connection) Close() error                        { return nil }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench_pool_peer:", err)
		os.Exit(1)
	}
}

func argument(i int) int {
	if len(os.Args) != 3 {
		check(errors.New("usage: bench_pool_peer GOROUTINES COUNT"))
	}
	value, err := strconv.Atoi(os.Args[i])
	check(err)
	return value
}

func use(db *sql.DB, count int) {
	ctx := context.Background()
	for ; count > 0; count-- {
		conn, err := db.Conn(ctx)
		check(err)
		check(conn.Close())
	}
}

// Has all its connections opened and idle, as the other pools of the benchmark have.
func open() *sql.DB {
	db := sql.OpenDB(connector{})
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	var conns [size]*sql.Conn
	for i := range conns {
		var err error
		conns[i], err = db.Conn(context.Background())
		check(err)
	}
	for _, conn := range conns {
		check(conn.Close())
	}
	return db
}

func main() {
	goroutines, count := argument(1), argument(2)
	db := open()
	use(db, 1000)
	var done sync.WaitGroup
	begun := time.Now()
	for i := 0; i < goroutines; i++ {
		done.Add(1)
		go func() {
			defer done.Done()
			use(db, count/goroutines)
		}()
	}
	done.Wait()
	fmt.Println(float64(time.Since(begun).Nanoseconds()) / float64(count/goroutines*goroutines))
}
