package browser

import (
	"fmt"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A hand is how somebody uses a page.
type hand interface {
	press(selector string)      // a button or a link
	check(selector string)      // a box or one of several choices
	fill(selector, text string) // a field, in place of what is in it
}

// selectAll selects what is in the field that has the focus.
func selectAll() chromedp.Action {
	return input.DispatchKeyEvent(input.KeyDown).WithKey("a").WithCode("KeyA").WithModifiers(input.ModifierCtrl).WithCommands([]string{"selectAll"})
}

// A mouse points, and types into what it pointed at.
type mouse struct{ *site }

func (m mouse) press(selector string) {
	m.t.Helper()
	m.run(chromedp.WaitVisible(selector, chromedp.ByQuery), chromedp.Click(selector, chromedp.ByQuery))
}

func (m mouse) check(selector string) { m.t.Helper(); m.press(selector) }

func (m mouse) fill(selector, text string) {
	m.t.Helper()
	m.press(selector)
	m.run(selectAll(), chromedp.KeyEvent(text))
}

// A keyboard goes from one thing to the next and never points.
type keyboard struct{ *site }

// farthest is how many steps a page may take to get to anything in it.
const farthest = 120

// reach goes on until the selector has the focus.
func (k keyboard) reach(selector string) {
	k.t.Helper()
	k.run(chromedp.WaitVisible(selector, chromedp.ByQuery))
	for range farthest {
		if k.holds(selector) {
			return
		}
		k.run(chromedp.KeyEvent(kb.Tab))
	}
	k.t.Fatalf("the Tab key does not lead to %s", selector)
}

// holds reports whether the focus is there, in view and under nothing: not
// under the bar that saves, nor under the top (D21).
func (k keyboard) holds(selector string) bool {
	k.t.Helper()
	var got string
	k.run(chromedp.Evaluate(fmt.Sprintf(`(() => {
		const e = document.activeElement;
		if (!e || !e.matches(%q)) return "";
		const box = e.getBoundingClientRect();
		const top = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height, innerHeight) / 2);
		return top && (e.contains(top) || top.contains(e) || e.labels?.[0]?.contains(top)) ? "seen" : "hidden below " + (top ? top.className || top.tagName : "the edge");
	})()`, selector), &got))
	if got != "" && got != "seen" {
		k.t.Errorf("%s has the focus and is %s", selector, got)
	}
	return got != ""
}

func (k keyboard) press(selector string) {
	k.t.Helper()
	k.reach(selector)
	k.run(chromedp.KeyEvent(kb.Enter))
}

// check presses the space bar, or, of several choices, the arrow keys from the
// one that is chosen.
func (k keyboard) check(selector string) {
	k.t.Helper()
	var group string
	k.run(chromedp.WaitVisible(selector, chromedp.ByQuery),
		chromedp.Evaluate(fmt.Sprintf(`(() => { const e = document.querySelector(%q); return e.type === "radio" ? e.name : ""; })()`, selector), &group))
	if group == "" {
		k.reach(selector)
		k.run(chromedp.KeyEvent(" "))
		return
	}
	k.reach(fmt.Sprintf("input[name=%q]", group))
	for range 10 {
		if k.holds(selector) {
			k.run(chromedp.KeyEvent(" "))
			return
		}
		k.run(chromedp.KeyEvent(kb.ArrowDown))
	}
	k.t.Fatalf("the arrow keys do not lead to %s", selector)
}

func (k keyboard) fill(selector, text string) {
	k.t.Helper()
	k.reach(selector)
	k.run(selectAll(), chromedp.KeyEvent(text))
}
