//go:build unix

package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// X9: the programs that the Dashboard shows for an application sign somebody in
// as they are copied, and the line below them that waits for the first sign-in
// turns into a tick. The application is made and set up in the Dashboard too.
// What the page says to install comes in the versions that are pinned here.
func TestQuickstarts(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	s := serve(t)
	a := administer(t, s)
	for _, kind := range []string{"regular_web", "native"} { // with a secret and without, by e-mail and by SMS
		t.Run("curl, "+kind, func(t *testing.T) { a.application(t, kind, "curl").inTerminal(t) })
	}
	t.Run("a machine, by curl", func(t *testing.T) { a.application(t, "non_interactive", "machine").askForToken(t) })
	t.Run("the commands of an API's page", func(t *testing.T) { a.callAPI(t) })
	t.Run("Express", func(t *testing.T) {
		packages(t, "openid-node")
		q := a.application(t, "regular_web", "express")
		q.installed(t, "openid-node")
		q.signIn(t, "")
	})
	for _, kind := range []string{"regular_web", "native"} {
		t.Run("Go, "+kind, func(t *testing.T) {
			q := a.application(t, kind, "go")
			q.module(t)
			q.signIn(t, "")
		})
		t.Run("Python, "+kind, func(t *testing.T) {
			venv(t)
			q := a.application(t, kind, "python")
			q.signIn(t, q.install) // as the page says: the versions are named by PIP_CONSTRAINT
		})
	}
	t.Run("React", func(t *testing.T) {
		packages(t, "react")
		binary.Tool(t, "npm", "")
		q := a.application(t, "spa", "react")
		q.react(t)
	})
	s.Stop()
}

// The same programs against doorcode dev as it is started without anything else:
// at an address with http, which the page has to name where a library would take
// https for granted.
func TestQuickstartsOverHTTP(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	s := binary.New(t).Start("--ephemeral")
	if !strings.HasPrefix(s.URL, "http://localhost:") {
		t.Fatalf("the server is at %s", s.URL)
	}
	a := administer(t, s)
	t.Run("curl", func(t *testing.T) { a.application(t, "native", "curl").inTerminal(t) })
	t.Run("Express", func(t *testing.T) {
		packages(t, "openid-node")
		q := a.application(t, "regular_web", "express")
		q.installed(t, "openid-node")
		q.signIn(t, "")
	})
	t.Run("Go", func(t *testing.T) {
		q := a.application(t, "native", "go")
		q.module(t)
		q.signIn(t, "")
	})
	t.Run("Python", func(t *testing.T) {
		venv(t)
		q := a.application(t, "native", "python")
		q.signIn(t, q.install)
	})
	t.Run("React", func(t *testing.T) {
		packages(t, "react")
		binary.Tool(t, "npm", "")
		a.application(t, "spa", "react").react(t)
	})
	s.Stop()
}

// venv skips what needs Python where that cannot make an environment of its own.
func venv(t *testing.T) {
	t.Helper()
	if err := exec.Command(binary.Tool(t, "python3", ""), "-c", "import ensurepip, venv").Run(); err != nil {
		binary.Missing(t, "python3 has no venv")
	}
}

// audience is an API whose name the shell would take apart.
const audience = "https://orders.example.com/?a=1&it's=$HOME"

// A quickstart is what the page of an application says, and where it is done.
type quickstart struct {
	*administrator
	path               string // of the page
	client, secret     string
	who                string // signs in
	origin             string // where the application is
	install, file, run string // what the page says
	dir, pins          string
}

// command is the shell's command that runs the program as somebody does who has
// set its secret and trusts the server's certificate.
func (q *quickstart) command(ctx context.Context, before string) *exec.Cmd {
	script := before
	for _, name := range []string{"CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"} {
		script += "\nexport " + name + "='" + q.server.CAFile + "'"
	}
	cmd := exec.CommandContext(ctx, "sh", "-ec", script+"\n"+q.run)
	cmd.Dir = q.dir
	cmd.Env = append(os.Environ(), "CLIENT_SECRET="+q.secret, "GOWORK=off", "PIP_CONSTRAINT="+q.pins)
	return cmd
}

