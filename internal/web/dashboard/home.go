package dashboard

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// homePage is the first page: what is left to do until people can sign in, and
// after that how they do.
type homePage struct {
	URL     string
	Methods []card
	Steps   []launchStep // nil: all are done
	Tiles   []tile
	Chart   chart
	Hours   []manage.FunnelHour
	Failed  []messageLine
	Figures string // why there are none
}

// A launchStep is one of those that lead to the first sign-in. Whether it is done
// is seen by what there is, and stored nowhere.
type launchStep struct {
	Name, Text      string
	Done            bool
	Action, Address string
}

// A tile is a figure of the last day.
type tile struct{ Name, Value, Text string }

// funnelHours is how many hours the first page shows.
const funnelHours = 24

// homeRoutes are those of the first page.
func (d *Dashboard) homeRoutes(mux *http.ServeMux) {
	d.page(mux, "GET "+pathHome+"/{$}", tenant.Viewer, d.home)
	d.page(mux, "GET "+pathHome, tenant.Viewer, d.home)
	d.page(mux, "GET "+pathHome+"/funnel.csv", tenant.Viewer, d.funnelCSV)
}

// home shows the first page.
func (d *Dashboard) home(w http.ResponseWriter, q *request) error {
	cards, err := d.cards(q.Context())
	if err != nil {
		return err
	}
	p := homePage{URL: d.URL, Methods: cards}
	if p.Steps, err = d.launch(q, cards); err != nil {
		return err
	}
	if p.Steps == nil {
		d.figures(q, &p)
	}
	return d.show(w, q, "home", view{Title: "Home", Script: "routes.js", Body: p})
}

// cameAmong is how many of the newest and of the oldest users are looked at
// for one who has signed in.
const cameAmong = 50

// anybodyCame reports whether anybody has ever signed in. A message whose code was
// used says so until it is deleted for its age, and a user after that.
func (d *Dashboard) anybodyCame(q *request) (bool, error) {
	used, err := d.Manage.SearchMessages(q.Context(), "", manage.MessageQuery{State: tenant.MessageUsed, Limit: 1})
	if err != nil || len(used.Items) > 0 {
		return err == nil, err
	}
	for _, sort := range []string{"created_at:-1", "created_at:1"} {
		users, err := d.Manage.ListUsers(q.Context(), manage.UserRequest{Sort: sort}, manage.Window{Limit: cameAmong})
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(users.Items, func(u *tenant.User) bool { return !u.LastLogin.IsZero() && !u.Test }) {
			return true, nil
		}
	}
	return false, nil
}

// launch are the steps to the first sign-in, or nil if it was made.
func (d *Dashboard) launch(q *request, cards []card) ([]launchStep, error) {
	if done, err := d.anybodyCame(q); done || err != nil {
		return nil, err
	}
	people, err := d.people(q.Context())
	if err != nil {
		return nil, err
	}
	sent, err := d.Manage.ListMessages(q.Context(), "", 1)
	if err != nil {
		return nil, err
	}
	ready := slices.IndexFunc(cards, func(c card) bool { return c.On && c.Ready })
	steps := []launchStep{
		{
			Name: "Create an application", Text: "What people sign in to.", Done: len(people) > 0,
			Action: "Create an application", Address: pathApplications + "/new",
		},
		{
			Name: "Connect SMS or e-mail", Text: "Switch a method on for it, and say who sends the messages.", Done: ready >= 0,
			Action: "Set up a method", Address: pathPasswordless,
		},
		{
			Name: "Send yourself a code", Text: "Try shows each step on the way, and what the provider says.", Done: len(sent) > 0,
			Action: "Send one", Address: pathPasswordless,
		},
		{
			Name: "Sign in for the first time", Text: "Type the code where you tried it, or in your application.",
			Action: "See the quickstart", Address: pathApplications,
		},
	}
	if ready >= 0 {
		steps[2].Address = tabAddress(cards[ready].ID, tabTry)
	} else if at := slices.IndexFunc(cards, func(c card) bool { return c.ID != "" && c.On }); at >= 0 {
		steps[1].Address, steps[1].Action = cards[at].Address, "Set up who sends"
	}
	if len(people) > 0 {
		steps[3].Address = pathApplications + "/" + string(people[0].ID) + "/quickstart"
	}
	return steps, nil
}

