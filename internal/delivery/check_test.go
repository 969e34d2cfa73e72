package delivery_test

import (
	"context"
	"errors"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery"
)

// plainSender can be asked nothing; askedSender can.
type plainSender struct{}

func (plainSender) Provider() string { return "plain" }

func (plainSender) Send(context.Context, delivery.Outgoing) (delivery.Receipt, error) {
	return delivery.Receipt{}, nil
}

type askedSender struct{ plainSender }

func (askedSender) Check(context.Context) []delivery.Finding {
	return []delivery.Finding{{Name: "account", Verdict: delivery.Fail, Detail: "Closed.", Fix: "Open another."}}
}

func TestCheckAsksWhoCanBeAsked(t *testing.T) {
	got := delivery.Check(t.Context(), askedSender{})
	if len(got) != 1 || got[0].Name != "account" || got[0].Verdict != delivery.Fail {
		t.Errorf("Check = %+v, want the sender's own finding", got)
	}
	got = delivery.Check(t.Context(), plainSender{})
	if len(got) != 1 || got[0].Verdict != delivery.Warn || got[0].Fix == "" {
		t.Errorf("Check = %+v, want one warning that says what to do instead", got)
	}
}

func TestFailedTakesTheVerdictFromTheClass(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want delivery.Verdict
	}{
		{&delivery.Error{Code: "20003", Class: delivery.Configuration, Text: "Authenticate"}, delivery.Fail},
		{&delivery.Error{Code: "21211", Class: delivery.Permanent, Text: "No."}, delivery.Fail},
		{&delivery.Error{Code: "20503", Class: delivery.Temporary, Text: "Busy."}, delivery.Warn},
		{&delivery.Error{Code: delivery.CodeUnreachable, Class: delivery.Temporary, Text: "Away."}, delivery.Fail},
		{errors.New("anything"), delivery.Warn},
	} {
		got := delivery.Failed("account", tt.err)
		if got.Verdict != tt.want || got.Detail == "" || got.Name != "account" {
			t.Errorf("Failed(%v) = %+v, want the verdict %s and a detail", tt.err, got, tt.want)
		}
		if got.Fix == "" {
			t.Errorf("Failed(%v) = %+v, want it to say what to do", tt.err, got)
		}
	}
}