// application adds an application as an administrator does, and reads its
// program into an empty directory.
func (a *administrator) application(t *testing.T, kind, program string) *quickstart {
	t.Helper()
	p := a.submit(t, a.get(t, "/dashboard/applications/new").Form("name").Set("name", program+" "+kind).Set("app_type", kind))
	id, _, _ := strings.Cut(strings.TrimPrefix(p.URL.Path, "/dashboard/applications/"), "/")
	q := &quickstart{administrator: a, client: id, origin: "http://localhost:" + free(t), dir: t.TempDir()}
	q.who = fmt.Sprintf("+4477009004%02d", a.people)
	a.people++
	var err error
	if q.pins, err = filepath.Abs("python/constraints.txt"); err != nil {
		t.Fatal(err)
	}
	m := a.server.Manage(t.Context())
	var made struct {
		Secret string `json:"client_secret"`
	}
	m.Must(t.Context(), http.MethodGet, "/api/v2/clients/"+id, nil, &made)
	if kind == "regular_web" { // by e-mail alone; the page prefers SMS where both are on
		q.who = program + "@mail.example"
		m.Must(t.Context(), http.MethodPatch, "/api/v2/connections/"+m.Connection(t.Context(), "sms")+"/clients",
			[]map[string]any{{"client_id": id, "status": false}}, nil)
	}
	if program == "machine" {
		m.Must(t.Context(), http.MethodPost, "/api/v2/resource-servers", map[string]any{"name": "Orders", "identifier": audience}, nil)
		m.Must(t.Context(), http.MethodPost, "/api/v2/client-grants", map[string]any{"client_id": id, "audience": audience, "scope": []string{}}, nil)
	}
	if program != "curl" && program != "machine" {
		callback := q.origin
		if program != "react" {
			callback += "/callback"
		}
		p = a.submit(t, a.get(t, "/dashboard/applications/"+id+"/settings").Form("callbacks").Set("callbacks", callback).Press("save"))
		if program == "react" { // which alone signs people out
			if said := a.get(t, "/dashboard/applications/"+id+"/quickstart").Text(); !strings.Contains(said, q.origin+" is not among the Allowed Logout URLs") {
				t.Errorf("without a logout URL the page says: %s", said)
			}
			a.submit(t, p.Form("callbacks").Set("allowed_logout_urls", q.origin).Press("save"))
		}
	}
	q.secret = made.Secret
	q.path = "/dashboard/applications/" + id + "/quickstart?for=" + program
	q.read(t)
	return q
}

// read takes what can be copied from the page.
func (q *quickstart) read(t *testing.T) {
	t.Helper()
	p := q.get(t, q.path)
	if said := p.Text(); !strings.Contains(said, "Waiting for") || strings.Contains(p.Body, "alert-w") {
		t.Fatalf("before anything is done the page says: %s", said)
	}
	for _, link := range p.Links() {
		if strings.Contains(link, "since=") && strings.Contains(link, q.path[strings.Index(q.path, "?")+1:]) {
			q.path = p.URL.Path + link
		}
	}
	for heading, text := range snippets(t, p) {
		switch heading {
		case "Install":
			q.install = text
		case "Run":
			q.run = text
		default:
			q.file = heading
			q.write(t, heading, []byte(text))
		}
	}
	if q.file == "" || q.run == "" {
		t.Fatalf("the page shows the file %q and the command %q", q.file, q.run)
	}
}