// figures fills in what the last day came to. A database that is slow costs the
// page its figures, and not the page.
func (d *Dashboard) figures(q *request, p *homePage) {
	hours, err := d.Manage.Funnel(q.Context(), funnelHours)
	var failed manage.MessagesFound
	if err == nil {
		failed, err = d.Manage.SearchMessages(q.Context(), "", manage.MessageQuery{Failed: true, Limit: 5})
	}
	var names map[string]string
	if err == nil {
		names, err = d.names(q)
	}
	if err != nil {
		d.Log.WarnContext(q.Context(), "no figures for the first page", "err", err)
		p.Figures = "The figures could not be loaded."
		return
	}
	p.Hours, p.Chart = hours, chartOf(hours)
	var sum manage.FunnelHour
	for _, h := range hours {
		sum.Asked += h.Asked
		sum.Arrived += h.Arrived
		sum.Failed += h.Failed
		sum.SignedIn += h.SignedIn
	}
	delivered := tile{"Delivered", "–", "Nothing was reported."}
	if known := sum.Arrived + sum.Failed; known > 0 {
		delivered.Value = strconv.Itoa(sum.Arrived*100/known) + " %"
		delivered.Text = "Of " + countOf(known, "message", false) + " whose fate is known."
	}
	p.Tiles = []tile{
		{"Messages", strconv.Itoa(sum.Asked), "Asked for, and due."},
		delivered,
		{"Sign-ins", strconv.Itoa(sum.SignedIn), "People who came in."},
		{"Failures", strconv.Itoa(sum.Failed), "Messages that did not come."},
	}
	for i := range failed.Items {
		p.Failed = append(p.Failed, d.messageLine(&failed.Items[i], names, false))
	}
}

// funnelCSV writes the hours that the chart shows.
func (d *Dashboard) funnelCSV(w http.ResponseWriter, q *request) error {
	hours, err := d.Manage.Funnel(q.Context(), funnelHours)
	if err != nil {
		return err
	}
	out := startCSV(w, "last-24-hours")
	_ = out.Write([]string{"hour", "messages", "delivered", "failed", "signed_in"})
	for _, h := range hours {
		_ = out.Write([]string{
			h.At.Format(time.RFC3339), strconv.Itoa(h.Asked), strconv.Itoa(h.Arrived), strconv.Itoa(h.Failed), strconv.Itoa(h.SignedIn),
		})
	}
	out.Flush()
	return nil
}

// A chart is drawn in two parts: lines that are stretched to the width of the
// page, and texts beside them that are not.
type chart struct {
	Series []series
	Ticks  []tick
	Max    int
	Text   string // what it shows, for those who do not see it
}

// series is a line. Its label stands at the height of its end, as near as the
// other labels let it.
type series struct {
	Name   string
	Class  string
	Points string
	LabelY int
	Last   int
}

type tick struct{ X, Text string }

// The measures of a chart, in the units of its lines and in pixels.
const (
	chartWidth  = 230 // ten for each step between two hours
	chartHeight = 100
	chartPixels = 160 // high
	labelPixels = 16
	chartShare  = 68 // percent of the width that the lines have
)

// chartOf draws the hours.
func chartOf(hours []manage.FunnelHour) chart {
	lines := []struct {
		name, class string
		of          func(h manage.FunnelHour) int
	}{
		{"Messages", "s1", func(h manage.FunnelHour) int { return h.Asked }},
		{"Sign-ins", "s2", func(h manage.FunnelHour) int { return h.SignedIn }},
		{"Failures", "s3", func(h manage.FunnelHour) int { return h.Failed }},
	}
	c := chart{Max: 1}
	for _, l := range lines {
		for _, h := range hours {
			c.Max = max(c.Max, l.of(h))
		}
	}
	var told []string
	for _, l := range lines {
		s := series{Name: l.name, Class: l.class}
		var points []string
		sum := 0
		for i, h := range hours {
			n := l.of(h)
			sum += n
			points = append(points, fmt.Sprintf("%d,%.1f", i*chartWidth/max(len(hours)-1, 1), chartHeight-float64(n)*chartHeight/float64(c.Max)))
			s.Last = n
		}
		s.Points = strings.Join(points, " ")
		s.LabelY = chartPixels - s.Last*chartPixels/c.Max + 10
		told = append(told, fmt.Sprintf("%s %d", l.name, sum))
		c.Series = append(c.Series, s)
	}
	spread(c.Series)
	for i := 0; i < len(hours); i += 6 {
		c.Ticks = append(c.Ticks, tick{fmt.Sprintf("%.1f%%", float64(i*chartShare)/float64(max(len(hours)-1, 1))), hours[i].At.Format("15:04")})
	}
	c.Text = "By hour, the last 24 hours in all: " + strings.Join(told, ", ") + "."
	return c
}

// spread moves labels apart that would stand over one another, from the lowest
// up.
func spread(list []series) {
	order := []int{0, 1, 2}
	slices.SortStableFunc(order, func(a, b int) int { return list[b].LabelY - list[a].LabelY })
	for i := 1; i < len(order); i++ {
		below := list[order[i-1]].LabelY
		if s := &list[order[i]]; s.LabelY > below-labelPixels {
			s.LabelY = below - labelPixels
		}
	}
}

// everything is a window on a whole list.
func everything() manage.Window { return manage.Window{Limit: 1 << 20} }
