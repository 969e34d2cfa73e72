package browser

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// heaviestPicture is how much one of the documents may weigh.
const heaviestPicture = 80 << 10

// TestScreenshots makes the pictures of the documents along the founding walk.
// They are written with test/long screenshots alone, since two machines do not
// draw letters in the same way.
func TestScreenshots(t *testing.T) {
	if os.Getenv("DOORCODE_TEST_LONG") != "screenshots" {
		t.Skip("pictures are made by test/long screenshots")
	}
	browser := chromium.New(t)
	docs := filepath.Join("..", "..", "docs")
	for _, method := range []string{"sms", "email"} {
		w := newWalk(t, newTab(t, browser), false)
		w.method, w.hand = method, mouse{w.site}
		w.run(emulation.SetDeviceMetricsOverride(1180, 760, 1, false))
		w.enter()
		w.createApplication()
		w.switchOn()
		w.setUp()
		w.run(chromedp.WaitReady("iframe[name=preview]", chromedp.ByQuery))
		w.picture(filepath.Join(docs, "guides", "images", method+"-settings.png"))
		w.try()
		w.picture(filepath.Join(docs, "guides", "images", method+"-try.png"))
		if method == "email" {
			w.run(chromium.Open(w.URL+"/outbox"), chromedp.WaitVisible("article", chromedp.ByQuery))
			w.picture(filepath.Join(docs, "images", "outbox.png"))
			continue
		}
		w.run(emulation.SetDeviceMetricsOverride(390, 560, 1, true), chromium.Open(w.authorize("connection", "sms")))
		w.fill("#username", person)
		w.press("#continue")
		w.run(chromedp.WaitVisible("#code", chromedp.ByQuery))
		w.picture(filepath.Join(docs, "images", "login.png"))
	}
}

// picture writes what the window shows.
func (s *site) picture(path string) {
	s.t.Helper()
	var raw []byte
	s.run(chromedp.Evaluate(`window.scrollTo(0, 0)`, nil), chromedp.CaptureScreenshot(&raw))
	raw = fewColours(s.t, raw)
	if len(raw) > heaviestPicture {
		s.t.Errorf("%s has %d bytes, of at most %d", path, len(raw), heaviestPicture)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// fewColours draws a picture with its 256 most frequent colours, which letters
// and lines lose nothing by.
func fewColours(t *testing.T, raw []byte) []byte {
	t.Helper()
	from, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	count := map[color.Color]int{}
	for y := from.Bounds().Min.Y; y < from.Bounds().Max.Y; y++ {
		for x := from.Bounds().Min.X; x < from.Bounds().Max.X; x++ {
			count[from.At(x, y)]++
		}
	}
	all := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return cmp.Compare(count[b], count[a]) })
	to := image.NewPaletted(from.Bounds(), all[:min(len(all), 256)])
	draw.Draw(to, to.Bounds(), from, from.Bounds().Min, draw.Src)
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, to); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
