package store

import "context"

// A batcher joins calls that wait at the same time into one. Nobody waits for
// others to come: what has gathered while one batch was under way is the next.
type batcher[T any] struct {
	// run does all of a batch and returns the error of each, in its order.
	run   func(ctx context.Context, batch []T) []error
	jobs  chan batched[T]
	stop  chan struct{}
	ended chan struct{}
}

type batched[T any] struct {
	what T
	done chan error
}

// maxBatch bounds a batch.
const maxBatch = 64

func newBatcher[T any](run func(ctx context.Context, batch []T) []error) *batcher[T] {
	b := &batcher[T]{
		run: run, jobs: make(chan batched[T], maxBatch),
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	go b.loop()
	return b
}

// do has what done with others and returns its error.
func (b *batcher[T]) do(ctx context.Context, what T) error {
	j := batched[T]{what, make(chan error, 1)}
	select {
	case b.jobs <- j:
	case <-b.stop:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-j.done:
		return err
	case <-b.ended:
		select {
		case err := <-j.done:
			return err
		default:
			return errClosed
		}
	}
}

func (b *batcher[T]) close() error {
	close(b.stop)
	<-b.ended
	return nil
}

func (b *batcher[T]) loop() {
	defer close(b.ended)
	for {
		var batch []batched[T]
		select {
		case j := <-b.jobs:
			batch = append(batch, j)
		case <-b.stop:
			return
		}
		for more := true; more && len(batch) < maxBatch; {
			select {
			case j := <-b.jobs:
				batch = append(batch, j)
			default:
				more = false
			}
		}
		what := make([]T, len(batch))
		for i, j := range batch {
			what[i] = j.what
		}
		errs := b.run(context.Background(), what)
		for i, j := range batch {
			j.done <- errs[i]
		}
	}
}

// all returns the error for each of n.
func all(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}
