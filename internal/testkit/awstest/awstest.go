// Package awstest checks the signatures of requests to Amazon's services, for
// stand-ins that must take only what the real ones would.
//
// It is written from the description of Signature Version 4 alone and imports
// nothing of ours nor of Amazon's, so that a misreading elsewhere does not
// repeat itself here.
package awstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// AccessKey, Secret and Region belong to the account that stand-ins know. The
// keys are those of Amazon's own published examples.
const (
	AccessKey = "AKIDEXAMPLE"
	Secret    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	Region    = "eu-west-1"
)

// A Request is what is signed.
type Request struct {
	Method string
	Host   string
	URI    string // path and query, as sent
	Header http.Header
	Body   string
}

// Check returns the code with which Amazon refuses a request to a service, or
// "" for one that is signed by the account of AccessKey at this time.
func Check(r Request, service, region string, now time.Time) string {
	const scheme = "AWS4-HMAC-SHA256 "
	auth := r.Header.Get("Authorization")
	if auth == "" {
		return "MissingAuthenticationToken"
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(strings.TrimPrefix(auth, scheme), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	signed := strings.Split(fields["SignedHeaders"], ";")
	stamp := r.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", stamp)
	key, scope, _ := strings.Cut(fields["Credential"], "/")
	switch {
	case !strings.HasPrefix(auth, scheme) || err != nil || fields["Signature"] == "":
		return "IncompleteSignature"
	case !slices.Contains(signed, "host") || !slices.Contains(signed, "x-amz-date") || !slices.IsSorted(signed):
		return "SignatureDoesNotMatch"
	case key != AccessKey:
		return "InvalidClientTokenId"
	case scope != stamp[:8]+"/"+region+"/"+service+"/aws4_request":
		return "SignatureDoesNotMatch"
	case at.Before(now.Add(-15*time.Minute)) || at.After(now.Add(15*time.Minute)):
		return "RequestExpired"
	case !hmac.Equal([]byte(fields["Signature"]), []byte(Signature(r, signed, scope))):
		return "SignatureDoesNotMatch"
	}
	return ""
}

// Signature is the signature that a request should have: over the headers that
// are named, in the scope date/region/service/aws4_request, with Secret.
func Signature(r Request, signed []string, scope string) string {
	path, query, _ := strings.Cut(r.URI, "?")
	var headers strings.Builder
	for _, name := range signed {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = r.Host
		}
		headers.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	canonical := strings.Join([]string{
		r.Method, path, sorted(query), headers.String(), strings.Join(signed, ";"), digest(r.Body),
	}, "\n")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), scope, digest(canonical)}, "\n")
	key := []byte("AWS4" + Secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text))
}

// sorted is a query in the order in which it is signed.
func sorted(query string) string {
	values, err := url.ParseQuery(query)
	if err != nil {
		return query
	}
	return strings.ReplaceAll(values.Encode(), "+", "%20")
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}
