package binary

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Message is one that a server has handed over to its outbox.
type Message struct {
	ID         string    `json:"id"`
	Channel    string    `json:"channel"`
	To         string    `json:"to"`
	Text       string    `json:"text"`
	Code       string    `json:"code"`
	Link       string    `json:"link"`
	Connection string    `json:"connection"`
	ClientID   string    `json:"client_id"`
	Language   string    `json:"language"`
	CreatedAt  time.Time `json:"created_at"`

	// Seen is when the inbox got it.
	Seen time.Time `json:"-"`
}

// An Inbox holds all messages that the servers it follows have handed over,
// whichever of them did it. A process can be given a message that another has
// stored.
type Inbox struct {
	run *Run

	mu      sync.Mutex
	changed chan struct{} // closed at the next message
	seen    map[string]bool
	to      map[string][]Message
	all     []Message
}

// Inbox returns an inbox that follows the servers.
func (r *Run) Inbox(servers ...*Server) *Inbox {
	r.t.Helper()
	in := &Inbox{run: r, changed: make(chan struct{}), seen: map[string]bool{}, to: map[string][]Message{}}
	for _, s := range servers {
		in.Follow(s)
	}
	return in
}

// Follow also takes the messages of s, those it has already handed over as
// well, until its process ends. A server that was started again has to be
// followed again.
func (in *Inbox) Follow(s *Server) {
	in.run.t.Helper()
	in.run.t.Cleanup(in.Live(s))
	for _, m := range s.Messages(context.Background(), "") {
		in.add(s.PID, m)
	}
}

// Live takes the messages that s hands over from now on, until its process
// ends or the returned function is called.
func (in *Inbox) Live(s *Server) (stop func()) {
	in.run.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.OutboxURL+"/events", nil)
	if err != nil {
		in.run.t.Fatal(err)
	}
	stream := *s.HTTP
	stream.Timeout = 0
	res, err := stream.Do(req)
	if err != nil {
		in.run.t.Fatalf("follow the outbox: %v", err)
	}
	if res.StatusCode != http.StatusOK {
		in.run.t.Fatalf("GET %s answered %d", req.URL, res.StatusCode)
	}
	read, pid := make(chan struct{}), s.PID
	go func() {
		defer close(read)
		in.read(pid, res)
	}()
	return func() {
		cancel()
		<-read
	}
}

// read takes events until the stream ends.
func (in *Inbox) read(pid int, res *http.Response) {
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	event := ""
	for lines.Scan() {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "event:"); ok {
			event = strings.TrimSpace(rest)
		}
		rest, ok := strings.CutPrefix(line, "data:")
		if !ok || event != "message" {
			continue
		}
		var m Message
		if err := json.Unmarshal([]byte(strings.TrimSpace(rest)), &m); err != nil {
			in.run.t.Errorf("the outbox sent an event that is no message: %v", err)
			continue
		}
		in.add(pid, m)
	}
}

func (in *Inbox) add(pid int, m Message) {
	in.run.Note(m.Code)
	m.Seen = time.Now()
	key := fmt.Sprint(pid, " ", m.ID)
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.seen[key] {
		return
	}
	in.seen[key] = true
	in.to[m.To] = append(in.to[m.To], m)
	in.all = append(in.all, m)
	close(in.changed)
	in.changed = make(chan struct{})
}

// To returns the messages to a number or address so far, oldest first.
func (in *Inbox) To(to string) []Message {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.to[to][:len(in.to[to]):len(in.to[to])]
}

// All returns every message so far, oldest first.
func (in *Inbox) All() []Message {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.all[:len(in.all):len(in.all)]
}

// Wait waits for the nth message to a number or address, the first being 0.
func (in *Inbox) Wait(ctx context.Context, to string, n int) (Message, error) {
	for {
		in.mu.Lock()
		messages, changed := in.to[to], in.changed
		in.mu.Unlock()
		if len(messages) > n {
			return messages[n], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, fmt.Errorf("message %d to %s: %w", n+1, to, ctx.Err())
		}
	}
}

// WaitAll waits until there are n messages in all.
func (in *Inbox) WaitAll(ctx context.Context, n int) error {
	for {
		in.mu.Lock()
		count, changed := len(in.all), in.changed
		in.mu.Unlock()
		if count >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d messages: %w", count, n, ctx.Err())
		}
	}
}

// Messages asks the outbox for the messages to a number or address, or to
// anybody, newest first.
func (s *Server) Messages(ctx context.Context, to string) []Message {
	s.run.t.Helper()
	query := ""
	if to != "" {
		query = "?wait=5s&to=" + strings.ReplaceAll(to, "+", "%2B")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.OutboxURL+"/api/messages"+query, nil)
	if err != nil {
		s.run.t.Fatal(err)
	}
	a := s.Do(req)
	if !a.OK() {
		s.run.t.Errorf("GET /outbox/api/messages answered %v", a)
		return nil
	}
	var doc struct {
		Messages []Message `json:"messages"`
	}
	if err := json.Unmarshal(a.Body, &doc); err != nil {
		s.run.t.Errorf("GET /outbox/api/messages: %v", err)
	}
	for _, m := range doc.Messages {
		s.run.Note(m.Code)
	}
	return doc.Messages
}

// NoteOutbox remembers the codes of all messages in the outbox, and whom they
// went to, where another program than the test has asked for them.
func (s *Server) NoteOutbox() {
	s.run.t.Helper()
	messages := s.Messages(context.Background(), "")
	if len(messages) == 0 {
		s.run.t.Error("the outbox is empty")
	}
	for _, m := range messages {
		s.run.Note(m.To)
	}
}
