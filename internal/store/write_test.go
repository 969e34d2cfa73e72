package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// mark is a transaction that leaves a row with the name.
func mark(name string) func(tx store.Querier) error {
	return func(tx store.Querier) error {
		_, err := tx.exec(context.Background(), `INSERT INTO meta (name, value) VALUES ($1, '')`, name)
		return err
	}
}
