package dashboard

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/doorcode/doorcode/internal/manage"
)

// deliveriesPage lists the messages of a connection with their timelines.
type deliveriesPage struct {
	connectionFrame
	messageList
	TryAddress, LogAddress string
}

// deliveries shows what became of a connection's messages.
func (d *Dashboard) deliveries(w http.ResponseWriter, q *request) error {
	c, f, err := d.connection(q, tabDeliveries)
	if err != nil {
		return err
	}
	f.Managed = false // it changes nothing of the connection
	find := manage.MessageQuery{Connection: c.ID, Limit: messagesAtOnce / 2}
	if before := q.URL.Query().Get("before"); strings.HasPrefix(before, "msg_") {
		find.Before = before
	}
	p := deliveriesPage{
		connectionFrame: f, TryAddress: tabAddress(c.ID, tabTry),
		LogAddress: withQuery(pathMessages, url.Values{"connection": {string(c.ID)}}),
	}
	names, err := d.names(q)
	if err != nil {
		return err
	}
	if p.messageList, err = d.listMessages(q, "", find, names, tabAddress(c.ID, tabDeliveries), url.Values{}); err != nil {
		return err
	}
	return d.show(w, q, "deliveries", view{Title: title(c), Body: p})
}