func (q *quickstart) write(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join(q.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// ticked looks at the page again, until it says that somebody has signed in.
func (q *quickstart) ticked(t *testing.T, want string) {
	t.Helper()
	var said string
	for range 50 {
		said = q.get(t, q.path).Text()
		if strings.Contains(said, "✓") && strings.Contains(said, want) && !strings.Contains(said, "Waiting for") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("afterwards the page says: %s", said)
}

// signedIn sees that the page knows of it.
func (q *quickstart) signedIn(t *testing.T) {
	t.Helper()
	q.server.NoteOutbox()
	q.ticked(t, "Somebody signed in")
}

// inTerminal runs the program that asks for a code and types it in.
func (q *quickstart) inTerminal(t *testing.T) {
	t.Helper()
	binary.Tool(t, "curl", "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := q.command(ctx, "")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(in, q.who+"\n")
	if sent := q.server.Messages(ctx, q.who); len(sent) > 0 {
		_, _ = io.WriteString(in, sent[0].Code+"\n")
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), `"id_token"`) {
		t.Errorf("%s: %v\n%s\n%s", q.run, err, &out, &problems)
	}
	q.signedIn(t)
}

// askForToken runs the program of an application that signs nobody in.
func (q *quickstart) askForToken(t *testing.T) {
	t.Helper()
	binary.Tool(t, "curl", "")
	out, err := q.command(t.Context(), "").Output()
	if err != nil || !strings.Contains(string(out), `"access_token"`) {
		t.Errorf("%s: %v\n%s", q.run, err, out)
	}
	q.ticked(t, "A token was issued")
}

// installed gives the program the packages of a directory beside this file, if
// they are those that the page says to install.
func (q *quickstart) installed(t *testing.T, dir string) {
	t.Helper()
	modules, err := filepath.Abs(filepath.Join(dir, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\s((?:@[a-z0-9-]+/)?[a-z0-9-]+)@(\d+|latest)`).FindAllStringSubmatch(q.install, -1)
	if len(named) == 0 {
		t.Fatalf("nothing to install in %q", q.install)
	}
	for _, one := range named {
		name := strings.Replace(one[1], "vite", "create-vite", 1) // npm create
		text, err := os.ReadFile(filepath.Join(modules, name, "package.json"))
		if err != nil {
			t.Fatalf("%s is to be installed: %v", name, err)
		}
		var about struct{ Version string }
		if err := json.Unmarshal(text, &about); err != nil {
			t.Fatal(err)
		}
		if one[2] != "latest" && !strings.HasPrefix(about.Version, one[2]+".") {
			t.Errorf("the page says %s@%s, and %s is tested", name, one[2], about.Version)
		}
	}
	if err := os.Symlink(modules, filepath.Join(q.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
}

// module makes the module that the page says to make, with the versions of the
// program's own.
func (q *quickstart) module(t *testing.T) {
	t.Helper()
	own, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(own), "\n")
	sums, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	initialise, get, ok := strings.Cut(q.install, " && go get ")
	if !ok || initialise != "go mod init example" {
		t.Fatalf("the page says %q", q.install)
	}
	for _, name := range strings.Fields(get) {
		if !strings.Contains(rest, name+" v") {
			t.Fatalf("%s is not in go.mod", name)
		}
	}
	q.write(t, "go.mod", []byte("module example\n"+rest))
	q.write(t, "go.sum", sums)
}

// start runs the program, after the commands before it if there are any, until
// the test ends.
func (q *quickstart) start(t *testing.T, before string) {
	t.Helper()
	cmd := q.command(context.WithoutCancel(t.Context()), before)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go and npm start the program as a process of its own
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s\n%s", q.run, text)
		}
	})
	for range 1200 {
		if c, err := net.Dial("tcp", strings.TrimPrefix(q.origin, "http://")); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("nothing answers at %s", q.origin)
}

// signIn runs a program that makes its pages on the server, and has somebody
// without scripts sign in with it.
func (q *quickstart) signIn(t *testing.T, before string) {
	t.Helper()
	q.start(t, before)
	b := textbrowser.New(q.server.HTTP.Transport, nil)
	p, err := b.Get(t.Context(), q.origin)
	for step := 0; err == nil && p.URL.Host == q.server.Domain; step++ {
		if step == 10 {
			t.Fatalf("still at %s: %s", p.URL.Path, p.Text())
		}
		switch form := p.Form("username"); {
		case p.Form("code") != nil:
			if sent := q.server.Messages(t.Context(), q.who); len(sent) > 0 {
				p, err = b.Submit(t.Context(), p.Form("code").Set("code", sent[0].Code))
			}
		case form != nil:
			p, err = b.Submit(t.Context(), form.Set("username", q.who))
		default:
			p, err = b.Submit(t.Context(), p.Form("action").Press("accept"))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal([]byte(p.Body), &claims); err != nil || p.Status != http.StatusOK || claims["name"] != q.who {
		t.Errorf("%s answered %d: %s", p.URL, p.Status, p.Body)
	}
	q.signedIn(t)
}

// react puts the program into the application that npm create vite makes, and
// signs somebody in with it in a browser.
func (q *quickstart) react(t *testing.T) {
	t.Helper()
	q.installed(t, "react")
	program, err := os.ReadFile(filepath.Join(q.dir, q.file))
	if err != nil {
		t.Fatal(err)
	}
	create, rest, _ := strings.Cut(q.install, "\n")
	args, ok := strings.CutPrefix(create, "npm create vite@latest ")
	if !ok || !strings.HasPrefix(rest, "cd example\n") {
		t.Fatalf("the page says %q", q.install)
	}
	run(t, q.dir, nil, "sh", "-c", "node node_modules/create-vite/index.js --no-interactive "+strings.Replace(args, "-- ", "", 1))
	q.dir = filepath.Join(q.dir, "example")
	q.installed(t, "react")
	q.write(t, q.file, program)
	q.start(t, "")

	p := &page{t: t, server: q.server, tab: chromium.New(t), origin: q.origin, client: q.client}
	p.visit("/")
	p.run(chromedp.WaitVisible("button"), chromedp.Click("button"))
	p.run(chromedp.WaitVisible("#username"), chromedp.SendKeys("#username", q.who), chromedp.Click("#continue"), chromedp.WaitVisible("#code"))
	var shown string
	p.run(chromedp.SendKeys("#code", p.code(q.who)), chromedp.Click("#continue"), chromedp.WaitVisible("pre"), chromedp.Text("pre", &shown))
	var user map[string]any
	if err := json.Unmarshal([]byte(shown), &user); err != nil || user["name"] != q.who {
		t.Errorf("signed in: %s", shown)
	}
	q.signedIn(t)
	p.run(chromedp.Click("button"), chromedp.WaitNotPresent("pre"), chromedp.WaitVisible("button"), chromedp.Text("button", &shown))
	if shown != "Sign in" {
		t.Errorf("signed out: %s", shown)
	}
}

// free is a port that nobody listened on a moment ago.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
